"""The plan of an epoch for shards that come from far away: window by window, with repeats from memory.

A plan that may jump anywhere needs every shard all the time. Here, an epoch goes through its shards in windows: shards
are shuffled and cut into windows of at most G, and all samples of a window's shards come before those of the next. So a
shard is fetched once an epoch, at most G are needed at a time, and the next G can be fetched meanwhile.

- How often each sample appears is exactly what the sampler said, as in `plan_epoch`.
- Within a window, each class is spread evenly and in passes, as `plan_epoch` does it for a whole epoch. How much of a
  class is in a window is how much of it is in the window's shards: about the same everywhere if shards were filled in
  random order, as `artkit shard` does.
- Samples that appear more than once are pinned: their bytes stay in memory, so they need no shard and are spread evenly
  over the whole epoch. Those that appear most often come first, as many as fit into a budget of bytes; repeats of the
  others stay within their window.

A plan is a pure function of (labels, counts, shards, sizes of images, seed, epoch, window, budget).
"""

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.errors import DatasetError
from artkit_shards.format.dataset import Split
from artkit_shards.hashing import STREAM_SHARDS, hash_uint64
from artkit_shards.sizes import parse_bytes
from artkit_shards.stream.plan import check_counts, plan_epoch
from artkit_shards.wording import counted

DEFAULT_WINDOW: Final = 16
DEFAULT_PINNED_BYTES: Final = "1GB"


class WindowPlanner:
    """Plans epochs window by window; a `Planner`.

    Args:
        split: From `open_dataset(...).split(...)`.
        seed: Seed of the order.
        window: Shards needed at a time, G >= 1. The cache of the data set must have room for them, and should for twice
            as many, so that the next ones can come meanwhile.
        pinned_bytes: Memory for the files of samples that an epoch repeats, such as "1GB".

    Raises:
        ValueError: for a value out of bounds.
        DatasetError: if a window does not fit into the cache: its shards would be fetched again and again.
    """

    def __init__(
        self,
        split: Split,
        *,
        seed: int = 0,
        window: int = DEFAULT_WINDOW,
        pinned_bytes: int | str = DEFAULT_PINNED_BYTES,
    ) -> None:
        if window < 1:
            raise ValueError(f"window={window} is out of bounds; it must be >= 1")
        needed = int(np.sort(split.shard_bytes)[-window:].sum())
        if split.room_bytes is not None and needed > split.room_bytes:
            raise DatasetError(
                f"the plan needs {counted(window, 'shard')} at a time, up to {needed} bytes, and the cache of the data "
                f"set has room for {split.room_bytes}; give it more (cache_bytes, or ARTKIT_CACHE_BYTES in the "
                "environment), or plan with a smaller window: order=WindowPlanner(split, window=...)"
            )
        self._split = split
        self._seed = seed
        self._window = window
        self._pinned_bytes = parse_bytes(pinned_bytes)

    def fields(self) -> Mapping[str, str | int]:
        """Kind, seed, window, budget, and a digest of how many samples each shard has."""
        starts = self._split.shard_starts.astype("<i8")
        return {
            "kind": "remote-1",
            "seed": self._seed,
            "window": self._window,
            "pinned_bytes": self._pinned_bytes,
            "shards": hashlib.sha256(starts.tobytes()).hexdigest(),
        }

    def order(self, counts: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Plan an epoch, see `plan_windows`."""
        return plan_windows(
            self._split.labels,
            counts,
            shard_starts=self._split.shard_starts,
            pinned=self.pinned(counts),
            seed=self._seed,
            epoch=epoch,
            window=self._window,
        )

    def pinned(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows whose bytes should stay in memory, see `choose_pinned`."""
        return choose_pinned(counts, self._split.image_bytes, self._pinned_bytes)


def choose_pinned(counts: NDArray[np.int64], image_bytes: NDArray[np.uint32], pinned_bytes: int) -> NDArray[np.int64]:
    """Choose samples to keep in memory: those that appear most often, and more than once.

    Args:
        counts: Appearances of each sample, (N,).
        image_bytes: Size of each sample's file, (N,).
        pinned_bytes: What those chosen may have together.

    Returns:
        Rows in ascending order, int64.
    """
    repeated = np.flatnonzero(counts > 1)
    repeated = repeated[np.argsort(-counts[repeated], kind="stable")]
    fitting = np.cumsum(image_bytes[repeated], dtype=np.int64) <= pinned_bytes
    return np.sort(repeated[fitting])


def plan_windows(
    labels: NDArray[np.int64],
    counts: NDArray[np.int64],
    *,
    shard_starts: NDArray[np.int64],
    pinned: NDArray[np.int64],
    seed: int,
    epoch: int,
    window: int,
) -> NDArray[np.int64]:
    """Plan one epoch.

    Args:
        labels: Class of each sample, (N,); -1 (no label) counts as a class of its own.
        counts: Appearances of each sample in the epoch, (N,), integers >= 0.
        shard_starts: First row of each shard, and N at the end, int64; no shard is empty.
        pinned: Rows that may stand anywhere.
        seed: Seed of the run.
        epoch: Number of the epoch, from 0.
        window: Shards of a window, at most.

    Returns:
        Rows of samples in the order in which they are seen, int64, (sum of counts,).

    Raises:
        ValueError: if `counts` are no counts.

    Example:
        Four shards with window=2 and nothing pinned: the first half of the plan is all of two shards, mixed; the second
        half is all of the two others.
    """
    counts = check_counts(counts, len(labels))
    free = np.zeros_like(counts)
    free[pinned] = counts[pinned]
    bound = counts - free
    return _interleave(
        _plan_bound(labels, bound, shard_starts, seed, epoch, window) if bound.any() else bound[:0],
        plan_epoch(labels, free, seed=seed, epoch=epoch) if free.any() else free[:0],
    )


def _plan_bound(
    labels: NDArray[np.int64],
    counts: NDArray[np.int64],
    shard_starts: NDArray[np.int64],
    seed: int,
    epoch: int,
    window: int,
) -> NDArray[np.int64]:
    """The order of samples that must come with their shard."""
    window_of_row = np.repeat(_windows(counts, shard_starts, seed, epoch, window), np.diff(shard_starts))
    # What is spread evenly over an epoch and then sorted by window is spread evenly over each window.
    lowest = labels.min()
    class_in_window = (window_of_row + 1) * (labels.max() - lowest + 1) + labels - lowest
    order = plan_epoch(np.unique(class_in_window, return_inverse=True)[1], counts, seed=seed, epoch=epoch)
    return order[np.argsort(window_of_row[order], kind="stable")]


def _windows(
    counts: NDArray[np.int64], shard_starts: NDArray[np.int64], seed: int, epoch: int, window: int
) -> NDArray[np.int64]:
    """Window of each shard, from 0; -1 for shards that are not needed."""
    used = np.flatnonzero(np.add.reduceat(counts, shard_starts[:-1]))
    shuffled = used[np.argsort(hash_uint64(seed, STREAM_SHARDS, epoch, used), kind="stable")]
    num_windows = -(-len(used) // window)
    windows = np.full(len(shard_starts) - 1, -1, dtype=np.int64)
    # Windows differ by one shard at most: a last one of few shards would hardly mix anything.
    windows[shuffled] = np.arange(len(used)) * num_windows // max(1, len(used))
    return windows


def _interleave(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Two sequences as one, each in its order and evenly spaced."""
    # The places (i + 1/2) / n in whole numbers.
    places = np.concatenate(
        [
            (2 * np.arange(len(first)) + 1) * max(1, len(second)),
            (2 * np.arange(len(second)) + 1) * max(1, len(first)),
        ]
    )
    return np.concatenate([first, second])[np.argsort(places, kind="stable")]
