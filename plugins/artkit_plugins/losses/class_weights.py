"""What a loss makes of how often each class is drawn: weights, and the logarithm of the prior.

A class that is never drawn counts as drawn once. It cannot have the weight or prior that its count asks for, which is
infinite, but it can turn up in validation.

`K` classes.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from artkit import RecipeError
from artkit.suggest import suggest

FloatArray = NDArray[np.float64]


def inverse_frequency_weights(drawn_counts: NDArray[np.int64], power: float) -> FloatArray:
    """Weights in proportion to 1 / drawn_counts ** power, with a mean of 1 over the classes, (K,)."""
    raw = np.maximum(drawn_counts, 1).astype(np.float64) ** -power
    weights: FloatArray = raw / raw.mean()
    return weights


def named_weights(weights: Mapping[str, float], class_names: Sequence[str]) -> FloatArray:
    """Weights by class name, (K,); classes that are not named have a weight of 1.

    Raises:
        RecipeError: if a name is not that of a class, or a weight is not above 0.
    """
    for name, weight in weights.items():
        if name not in class_names:
            hint = suggest(name, class_names) or f"The {len(class_names)} classes begin with {_few(class_names)}."
            raise RecipeError(f"loss.weights has the class '{name}', which the data set does not have. {hint}")
        if not (weight > 0 and math.isfinite(weight)):
            raise RecipeError(f"loss.weights has {weight} for the class '{name}'; a weight must be above 0 and finite.")
    return np.array([weights.get(name, 1.0) for name in class_names])


def log_prior(drawn_counts: NDArray[np.int64]) -> FloatArray:
    """Natural logarithm of the share of each class among all draws, (K,)."""
    counts = np.maximum(drawn_counts, 1).astype(np.float64)
    logs: FloatArray = np.log(counts / counts.sum())
    return logs


def _few(class_names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in class_names[:3])
