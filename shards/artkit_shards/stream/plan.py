"""The epoch plan: which sample is seen at which position of an epoch.

The sampler says how often each sample appears (counts), the plan says when, the loader says nothing. A plan is a pure
function of (labels, counts, seed, epoch):

- Each class is spread evenly: its k-th draw of T stands at (k + u) / T of the epoch, u uniform in [0, 1). Any window of
  W draws therefore holds the class's share of W, off by less than 2.
- Within a class the order is random, in passes: no sample comes a second time before all of its class came once, and
  the copies of a sample drawn m times are spread over the passes of the sample that is drawn most often.
- Copies of a sample stay apart, so that they do not meet in a batch: a class with repeats is cut into halves by lot,
  anew in every epoch, and each pass goes through the first half and then through the second, each in a new order. If
  all of a class are drawn equally often, give or take one, at least half of it, rounded down, lies between two copies
  of a sample: they can only meet in a batch that takes more than half of the class.
- Random numbers are hashes of (seed, epoch, row, pass), so nothing depends on how many numbers were drawn before.

Positions are what training is resumed by: position p is the p-th sample of the epoch, whatever the batch size, number
of threads or number of ranks.
"""

import numpy as np
from numpy.typing import NDArray

from artkit_shards.hashing import STREAM_HALF, STREAM_OFFSET, STREAM_ORDER, hash_uint64, hash_uniform

_MIN_RANDOM_BITS = 16


def plan_epoch(labels: NDArray[np.int64], counts: NDArray[np.int64], *, seed: int, epoch: int) -> NDArray[np.int64]:
    """Plan one epoch.

    Args:
        labels: Class of each sample, (N,); -1 (no label) counts as a class of its own.
        counts: Appearances of each sample in the epoch, (N,), integers >= 0.
        seed: Seed of the run.
        epoch: Number of the epoch, from 0.

    Returns:
        Rows of samples in the order in which they are seen, int64, (sum of counts,).

    Raises:
        ValueError: if `counts` is not an integer array of the labels' shape, has a negative number, or is all zero.

    Example:
        Labels 0 0 0 1 with counts 1 1 1 3 give six positions; classes alternate roughly, and rows 0, 1, 2 appear once
        each while row 3 appears three times.
    """
    counts = check_counts(counts, len(labels))
    classes, class_of_row = _compact(labels)
    draws = _draws_by_class(class_of_row, counts, len(classes), seed, epoch)
    class_of_draw = class_of_row[draws]
    totals = np.bincount(class_of_draw, minlength=len(classes))
    rank = np.arange(len(draws)) - np.repeat(np.cumsum(totals) - totals, totals)
    offset = hash_uniform(seed, STREAM_OFFSET, epoch, class_of_draw, rank)
    offset += rank
    offset /= totals[class_of_draw]
    return draws[np.argsort(offset, kind="stable")]


def check_counts(counts: NDArray[np.int64], num_samples: int) -> NDArray[np.int64]:
    """Return counts as int64 (N,), or raise ValueError that says which rule they break."""
    counts = np.asarray(counts)
    if counts.shape != (num_samples,):
        raise ValueError(f"counts has shape {counts.shape}; it needs one number for each sample, ({num_samples},)")
    if not np.issubdtype(counts.dtype, np.integer):
        raise ValueError(f"counts has dtype {counts.dtype}; how often a sample appears is an integer")
    if num_samples and counts.min() < 0:
        row = int(counts.argmin())
        raise ValueError(f"counts[{row}] is {counts[row]}; how often a sample appears cannot be negative")
    if not counts.any():
        raise ValueError("counts are all zero: an epoch needs at least one sample")
    return counts.astype(np.int64)


def _compact(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Renumber the classes that occur from 0, in their order."""
    if not len(labels):
        return labels, labels
    shifted = labels - labels.min()
    present = np.flatnonzero(np.bincount(shifted))
    number = np.zeros(int(shifted.max()) + 1, dtype=np.int64)
    number[present] = np.arange(len(present))
    return present, number[shifted]


def _draws_by_class(
    class_of_row: NDArray[np.int64], counts: NDArray[np.int64], num_classes: int, seed: int, epoch: int
) -> NDArray[np.int64]:
    """Rows with their repeats, ordered by (class, pass, half, random)."""
    most = np.zeros(num_classes, dtype=np.int64)
    np.maximum.at(most, class_of_row, counts)
    # One 64-bit key sorts faster than several; what the others leave of it is random. Ties keep the order of rows.
    class_bits = (num_classes - 1).bit_length()
    pass_bits = int(most.max() - 1).bit_length()
    half_bits = int(pass_bits > 0)
    random_bits = 64 - class_bits - pass_bits - half_bits
    if random_bits < _MIN_RANDOM_BITS:
        raise ValueError(
            f"{num_classes} classes with up to {most.max()} repeats of a sample are more than a plan holds"
        )
    rows = np.repeat(np.arange(len(counts)), counts)
    passes = np.zeros(1, dtype=np.int64)
    if pass_bits:
        copy = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        passes = copy * most[class_of_row[rows]] // counts[rows]
    key = hash_uint64(seed, STREAM_ORDER, epoch, rows, passes)
    key >>= np.uint64(64 - random_bits)
    if pass_bits:
        key |= _halves(class_of_row, counts, most, seed, epoch)[rows] << np.uint64(random_bits)
        key |= passes.astype(np.uint64) << np.uint64(random_bits + half_bits)
    if class_bits:
        key |= class_of_row[rows].astype(np.uint64) << np.uint64(random_bits + half_bits + pass_bits)
    return rows[np.argsort(key, kind="stable")]


def _halves(
    class_of_row: NDArray[np.int64], counts: NDArray[np.int64], most: NDArray[np.int64], seed: int, epoch: int
) -> NDArray[np.uint64]:
    """The half of its class that each sample is in, 0 or 1, (N,); all 0 in classes without repeats.

    Samples that are drawn most often are in the first half: a last pass that not all of the class are in then has them
    at its beginning, with the whole second half of the pass before in between.
    """
    rows = np.flatnonzero((counts > 0) & (most[class_of_row] > 1))
    by_lot = np.argsort(hash_uint64(seed, STREAM_HALF, epoch, rows), kind="stable")
    rows = rows[by_lot]
    rows = rows[np.lexsort((-counts[rows], class_of_row[rows]))]
    sizes = np.bincount(class_of_row[rows], minlength=len(most))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    halves = np.zeros(len(counts), dtype=np.uint64)
    halves[rows] = place >= (sizes[class_of_row[rows]] + 1) // 2
    return halves
