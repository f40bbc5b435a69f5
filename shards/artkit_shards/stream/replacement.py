"""Bad samples in training: another of the same class stands in, chosen by hash, so that a run need not stop.

Which one stands in is a function of (seed, epoch, position) and of which samples are bad, so it is the same on every
rank, with any number of threads, and after a restart. Each case is recorded, and too many of them stop the epoch.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.errors import ImageError, SampleError
from artkit_shards.format.dataset import Split
from artkit_shards.hashing import STREAM_REPLACEMENT, hash_uint64
from artkit_shards.stream.pixels import PixelSource, Span
from artkit_shards.wording import listed

_NAMED: Final = 3  # bad samples that an error names


@dataclass(frozen=True, slots=True)
class Replacement:
    """A sample that could not be shown at its position, and the one that stood in."""

    epoch: int
    position: int
    shard: str
    key: str
    """Of the bad sample."""
    reason: str
    shown: str
    """Key of the sample of the same class that was shown instead."""


def sample_error(split: Split, row: int, error: ImageError | SampleError) -> SampleError:
    """The error that names a bad sample and says what to do."""
    if isinstance(error, SampleError):
        return error
    shard, key = split.shard_of(row), split.keys[row]
    return SampleError(
        f"sample {key} of {shard} ({split.files[row]}) cannot be decoded: {error}; "
        "the shard was damaged after it was written: convert the images again",
        shard=shard,
        key=key,
        fault=str(error),
    )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many samples of an epoch may be bad."""

    max_bad: float
    """Share of the samples, 0 to 1."""
    world_size: int
    """Ranks that share the epoch."""

    def most(self, length: int) -> int:
        """How many of an epoch with `length` positions a rank may replace: its part of those of all, rounded up."""
        # A share of a small epoch may be less than one image; one is not yet too many.
        of_all = max(1, int(self.max_bad * length + 1e-9)) if self.max_bad else 0
        return -(-of_all // self.world_size)

    def check(self, replaced: list[Replacement], length: int) -> None:
        """Raise SampleError if too many samples of an epoch were replaced."""
        if len(replaced) <= self.most(length):
            return
        first = replaced[0]
        named = listed([f"{each.key} of {each.shard} ({each.reason})" for each in replaced], most=_NAMED)
        raise SampleError(
            f"{len(replaced)} of the {length} samples of epoch {first.epoch} so far cannot be used, more than "
            f"max_bad={self.max_bad:g} allows: {named}; convert the images again, or raise max_bad to go on without "
            "them",
            shard=first.shard,
            key=first.key,
            fault=first.reason,
        )


class StandIns:
    """Finds samples that stand in for bad ones. Thread-safe.

    Args:
        split: Where the samples are.
        pixels: Makes their pixels, without a cache.
        order: Plan of the epoch; only what it shows can stand in.
        seed: Seed of the choice.
        epoch: Number of the epoch.
    """

    def __init__(self, split: Split, pixels: PixelSource, order: NDArray[np.int64], *, seed: int, epoch: int) -> None:
        self._split = split
        self._pixels = pixels
        self._order = order
        self._seed = seed
        self._epoch = epoch
        self._lock = threading.Lock()
        self._of_class: dict[int, NDArray[np.int64]] = {}

    def replace(
        self, span: Span, place: int, square: NDArray[np.uint8], error: ImageError | SampleError
    ) -> Replacement:
        """Fill a square with another sample of the class, and enter its row into the span.

        Raises:
            SampleError: if every sample of the class is bad.
        """
        split, bad, position = self._split, int(span.rows[place]), int(span.positions[place])
        cause = sample_error(split, bad, error)
        for row in self._candidates(bad, position):
            stand_in = Span(
                epoch=span.epoch, index=0, positions=span.positions[place : place + 1], rows=np.array([row])
            )
            if self._pixels.fill(stand_in, square[None]):
                continue
            span.rows[place] = row
            return Replacement(self._epoch, position, cause.shard, cause.key, cause.fault, split.keys[row])
        raise SampleError(
            f"{cause}. No sample of its class can be used in its place",
            shard=cause.shard,
            key=cause.key,
            fault=cause.fault,
        ) from error

    def _candidates(self, bad: int, position: int) -> Iterator[int]:
        """The other samples of a class in random order, each once."""
        rest = self._class_rows(int(self._split.labels[bad]))
        rest = rest[rest != bad]
        for attempt in range(len(rest)):
            drawn = int(hash_uint64(self._seed, STREAM_REPLACEMENT, self._epoch, position, attempt) % len(rest))
            yield int(rest[drawn])
            rest = np.delete(rest, drawn)

    def _class_rows(self, label: int) -> NDArray[np.int64]:
        """The rows of a class that the epoch shows, sorted."""
        with self._lock:
            if label not in self._of_class:
                self._of_class[label] = np.unique(self._order[self._split.labels[self._order] == label])
            return self._of_class[label]
