"""Opening a data set: a folder of tar shards with its manifest and index.

Everything the manifest and the index claim is checked against the files when the folder is opened, so that reading a
sample later is two look-ups and one `pread`.
"""

import tarfile
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.errors import DatasetError, SampleError
from artkit_shards.format.index import COLUMNS, LABEL_TYPE, read_column, read_text_column
from artkit_shards.format.manifest import FILE_NAME, FOLDER, Manifest, SplitEntry, Target
from artkit_shards.format.manifest_reader import read_manifest
from artkit_shards.format.reading import OpenFile, OpenFiles
from artkit_shards.format.tar import BLOCK
from artkit_shards.images import IMAGE_ENDINGS

_CONVERT_AGAIN: Final = "convert the images again (artkit shard SRC DST --force)"


class Split:
    """The samples of a split, numbered from 0 by row. Reading is thread-safe."""

    def __init__(self, directory: Path, entry: SplitEntry, targets: Sequence[Target], image_suffix: str) -> None:
        self.name = entry.name
        self.image_suffix = image_suffix
        """Format of all images: "jpg", "png" or "webp"."""
        self._shards = entry.shards
        self._first_rows = list(accumulate((shard.samples for shard in entry.shards), initial=0))
        folder = directory / FOLDER / "index" / entry.name
        columns = {name: read_column(folder, name, dtype, entry.samples) for name, dtype in COLUMNS.items()}
        self._offset: NDArray[np.uint64] = columns["offset"]
        self._size: NDArray[np.uint32] = columns["size"]
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
        self._check_shards(directory)
        self._check_offsets(folder)
        self._files = OpenFiles([directory / shard.name for shard in entry.shards], self._check_first_sample)

    def __len__(self) -> int:
        """Number of samples, N."""
        return self._first_rows[-1]

    def shard_of(self, row: int) -> str:
        """File name of the shard that holds a sample."""
        return self._shards[self._shard_number(row)].name

    def read(self, row: int) -> bytes:
        """Read the image file of a sample.

        Raises:
            IndexError: if there is no such row.
            SampleError: if the shard does not hold the whole image any more; it names shard and key.
        """
        number = self._shard_number(row)
        size = int(self._size[row])
        try:
            data = self._files.get(number).read(int(self._offset[row]), size)
        except OSError as error:
            raise self._error(row, f"cannot be read: {error.strerror}") from error
        if len(data) != size:
            raise self._error(row, f"has {len(data)} bytes where the index says {size}: the shard was cut off")
        return data

    def _error(self, row: int, fault: str) -> SampleError:
        shard, key = self.shard_of(row), self.keys[row]
        return SampleError(f"sample {key} of {shard} {fault}; {_CONVERT_AGAIN}", shard=shard, key=key)

    def _shard_number(self, row: int) -> int:
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside [0, {len(self)}) of split {self.name!r}")
        return bisect_right(self._first_rows, row) - 1

    def _check_shards(self, directory: Path) -> None:
        for shard in self._shards:
            path = directory / shard.name
            if not path.is_file():
                raise DatasetError(f"{path} is missing: copy the whole data set again, or {_CONVERT_AGAIN}")
            size = path.stat().st_size
            if size != shard.bytes:
                raise DatasetError(
                    f"{path} has {size} bytes, the manifest says {shard.bytes}: the shard is incomplete or was "
                    f"replaced; copy the whole data set again, or {_CONVERT_AGAIN}"
                )

    def _check_offsets(self, folder: Path) -> None:
        """Every image must lie inside its shard, at the start of a block."""
        samples = np.diff(self._first_rows)
        room = np.repeat(np.array([shard.bytes for shard in self._shards], dtype=np.uint64), samples)
        offset, size = np.asarray(self._offset), np.asarray(self._size)
        good = (offset % BLOCK == 0) & (offset >= BLOCK) & (offset <= room) & (size > 0)
        good &= size <= room - np.minimum(offset, room)
        if not good.all():
            row = int(good.argmin())
            raise DatasetError(
                f"{folder / 'offset.npy'} places sample {self.keys[row]} at {offset[row]} with {size[row]} bytes, "
                f"which cannot be in {self.shard_of(row)}: the index was damaged or changed; {_CONVERT_AGAIN}"
            )

    def _check_first_sample(self, number: int, file: OpenFile) -> None:
        """A shard of the right size may still be another one: look at the name of its first member."""
        row = self._first_rows[number]
        header = file.read(int(self._offset[row]) - BLOCK, BLOCK)
        try:
            name = tarfile.TarInfo.frombuf(header, "ascii", "strict").name
        except (tarfile.HeaderError, UnicodeDecodeError):
            name = "no tar member"
        expected = f"{self.keys[row]}.{self.image_suffix}"
        if name != expected:
            raise self._error(row, f"is not where the index says ({expected} expected, {name} found)")


class Dataset:
    """A converted data set."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
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
            entry.name: Split(path, entry, manifest.targets, manifest.image_suffix) for entry in manifest.splits
        }

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


def open_dataset(directory: Path | str) -> Dataset:
    """Open a data set that `convert` wrote.

    Args:
        directory: The folder with the shards and the `.artkit` folder.

    Raises:
        DatasetError: if this is no data set, an unfinished one, or one whose files disagree; it says what to do.
    """
    path = Path(directory)
    if not (path / FOLDER / FILE_NAME).is_file():
        raise DatasetError(_why_no_dataset(path))
    return Dataset(path, read_manifest(path))


def _why_no_dataset(path: Path) -> str:
    if not path.exists():
        return f"{path} does not exist; give the folder of a data set that `artkit shard SRC DST` has written"
    if not path.is_dir():
        return f"{path} is a file; give the folder of a data set that `artkit shard SRC DST` has written"
    if (path / FOLDER).is_dir():
        return f"the conversion to {path} was not finished; run the same `artkit shard` command again"
    if any(_has_images(folder) for folder in (path, *path.iterdir()) if folder.is_dir()):
        return f"{path} holds images, not shards; convert it first: artkit shard {path} DST, then use DST"
    return f"{path} is not a data set, it has no {FOLDER}/{FILE_NAME}; make one with `artkit shard SRC DST`"


def _has_images(folder: Path) -> bool:
    return any(file.name.lower().endswith(IMAGE_ENDINGS) for file in folder.iterdir())


def _labels(folder: Path, target: Target, num_samples: int) -> NDArray[np.int64]:
    labels: NDArray[np.int64] = read_column(folder, f"{target.name}.label", LABEL_TYPE, num_samples).astype(np.int64)
    if labels.min() < -1 or labels.max() >= len(target.classes):
        raise DatasetError(
            f"{folder / target.name}.label.npy has labels from {labels.min()} to {labels.max()}, the manifest has "
            f"{len(target.classes)} classes: the index was damaged or changed; {_CONVERT_AGAIN}"
        )
    labels.setflags(write=False)
    return labels


def _class_counts(folder: Path, labels: NDArray[np.int64], entry: SplitEntry) -> NDArray[np.int64]:
    counts = np.bincount(labels[labels >= 0], minlength=len(entry.class_counts)).astype(np.int64)
    if tuple(counts.tolist()) != entry.class_counts:
        raise DatasetError(
            f"the labels in {folder} do not have the class counts of the manifest: the index was damaged or changed; "
            f"{_CONVERT_AGAIN}"
        )
    counts.setflags(write=False)
    return counts


def _channels(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue
