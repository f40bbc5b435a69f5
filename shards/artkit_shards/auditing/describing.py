"""Describing a data set: how many images of which class, how large, in which formats, which of them twice."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.auditing.duplicates import Duplicates, find_duplicates
from artkit_shards.format.dataset import Dataset, Split
from artkit_shards.format.manifest import MIXED

_SAME_FORMAT: Final = {"jpeg": "jpg", "tif": "tiff"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitStatistics:
    """What a split holds."""

    name: str
    class_counts: NDArray[np.int64]
    """Images of each class, (K,), changed copies included."""
    num_unlabelled: int
    num_copies: int
    """Changed copies, which a conversion wrote of other images of the split."""
    num_shards: int
    image_bytes: int

    @property
    def num_images(self) -> int:
        """Images of all classes and of none, changed copies included."""
        return int(self.class_counts.sum()) + self.num_unlabelled

    @property
    def num_classes(self) -> int:
        """Classes that have an image."""
        return int(np.count_nonzero(self.class_counts))

    @property
    def largest(self) -> int:
        """Images of the largest class."""
        return int(self.class_counts.max(initial=0))

    @property
    def smallest(self) -> int:
        """Images of the smallest class that has any."""
        present = self.class_counts[self.class_counts > 0]
        return int(present.min()) if len(present) else 0

    @property
    def imbalance(self) -> float:
        """How many times the smallest class goes into the largest; 1 without images."""
        return self.largest / self.smallest if self.smallest else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetStatistics:
    """What a data set holds."""

    path: Path | str
    class_names: tuple[str, ...]
    num_classes_of: Mapping[str, int]
    """Number of classes of each target."""
    splits: tuple[SplitStatistics, ...]
    widths: NDArray[np.int64]
    """Of all images, split by split, in pixels; so is `heights`."""
    heights: NDArray[np.int64]
    formats: Mapping[str, int]
    """Images by format, the commonest first."""
    duplicates: Duplicates

    @property
    def num_copies(self) -> int:
        """Changed copies in all splits."""
        return sum(split.num_copies for split in self.splits)

    @property
    def class_counts(self) -> NDArray[np.int64]:
        """Images of each class in all splits, (K,)."""
        counts: NDArray[np.int64] = np.stack([split.class_counts for split in self.splits]).sum(axis=0)
        return counts


def describe_dataset(dataset: Dataset) -> DatasetStatistics:
    """Describe a data set; only images that may be duplicates are read."""
    splits = [dataset.split(name) for name in dataset.split_names]
    formats: Counter[str] = Counter()
    for split in splits:
        formats += _formats(split)
    return DatasetStatistics(
        path=dataset.path,
        class_names=dataset.class_names,
        num_classes_of={target: len(classes) for target, classes in dataset.targets.items()},
        splits=tuple(_describe(split) for split in splits),
        widths=np.concatenate([split.widths for split in splits]).astype(np.int64),
        heights=np.concatenate([split.heights for split in splits]).astype(np.int64),
        formats=dict(formats.most_common()),
        duplicates=find_duplicates(dataset),
    )


def _describe(split: Split) -> SplitStatistics:
    return SplitStatistics(
        name=split.name,
        class_counts=split.class_counts,
        num_unlabelled=int(np.count_nonzero(split.labels < 0)),
        num_copies=len(split) - len(set(split.files)),  # a copy is the only sample that shares its file with another
        num_shards=len(split.shard_starts) - 1,
        image_bytes=int(split.image_bytes.sum(dtype=np.int64)),
    )


def _formats(split: Split) -> Counter[str]:
    """Formats by the suffixes of the images."""
    if split.image_suffix != MIXED:
        return Counter({split.image_suffix: len(split)})
    endings = Counter(file.rpartition(".")[2].lower() for file in split.files)
    formats: Counter[str] = Counter()
    for ending, count in endings.items():
        formats[_SAME_FORMAT.get(ending, ending)] += count
    return formats
