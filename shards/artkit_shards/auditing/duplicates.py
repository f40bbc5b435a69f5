"""Images with the same bytes, within a data set and across its splits.

Size and CRC-32, which the index has, tell candidates; only these are read, and their sha256 decides.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from artkit_shards.errors import SampleError
from artkit_shards.format.dataset import Dataset


class Copy(NamedTuple):
    """One of several images with the same bytes."""

    split: str
    row: int
    key: str
    file: str
    label: int
    """Class in the main target, -1 if it is not known."""


class Duplicates(NamedTuple):
    """All images that stand in a data set more than once."""

    groups: tuple[tuple[Copy, ...], ...]
    """Images with the same bytes, in the order of splits and rows; at least two each."""

    @property
    def num_extra(self) -> int:
        """Images that could go without loss."""
        return sum(len(group) - 1 for group in self.groups)

    @property
    def across_splits(self) -> tuple[tuple[Copy, ...], ...]:
        """Groups that stand in more than one split: if one is training, what was learnt is tested."""
        return tuple(group for group in self.groups if len({copy.split for copy in group}) > 1)

    @property
    def across_classes(self) -> tuple[tuple[Copy, ...], ...]:
        """Groups whose images are said to be of different classes."""
        return tuple(group for group in self.groups if len({copy.label for copy in group}) > 1)


def find_duplicates(dataset: Dataset) -> Duplicates:
    """Find images with the same bytes. Images that cannot be read are passed over: `verify` tells them."""
    groups: list[tuple[Copy, ...]] = []
    for candidates in _candidates(dataset):
        by_digest: dict[bytes, list[Copy]] = defaultdict(list)
        for copy in candidates:
            try:
                data = dataset.split(copy.split).read(copy.row)
            except SampleError:
                continue
            by_digest[hashlib.sha256(data).digest()].append(copy)
        groups += [tuple(copies) for copies in by_digest.values() if len(copies) > 1]
    return Duplicates(tuple(groups))


def _candidates(dataset: Dataset) -> Sequence[list[Copy]]:
    """Images that have size and CRC-32 in common with others, in order."""
    splits = [dataset.split(name) for name in dataset.split_names]
    sizes = np.concatenate([split.image_bytes for split in splits]).astype(np.uint64)
    checks = np.concatenate([split.checksums for split in splits]).astype(np.uint64)
    _, group_of, counts = np.unique((sizes << np.uint64(32)) | checks, return_inverse=True, return_counts=True)
    starts = np.cumsum([0, *(len(split) for split in splits)])
    groups: dict[int, list[Copy]] = defaultdict(list)
    for index in np.flatnonzero(counts[group_of] > 1).tolist():
        number = int(np.searchsorted(starts, index, side="right")) - 1
        split, row = splits[number], index - int(starts[number])
        copy = Copy(split.name, row, split.keys[row], split.files[row], int(split.labels[row]))
        groups[int(group_of[index])].append(copy)
    return list(groups.values())
