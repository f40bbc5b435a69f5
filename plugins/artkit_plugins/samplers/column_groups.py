"""Groups of samples of which a column of the data set says the same, and how often each of a group should appear.

`N` samples, `G` groups.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from artkit import RecipeError, weights_by_class

Groups = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Group of each sample, (N,), from 0 to G - 1; and appearances of each sample of a group in an epoch, (G,)."""


def groups_by_name(values: Sequence[str | None], weights: Mapping[str, float]) -> Groups:
    """A group for each value; it has the weight of its name, or 1, as those have of which nothing is said.

    Raises:
        RecipeError: if a name is not among the values, or a weight is not above 0.
    """
    names = sorted({value for value in values if value is not None})
    number_of = {name: number for number, name in enumerate(names)}
    groups = [len(names) if value is None else number_of[value] for value in values]
    factors = [*(weights_by_class(weights, names, option="sampler.weights") if names else ()), 1.0]
    return np.array(groups, dtype=np.int64), np.array(factors)


def groups_by_number(values: Sequence[str | None], column: str) -> Groups:
    """A group for each number that a value is; 1 where nothing is said.

    Raises:
        RecipeError: if a value is no number of 0 or more.
    """
    of_samples = [1.0 if value is None else _number(value, column) for value in values]
    factors, groups = np.unique(of_samples, return_inverse=True)
    return groups.astype(np.int64), factors


def _number(value: str, column: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise RecipeError(
            f"sampler.column={column} has '{value}', which is no number of 0 or more; give numbers for its values, "
            f"such as sampler.weights={value}=2"
        )
    return number
