"""A data set and its splits: tar shards with their manifest and index.

Everything the manifest and the index claim is checked against the files when a folder is opened, so that reading a
sample later is two look-ups and one `pread`. Shards that lie elsewhere are checked when they come.
"""

import zlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from artkit_shards.errors import DatasetError, SampleError
from artkit_shards.format.descriptions import read_description
from artkit_shards.format.files import MAX_IMAGE_BYTES
from artkit_shards.format.index import COLUMNS, LABEL_TYPE, check_checksums, read_column, read_text_column
from artkit_shards.format.manifest import FOLDER, MAKE_AGAIN, Manifest, SplitEntry, Target
from artkit_shards.format.reading import Check, OpenFile, PinnedImage, ShardFiles
from artkit_shards.format.samples import found_instead, qualified_key
from artkit_shards.format.tar import BLOCK
from artkit_shards.images import MAX_PIXELS

ValueT = TypeVar("ValueT")

OpenShards = Callable[[SplitEntry, Check], ShardFiles]
"""Makes the shards of a split readable; raises DatasetError if they are not there."""


class Split:
    """The samples of a split, numbered from 0 by row. Reading is thread-safe."""

    def __init__(
        self,
        directory: Path,
        entry: SplitEntry,
        targets: Sequence[Target],
        image_suffix: str,
        fingerprint: str,
        open_shards: OpenShards,
    ) -> None:
        self.name = entry.name
        self.directory = directory
        """The folder with the `.artkit` folder."""
        self.fingerprint = fingerprint
        """That of the whole data set."""
        self.image_suffix = image_suffix
        """Format of all images: "jpg", "png" or "webp"; or "mixed"."""
        self._shards = entry.shards
        self._first_rows = list(accumulate((shard.samples for shard in entry.shards), initial=0))
        folder = directory / FOLDER / "index" / entry.name
        columns = {name: read_column(folder, name, dtype, entry.samples) for name, dtype in COLUMNS.items()}
        self._offset: NDArray[np.uint64] = columns["offset"]
        self._size: NDArray[np.uint32] = columns["size"]
        self._crc32: NDArray[np.uint32] = columns["crc32"]
        self.heights: NDArray[np.uint32] = columns["height"]
        """Height of each upright image in pixels, uint32 (N,). Read-only."""
        self.widths: NDArray[np.uint32] = columns["width"]
        """Width of each upright image in pixels, uint32 (N,). Read-only."""
        self.keys: Sequence[str] = read_text_column(folder, "key", entry.samples)
        """Key of each sample in its shard, unique in the data set."""
        self.files: Sequence[str] = read_text_column(folder, "file", entry.samples)
        """Where each image came from, relative to the converted folder."""
        self.targets: Mapping[str, NDArray[np.int64]] = MappingProxyType(
            {target.name: _labels(folder, target, entry.samples) for target in targets}
        )
        """Class of each sample by target, int64 (N,), -1 where missing. Read-only."""
        self.labels: NDArray[np.int64] = self.targets[targets[0].name]
        """Class of each sample in the main target, int64 (N,). Read-only."""
        self.class_counts: NDArray[np.int64] = _class_counts(folder, self.labels, entry)
        """Samples of each class of the main target, int64 (K,). Read-only."""
        self._check_offsets(folder)
        self._check_sides(folder)
        check_checksums(folder)  # last: the checks above say more of what is wrong
        self._checked = np.zeros(entry.samples, dtype=bool)
        self._files = open_shards(entry, self._check_first_sample)

    def __len__(self) -> int:
        """Number of samples, N."""
        return self._first_rows[-1]

    def by(self, target: str, num_classes: int) -> "Split":
        """The same samples with another target as the main one, see `Dataset.by`."""
        view = copy(self)
        view.targets = _put_first(self.targets, target)
        view.labels = self.targets[target]
        view.class_counts = count_classes(view.labels, num_classes)
        return view

    def shard_of(self, row: int) -> str:
        """File name of the shard that holds a sample."""
        return self._shards[self._shard_number(row)].name

    def read(self, row: int) -> bytes:
        """Read the image file of a sample. The first time, its checksum is compared with the index.

        Raises:
            IndexError: if there is no such row.
            SampleError: if the shard does not hold the image as it was written; it names shard and key.
        """
        number = self._shard_number(row)
        size = int(self._size[row])
        try:
            data = self._files.read(number, int(self._offset[row]), size)
        except OSError as error:
            raise self._error(row, f"cannot be read: {error.strerror}") from error
        if len(data) != size:
            raise self._error(row, f"has {len(data)} bytes where the index says {size}: the shard was cut off")
        if not self._checked[row]:
            # Once is enough to know the disk's copy; each time would cost a twentieth of decoding.
            if zlib.crc32(data) != self._crc32[row]:
                raise self._error(row, "has other bytes than the index says: the shard was damaged or changed")
            self._checked[row] = True
        return data

    def fields(self, row: int) -> dict[str, Any]:
        """What the JSON beside an image says: of converted data sets its file, its sides, and its class by target.

        Classes that were held out are named there alone.

        Returns:
            {} if the sample has no JSON behind its image.

        Raises:
            IndexError: if there is no such row.
            SampleError: if it cannot be read.
        """
        number, shard = self._shard_number(row), self.shard_of(row)
        key = self.keys[row].removeprefix(qualified_key(shard, ""))
        try:
            return read_description(
                lambda offset, size: self._files.read(number, offset, size),
                int(self._offset[row]) + int(self._size[row]),
                key,
            )
        except OSError as error:
            raise self._error(row, f"cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise self._error(row, f"has JSON that cannot be read ({error})") from error

    @property
    def is_remote(self) -> bool:
        """Whether the shards come from another machine, whole, when they are first needed."""
        return self._files.room_bytes is not None

    @property
    def room_bytes(self) -> int | None:
        """Bytes of shards that can be on this machine at a time; None if all of them are."""
        return self._files.room_bytes

    @property
    def shard_starts(self) -> NDArray[np.int64]:
        """First row of each shard and, at the end, the number of samples; int64, (shards + 1,)."""
        return np.array(self._first_rows, dtype=np.int64)

    @property
    def shard_bytes(self) -> NDArray[np.int64]:
        """Size of each shard, int64, (shards,)."""
        return np.array([shard.bytes for shard in self._shards], dtype=np.int64)

    @property
    def image_bytes(self) -> NDArray[np.uint32]:
        """Size of each image's file, uint32 (N,). Read-only."""
        return self._size

    @property
    def checksums(self) -> NDArray[np.uint32]:
        """CRC-32 of each image's file, uint32 (N,). Read-only."""
        return self._crc32

    def want(self, rows: NDArray[np.int64], pinned: NDArray[np.int64] | None = None) -> None:
        """Say which samples will be read next, so that shards from far away are fetched before their turn.

        Cheap, and nothing at all for a data set of this machine. What was said before is forgotten; reading anything
        else stays possible.

        Args:
            rows: In the order in which they will be read, int64, (M,).
            pinned: Rows that are read from their shard's place alone, without fetching the shard, and whose bytes are
                kept in memory from then on: those which an epoch repeats. int64.
        """
        if not self.is_remote:
            return
        numbers = np.searchsorted(self._first_rows, rows, side="right") - 1
        is_pinned = np.zeros(len(self), dtype=bool)
        if pinned is not None:
            is_pinned[pinned] = True
        repeats = is_pinned[rows]
        images = {
            (self._shard_number(row), int(self._offset[row])): PinnedImage(int(self._size[row]), int(self._crc32[row]))
            for row in dict.fromkeys(rows[repeats].tolist())
        }
        self._files.want(numbers[~repeats], images)

    def _error(self, row: int, fault: str) -> SampleError:
        shard, key = self.shard_of(row), self.keys[row]
        return SampleError(f"sample {key} of {shard} {fault}; {MAKE_AGAIN}", shard=shard, key=key, fault=fault)

    def _shard_number(self, row: int) -> int:
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside [0, {len(self)}) of split {self.name!r}")
        return bisect_right(self._first_rows, row) - 1

    def _check_offsets(self, folder: Path) -> None:
        """Every image must lie inside its shard, at the start of a block."""
        samples = np.diff(self._first_rows)
        room = np.repeat(np.array([shard.bytes for shard in self._shards], dtype=np.uint64), samples)
        offset, size = np.asarray(self._offset), np.asarray(self._size)
        good = (offset % BLOCK == 0) & (offset >= BLOCK) & (offset <= room) & (size > 0)
        good &= (size <= room - np.minimum(offset, room)) & (size <= MAX_IMAGE_BYTES)
        if not good.all():
            row = int(good.argmin())
            raise DatasetError(
                f"{folder / 'offset.npy'} places sample {self.keys[row]} at {offset[row]} with {size[row]} bytes, "
                f"which cannot be in {self.shard_of(row)}: the index was damaged or changed; {MAKE_AGAIN}"
            )

    def _check_sides(self, folder: Path) -> None:
        """Every image must have pixels, and not more than images may have."""
        good = (self.widths > 0) & (self.heights > 0)
        good &= self.widths.astype(np.uint64) * self.heights <= MAX_PIXELS
        if not good.all():
            row = int(good.argmin())
            raise DatasetError(
                f"{folder} says that sample {self.keys[row]} has {self.widths[row]}x{self.heights[row]} pixels: the "
                f"index was damaged or changed; {MAKE_AGAIN}"
            )

    def _check_first_sample(self, number: int, file: OpenFile) -> None:
        """A shard of the right size may still be another one: look at the name of its first member."""
        row = self._first_rows[number]
        block = file.read(int(self._offset[row]) - BLOCK, BLOCK)
        found = found_instead(block, shard=self.shard_of(row), key=self.keys[row], image_suffix=self.image_suffix)
        if found is not None:
            expected = f"{self.keys[row]}.{self.image_suffix}"
            raise self._error(row, f"is not where the index says ({expected} expected, {found} found)")


class Dataset:
    """A data set that is open.

    Args:
        path: Where it lies, as messages say it: a folder, or an address without credentials.
        manifest: What it is made of.
        directory: The folder with the `.artkit` folder.
        open_shards: Makes the shards of a split readable.

    Raises:
        DatasetError: if the files disagree.
    """

    def __init__(self, path: Path | str, manifest: Manifest, directory: Path, open_shards: OpenShards) -> None:
        self.path = path
        self.targets: Mapping[str, tuple[str, ...]] = MappingProxyType(
            {target.name: target.classes for target in manifest.targets}
        )
        """Class names by target; the first target is the main one."""
        self.class_names: tuple[str, ...] = manifest.targets[0].classes
        """Classes of the main target, in the order of their numbers."""
        self.pixel_mean = _channels(manifest.pixel_mean)
        """Mean of each channel over the training split, RGB in [0, 1]."""
        self.pixel_std = _channels(manifest.pixel_std)
        """Standard deviation of each channel over the training split, RGB in [0, 1]."""
        self.fingerprint = manifest.fingerprint
        """sha256 of the content, in hex: equal for equal data sets only."""
        self._splits = {
            entry.name: Split(
                directory, entry, manifest.targets, manifest.image_suffix, manifest.fingerprint, open_shards
            )
            for entry in manifest.splits
        }

    def by(self, target: str) -> "Dataset":
        """The same data set with another target as the main one: labels, classes and their counts are of that one.

        Both read the same open files.

        Raises:
            DatasetError: if there is no such target.
        """
        if target not in self.targets:
            raise DatasetError(f"{self.path} has no target {target!r}; it has {', '.join(self.targets)}")
        if target == next(iter(self.targets)):
            return self
        view = copy(self)
        view.targets = _put_first(self.targets, target)
        view.class_names = self.targets[target]
        view._splits = {name: split.by(target, len(view.class_names)) for name, split in self._splits.items()}
        return view

    @property
    def split_names(self) -> tuple[str, ...]:
        """Names of the splits: "train" first, then "val" and "test" if there are any."""
        return tuple(self._splits)

    def split(self, name: str) -> Split:
        """A split by name.

        Raises:
            DatasetError: if there is no such split.
        """
        if name not in self._splits:
            raise DatasetError(f"{self.path} has no split {name!r}; it has {', '.join(self._splits)}")
        return self._splits[name]


def _labels(folder: Path, target: Target, num_samples: int) -> NDArray[np.int64]:
    labels: NDArray[np.int64] = read_column(folder, f"{target.name}.label", LABEL_TYPE, num_samples).astype(np.int64)
    if labels.min() < -1 or labels.max() >= len(target.classes):
        raise DatasetError(
            f"{folder / target.name}.label.npy has labels from {labels.min()} to {labels.max()}, the manifest has "
            f"{len(target.classes)} classes: the index was damaged or changed; {MAKE_AGAIN}"
        )
    labels.setflags(write=False)
    return labels


def _class_counts(folder: Path, labels: NDArray[np.int64], entry: SplitEntry) -> NDArray[np.int64]:
    counts = count_classes(labels, len(entry.class_counts))
    if tuple(counts.tolist()) != entry.class_counts:
        raise DatasetError(
            f"the labels in {folder} do not have the class counts of the manifest: the index was damaged or changed; "
            f"{MAKE_AGAIN}"
        )
    return counts


def count_classes(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Samples of each class, int64 (K,), read-only; those without one (-1) are not counted."""
    counts = np.bincount(labels[labels >= 0], minlength=num_classes).astype(np.int64)
    counts.setflags(write=False)
    return counts


def _put_first(targets: Mapping[str, ValueT], first: str) -> Mapping[str, ValueT]:
    """The targets in their order, but for the one that comes first."""
    return MappingProxyType({first: targets[first], **targets})


def _channels(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue
