"""Dealing: giving a number of appearances to samples as cards are dealt to players, one each, round after round.

The samples of a class sit in a fixed order, drawn once from the seed. An epoch deals the class its share, and the next
epoch goes on where it stopped. So within an epoch, and over any number of epochs from the first, two samples of a class
never differ by more than one appearance, and the ones left over change from epoch to epoch.

`N` samples, `K` classes. A *share* is the number of appearances of a class in an epoch.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artkit_shards.hashing import STREAM_SAMPLER, hash_uint64

IntArray = NDArray[np.int64]


class DealingSampler:
    """A sampler that deals each class its share; a pure function of labels, seed, shares and epoch.

    Args:
        labels: Class of each sample, (N,), from 0 to K - 1.
        seed: Decides the order in which the samples of a class sit.
        dealt_shares: `dealt_shares(epoch)` gives what each class was dealt in all epochs before that one, (K,).
    """

    def __init__(self, labels: IntArray, seed: int, dealt_shares: Callable[[int], IntArray]) -> None:
        self._labels = labels
        self._dealt_shares = dealt_shares
        class_counts = np.bincount(labels)
        self._players = class_counts[labels]
        self._seats = seats(labels, class_counts, seed)

    def counts(self, epoch: int, /) -> IntArray:
        """Appearances of each sample in an epoch, (N,)."""
        return self._dealt(epoch + 1) - self._dealt(epoch)

    def _dealt(self, epoch: int) -> IntArray:
        return dealt(self._dealt_shares(epoch)[self._labels], self._seats, self._players)


def dealt(cards: Any, seat: Any, players: Any) -> IntArray:
    """Give how many of the first `cards` cards the player at `seat` (from 0) gets; integer arrays, which broadcast."""
    rounds: IntArray = (cards - seat + players - 1) // players
    return rounds


def seats(labels: IntArray, class_counts: IntArray, seed: int) -> IntArray:
    """Give each sample a seat among those of its class, from 0 and in random order: (N,)."""
    bits_for_label = len(class_counts).bit_length()
    random_bits = hash_uint64(seed, STREAM_SAMPLER, np.arange(len(labels))) >> np.uint64(bits_for_label)
    # One stable sort of label and random bits in one number is several times faster than a sort by two keys.
    keys = (labels.astype(np.uint64) << np.uint64(64 - bits_for_label)) | random_bits
    order = np.argsort(keys, kind="stable")
    first_places = np.cumsum(class_counts) - class_counts
    places = np.empty(len(labels), dtype=np.int64)
    places[order] = np.arange(len(labels))
    seats_N: IntArray = places - first_places[labels]
    return seats_N
