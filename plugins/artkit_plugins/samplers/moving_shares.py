"""Progressive balance: shares of classes that move from natural in the first epoch to equal in the last one.

`K` classes, `T` epochs.
"""

import numpy as np

from artkit_plugins.samplers.shares import DealtShares, IntArray, equal_shares


def progressive_shares(class_counts: IntArray, num_epochs: int) -> DealtShares:
    """Share out as many appearances as there are samples; in epoch t of T, t / (T - 1) of them equally among classes.

    Kang et al. 2020, "Decoupling representation and classifier for long-tailed recognition", sec. 3. In each epoch a
    class gets its quota rounded up or down, the shares sum to the samples exactly, and what rounding took from a class
    it gets back in later epochs. Behind the last epoch, shares stay equal.

    Worked example: 7 and 2 samples, 3 epochs. The quotas are 7, 2; 5.75, 3.25; 4.5, 4.5; the shares 7, 2; 6, 3; 4, 5.

    Args:
        class_counts: Samples of each class, (K,); a class without samples gets nothing.
        num_epochs: T. A single epoch is natural.
    """
    dealt_before = _dealt_before(class_counts, num_epochs)
    equal_after = equal_shares(class_counts, int(class_counts.sum()))

    def dealt_shares(epoch: int) -> IntArray:
        past: IntArray = dealt_before[min(epoch, num_epochs)]
        return past if epoch <= num_epochs else past + equal_after(epoch - num_epochs)

    return dealt_shares


def _dealt_before(class_counts: IntArray, num_epochs: int) -> IntArray:
    """What each class is dealt before each epoch, (T + 1, K)."""
    shares = np.zeros((num_epochs + 1, len(class_counts)), dtype=np.int64)
    owed = np.zeros_like(class_counts)
    for epoch in range(num_epochs):
        # Quotas are fractions with one denominator, so that nothing is lost to floating point.
        numerators, denominator = _quotas(class_counts, epoch, num_epochs)
        shares[epoch + 1], rests = np.divmod(numerators, denominator)
        owed += rests
        has_rest = np.flatnonzero(rests)
        num_extra = int(rests.sum()) // denominator
        creditors = has_rest[np.argsort(-owed[has_rest], kind="stable")[:num_extra]]
        shares[epoch + 1, creditors] += 1
        owed[creditors] -= denominator
    return np.cumsum(shares, axis=0)


def _quotas(class_counts: IntArray, epoch: int, num_epochs: int) -> tuple[IntArray, int]:
    """Numerators, (K,), and denominator of what each class should get in an epoch."""
    present = class_counts > 0
    num_present, last = int(present.sum()), max(num_epochs - 1, 1)
    natural = (last - epoch) * num_present * class_counts
    equal = epoch * int(class_counts.sum()) * present
    return natural + equal, last * num_present
