"""What a path or an address means that a user gave: an image, a tar, a folder, a data set, or a list of those."""

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO, Final, Protocol

import numpy as np

from artkit.engine.images.folders import folder_images
from artkit.engine.images.found import Found, FoundImage, Unusable, image_file
from artkit.engine.images.lists import listed_paths
from artkit.engine.images.tars import is_tar, tar_images
from artkit.errors import RunError
from artkit_shards import Dataset, DatasetError, Split, is_address, open_dataset
from artkit_shards.conversion.sources.names import readable
from artkit_shards.format.manifest import FILE_NAME, FOLDER

STANDARD_INPUT: Final = "-"
"""Stands for a list of paths on standard input."""

_LONGEST_SHOWN: Final = 200


class Place(Protocol):
    """Where images are."""

    def count(self) -> int | None:
        """How many `images` yields, without reading one; None if that shows only at the end."""
        ...

    def images(self, passed_over: Counter[str]) -> Iterator[Found]:
        """Yield them in order.

        Args:
            passed_over: Counts what a folder holds that is not named as an image, under "file" and "link".
        """
        ...


def open_place(given: str, split: str | None = None) -> Place:
    """What a path, an address or `STANDARD_INPUT` means.

    Args:
        given: As the user wrote it.
        split: Of data sets, the only split to take; None: all.

    Raises:
        RunError: if there is nothing at the path.
        DatasetError: if it is a data set that cannot be opened, or without that split.
    """
    if given == STANDARD_INPUT:
        return ListPlace(sys.stdin.buffer, split)
    if is_address(given):
        return DatasetPlace(open_dataset(given), split)
    try:
        mode = os.stat(given).st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(
            f"{_shortened(readable(given))} cannot be used: {reason}; give image files, folders, tars, data sets, or - "
            "for a list of paths on standard input"
        ) from None
    return _place(given, split, is_folder=stat.S_ISDIR(mode))


def _place(path: str, split: str | None, *, is_folder: bool) -> Place:
    if is_folder and os.path.isfile(os.path.join(path, FOLDER, FILE_NAME)):
        return DatasetPlace(open_dataset(path), split)
    return FilesPlace(path, is_folder=is_folder)


class FilesPlace:
    """An image, a tar, or a folder of such.

    Args:
        path: Where it is.
        is_folder: Whether it is a folder.
    """

    def __init__(self, path: str, *, is_folder: bool) -> None:
        self._path = path
        self._is_folder = is_folder

    def count(self) -> int:
        """See `Place.count`."""
        return sum(1 for _ in self.images(Counter()))

    def images(self, passed_over: Counter[str]) -> Iterator[Found]:
        """See `Place.images`."""
        if self._is_folder:
            return folder_images(self._path, passed_over)
        return tar_images(self._path) if is_tar(self._path) else iter([image_file(self._path)])


class DatasetPlace:
    """A data set that `artkit shard` wrote; images have the names that they had when it did.

    Args:
        dataset: The data set.
        split: The only split to take; None: all.

    Raises:
        DatasetError: if there is no such split.
    """

    def __init__(self, dataset: Dataset, split: str | None) -> None:
        names: Sequence[str] = dataset.split_names if split is None else (split,)
        self._splits = [dataset.split(name) for name in names]

    def count(self) -> int:
        """See `Place.count`."""
        return sum(map(len, self._splits))

    def images(self, passed_over: Counter[str]) -> Iterator[Found]:  # noqa: ARG002 # a data set holds nothing else
        """See `Place.images`."""
        for split in self._splits:
            split.want(np.arange(len(split)))
            for row in range(len(split)):
                yield FoundImage(split.files[row], partial(_read, split, row))


def _read(split: Split, row: int) -> bytes:
    return split.read(row)


class ListPlace:
    """A list of paths, each of which means what it would mean on the command line, but for another list.

    Args:
        stream: The list, as `listed_paths` takes it; read while images are used, and once only.
        split: Of data sets, the only split to take; None: all.
    """

    def __init__(self, stream: BinaryIO, split: str | None) -> None:
        self._stream = stream
        self._split = split

    def count(self) -> None:
        """See `Place.count`."""
        return

    def images(self, passed_over: Counter[str]) -> Iterator[Found]:
        """See `Place.images`; what is not there is unusable."""
        for path in listed_paths(self._stream):
            try:
                place = _place(path, self._split, is_folder=os.path.isdir(path))
            except DatasetError as error:
                yield Unusable(readable(path), f"not a data set that can be used: {error}")
            else:
                yield from place.images(passed_over)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
