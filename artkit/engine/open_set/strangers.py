"""Strangers: images of classes that training never saw, which `artkit shard --hold-out` puts into the split 'unknown'.

Their classes are none of the data set, so the index knows no number for them; their names stand in the JSON beside each
image.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards import Dataset, Split

UNKNOWN: Final = "unknown"
"""The split of classes that were held out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strangers:
    """The images of a split that are strange to one target."""

    split: Split
    rows: NDArray[np.int64]
    """Which images, (M,)."""
    class_names: tuple[str, ...]
    """Of each of them."""

    def __len__(self) -> int:
        """Number of images, M."""
        return len(self.rows)


def stranger_split(dataset: Dataset) -> Split | None:
    """The split of classes that were held out, if there is one."""
    return dataset.split(UNKNOWN) if UNKNOWN in dataset.split_names else None


def find_strangers(split: Split, target: str, known: Collection[str]) -> Strangers:
    """The images of a split that have a class in a target, and not one that is known.

    An image whose artist was held out may be of a style that is known: it is a stranger to the artists alone.

    Args:
        split: To look into.
        target: Of the data set.
        known: Classes of the model.

    Raises:
        SampleError: if what is said of an image cannot be read.
    """
    found = []
    for row in np.flatnonzero(split.targets[target] < 0).tolist():
        name = split.fields(row).get(target)
        if isinstance(name, str) and name not in known:
            found.append((row, name))
    return Strangers(
        split=split,
        rows=np.array([row for row, _ in found], dtype=np.int64),
        class_names=tuple(name for _, name in found),
    )
