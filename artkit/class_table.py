"""A table of class name = number, as users write it in options, checked against the classes that there are."""

import math
from collections.abc import Collection, Mapping, Sequence

from artkit.errors import RecipeError
from artkit.suggest import suggest


def weights_by_class(
    weights: Mapping[str, float], class_names: Sequence[str], *, option: str, others: Collection[str] = ()
) -> list[float]:
    """The weight of each class, in the order of `class_names`; those that are not named have a weight of 1.

    Args:
        weights: Class name -> weight.
        class_names: K names.
        option: What the user calls the table, such as "loss.weights".
        others: Names that may be in the table too and have no weight here, such as `LossContext.other_class_names`.

    Raises:
        RecipeError: if the table is empty, a name is not that of a class, or a weight is not above 0 and finite.
    """
    if not weights:
        raise RecipeError(f"{option} is an empty table; name at least one class, such as '{class_names[0]}' = 2.0")
    for name, weight in weights.items():
        if name not in class_names and name not in others:
            hint = (
                suggest(name, (*class_names, *others))
                or f"The {len(class_names)} classes begin with {_few(class_names)}."
            )
            raise RecipeError(f"{option} has the class '{name}', which the data set does not have. {hint}")
        if not (weight > 0 and math.isfinite(weight)):
            raise RecipeError(f"{option} has {weight} for the class '{name}'; a weight must be above 0 and finite.")
    return [weights.get(name, 1.0) for name in class_names]


def _few(class_names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in class_names[:3])
