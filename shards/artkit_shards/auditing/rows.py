"""The index as it lies on the disk, column by column, without the checks that opening a data set makes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from artkit_shards.format.index import COLUMNS, LABEL_TYPE, read_column, read_text_column
from artkit_shards.format.manifest import FOLDER, SplitEntry, Target


class IndexRow(NamedTuple):
    """What the index says of a sample."""

    key: str
    file: str
    offset: int
    size: int
    width: int
    height: int
    crc32: int
    labels: tuple[int, ...]
    """One a target."""


class IndexRows:
    """The index of a split.

    Args:
        directory: The folder of the data set.
        entry: The split.
        targets: What it has labels for.

    Raises:
        DatasetError: if a column cannot be read.
    """

    def __init__(self, directory: Path, entry: SplitEntry, targets: Sequence[Target]) -> None:
        folder = directory / FOLDER / "index" / entry.name
        self._numbers: Mapping[str, NDArray[Any]] = {
            name: read_column(folder, name, dtype, entry.samples) for name, dtype in COLUMNS.items()
        }
        self._labels = [read_column(folder, f"{target.name}.label", LABEL_TYPE, entry.samples) for target in targets]
        self._keys = read_text_column(folder, "key", entry.samples)
        self._files = read_text_column(folder, "file", entry.samples)
        self._starts = np.cumsum([0, *(shard.samples for shard in entry.shards)])

    def of_shard(self, number: int) -> list[IndexRow]:
        """The rows of a shard, by its number in the split."""
        part = slice(int(self._starts[number]), int(self._starts[number + 1]))
        numbers = [self._numbers[name][part].tolist() for name in ("offset", "size", "width", "height", "crc32")]
        labels = list(zip(*(column[part].tolist() for column in self._labels), strict=True))
        return [IndexRow(*row) for row in zip(self._keys[part], self._files[part], *numbers, labels, strict=True)]
