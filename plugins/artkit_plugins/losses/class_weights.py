"""What a loss makes of the counts of classes: weights, margins, and the logarithm of the prior.

A class that is never drawn counts as drawn once. It cannot have the weight or prior that its count asks for, which is
infinite, but it can turn up in validation.

`K` classes.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from artkit import LossContext, weights_by_class

FloatArray = NDArray[np.float64]


def inverse_frequency_weights(drawn_counts: NDArray[np.int64], power: float) -> FloatArray:
    """Weights in proportion to 1 / drawn_counts ** power, with a mean of 1 over the classes, (K,)."""
    return _mean_of_one(np.maximum(drawn_counts, 1).astype(np.float64) ** -power)


def effective_number_weights(drawn_counts: NDArray[np.int64], beta: float) -> FloatArray:
    """Weights in proportion to (1 - beta) / (1 - beta^drawn_counts), with a mean of 1 over the classes, (K,).

    Args:
        drawn_counts: (K,).
        beta: In [0, 1); at 0 all weights are 1.
    """
    return _mean_of_one((1 - beta) / (1 - beta ** np.maximum(drawn_counts, 1).astype(np.float64)))


def named_weights(ctx: LossContext, weights: Mapping[str, float], *, option: str) -> FloatArray:
    """Weights by class name, (K,); 1 for the classes that are not named, and for all while the loss is deferred.

    Raises:
        RecipeError: if a name is not that of a class, or a weight is not above 0.
    """
    of_classes = np.array(weights_by_class(weights, ctx.class_names, option=option, others=ctx.other_class_names))
    return np.ones_like(of_classes) if ctx.is_deferred else of_classes


def quartic_root_margins(class_counts: NDArray[np.int64], max_margin: float) -> FloatArray:
    """Margins in proportion to class_counts ** -0.25, (K,); the rarest class has `max_margin`.

    A class without images has the margin of the rarest one that has some.
    """
    rarest = class_counts[class_counts > 0].min()
    margins: FloatArray = max_margin * (np.maximum(class_counts, rarest) / rarest) ** -0.25
    return margins


def log_prior(drawn_counts: NDArray[np.int64]) -> FloatArray:
    """Natural logarithm of the share of each class among all draws, (K,)."""
    counts = np.maximum(drawn_counts, 1).astype(np.float64)
    logs: FloatArray = np.log(counts / counts.sum())
    return logs


def _mean_of_one(raw_K: FloatArray) -> FloatArray:
    weights: FloatArray = raw_K / raw_K.mean()
    return weights
