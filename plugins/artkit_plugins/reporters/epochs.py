"""The epochs of a run as reporters see them: those before a resume, and those that ended since.

Epochs count from 0 in hooks and tables; texts and figures for people show `epoch + 1`, the number of epochs done.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from artkit import RunInfo

Epoch = Mapping[str, float]

MEASURES: Final = {"accuracy": max, "macro_recall": max, "loss": min}
"""What can choose the weights, and which value of it is the best."""


def past_epochs(run: RunInfo) -> list[Epoch]:
    """Give the epochs done before this run started; empty unless it was resumed."""
    return [dict(epoch) for epoch in run.history if epoch["epoch"] < run.first_epoch]


def best_epoch(epochs: Sequence[Epoch], measure: str) -> int | None:
    """Find the epoch, counted from 0, with the best validation value; the earliest of equals.

    Args:
        epochs: Values of each epoch.
        measure: "accuracy", "macro_recall" or "loss".

    Returns:
        None if no epoch has such a value.
    """
    values = {int(e["epoch"]): e[f"val_{measure}"] for e in epochs if math.isfinite(e.get(f"val_{measure}", math.nan))}
    if not values:
        return None
    best = MEASURES[measure](values.values())
    return min(epoch for epoch, value in values.items() if value == best)
