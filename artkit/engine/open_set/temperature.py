"""Temperature scaling: one number that logits are divided by, so that probabilities say how often they are right.

Guo et al. 2017, "On calibration of modern neural networks", sec. 4.2. It is fitted by the likelihood of images that
nothing was learnt from, and changes the order of no two classes: what is predicted stays what it was.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

BOUNDS: Final = (0.05, 20.0)
"""Temperatures that are looked at. A model that is right about all images would have its logits grow for ever."""


def mean_loss(logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64], temperature: float = 1.0) -> float:
    """Mean negative log-likelihood of the labels in nats, with logits divided by a temperature."""
    scaled = logits_NK / temperature
    return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(labels_N)), labels_N]).mean())


def fit_temperature(logits_NK: NDArray[np.float64], labels_N: NDArray[np.int64]) -> float:
    """The temperature with the lowest loss, within `BOUNDS`; 1 if no other is better.

    The loss has one minimum: it is convex in 1 / temperature.

    Args:
        logits_NK: Logits, finite.
        labels_N: Classes, from 0; at least one.
    """
    found = minimize_scalar(
        lambda log_temperature: mean_loss(logits_NK, labels_N, float(np.exp(log_temperature))),
        bounds=np.log(BOUNDS),
        method="bounded",
    )
    temperature = float(np.exp(found.x))
    return temperature if found.fun < mean_loss(logits_NK, labels_N) else 1.0
