"""Shares: how many appearances each class gets, as a function of its number of samples.

Each function takes the samples of each class, (K,), and returns `dealt_shares(epoch)`: what each class was dealt in all
epochs before that one, (K,). A class without samples is dealt nothing.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from artkit_plugins.samplers.dealing import dealt

IntArray = NDArray[np.int64]
DealtShares = Callable[[int], IntArray]


def equal_shares(class_counts: IntArray, size: int) -> DealtShares:
    """Deal `size` appearances an epoch to the classes in turn; the next epoch goes on where the last one stopped.

    Worked example: 3 classes, size 4 gives 2, 1, 1 in the first epoch, then 1, 2, 1, then 1, 1, 2, and again.
    """
    present = np.flatnonzero(class_counts)

    def dealt_shares(epoch: int) -> IntArray:
        shares = np.zeros_like(class_counts)
        shares[present] = dealt(epoch * size, np.arange(len(present)), len(present))
        return shares

    return dealt_shares


def square_root_shares(class_counts: IntArray) -> DealtShares:
    """Share out as many appearances as there are samples, in proportion to the square root of each class's samples."""
    return _same_each_epoch(largest_remainder(np.sqrt(class_counts), int(class_counts.sum())))


def repeat_factor_shares(class_counts: IntArray, threshold: float | None, cap: float) -> DealtShares:
    """Repeat class c, which makes up the share f_c of all samples, max(1, sqrt(threshold / f_c)) times.

    Gupta, Dollár and Girshick 2019, "LVIS", sec. 5, without their coin flips: the product with the samples of the class
    is rounded.

    Args:
        class_counts: Samples of each class, (K,).
        threshold: Share of all samples below which classes are repeated; None for 1 / number of classes with samples.
        cap: Largest repeat factor.
    """
    present = class_counts > 0
    if threshold is None:
        threshold = 1 / max(int(present.sum()), 1)
    frequencies = class_counts / max(int(class_counts.sum()), 1)
    factors = np.ones(len(class_counts))
    factors[present] = np.clip(np.sqrt(threshold / frequencies[present]), 1, cap)
    return _same_each_epoch(np.rint(factors * class_counts).astype(np.int64))


def fixed_factor_shares(quotas: NDArray[np.float64], phases: NDArray[np.float64] | float = 0.5) -> DealtShares:
    """Give each class its quota of appearances, (K,), >= 0, an epoch: rounded up or down, and exact over the epochs.

    Worked example: a quota of 1.25 gives 1, 2, 1, 1 and again.

    Args:
        quotas: (K,).
        phases: What is owed to each class at first, (K,), in [0, 1).
    """

    def dealt_shares(epoch: int) -> IntArray:
        rounded: IntArray = np.floor(quotas * epoch + phases).astype(np.int64)
        return rounded

    return dealt_shares


def spread_phases(num_classes: int) -> NDArray[np.float64]:
    """Give phases that lie evenly in [0, 1), also those of classes in a row, so that like quotas take turns: (K,)."""
    golden_ratio = (5**0.5 - 1) / 2
    phases: NDArray[np.float64] = (0.5 + golden_ratio * np.arange(num_classes, dtype=np.float64)) % 1.0
    return phases


def largest_remainder(weights: NDArray[np.float64], total: int) -> IntArray:
    """Share out `total` in proportion to `weights`, in whole numbers: those with the largest fractions are rounded up.

    Of equal fractions the first is rounded up. Shares sum to `total` exactly, and a weight of 0 gets nothing.
    """
    quotas = weights * (total / weights.sum())
    shares: IntArray = np.floor(quotas).astype(np.int64)
    missing = total - int(shares.sum())
    shares[np.argsort(shares - quotas, kind="stable")[:missing]] += 1
    return shares


def _same_each_epoch(shares: IntArray) -> DealtShares:
    def dealt_shares(epoch: int) -> IntArray:
        total: IntArray = shares * epoch
        return total

    return dealt_shares
