"""Opening a data set that has an address: its manifest and index are fetched and checked, its shards come when needed.

The manifest is fetched whenever a data set is opened; it is what everything else is checked against. The index is kept
in the cache under the manifest's checksum, and mapped from there.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import Address
from artkit_shards.format.dataset import Dataset
from artkit_shards.format.file_cache import FileCache
from artkit_shards.format.index import file_sizes
from artkit_shards.format.interest import threads_while_wanted
from artkit_shards.format.manifest import FILE_NAME, FOLDER, Manifest, SplitEntry
from artkit_shards.format.manifest_reader import MAX_BYTES, parse_manifest
from artkit_shards.format.patience import Patience
from artkit_shards.format.reading import Check, OpenFile
from artkit_shards.format.remote import RemoteFolder
from artkit_shards.format.remote_files import RemoteFiles
from artkit_shards.format.transfer import MissingFileError

_THREADS: Final = 8
_MANIFEST: Final = f"{FOLDER}/{FILE_NAME}"


class IndexFile(NamedTuple):
    """A file of the index: its path from the data set's folder, and the most bytes it can have."""

    path: str
    most: int


def open_remote_dataset(address: Address, cache_dir: Path, cache_bytes: int, patience: Patience) -> Dataset:
    """Open a data set that has an address.

    Args:
        address: Of the folder with the shards and the `.artkit` folder.
        cache_dir: Where its files are kept.
        cache_bytes: What they may take there.
        patience: How long to insist on a file.

    Raises:
        DatasetError: if there is none, it cannot be fetched, its files disagree, or the cache is too small.
    """
    folder = RemoteFolder(address, patience)
    data = fetch_manifest(folder)
    manifest = parse_manifest(data, address.shown(_MANIFEST))
    _check_budget(manifest, address, cache_bytes)
    cache = FileCache(cache_dir, cache_bytes)
    directory = cache.index_folder(hashlib.sha256(data).hexdigest())
    held = cache.hold(directory)
    files = list(index_files(manifest))
    had_some = any((directory / file.path).exists() for file in files)
    try:
        return _open(folder, cache, manifest, directory, held, files)
    except DatasetError:
        if not had_some:
            raise
    # What was kept may have been damaged since: the index that is there now is given a chance.
    for file in files:
        (directory / file.path).unlink(missing_ok=True)
    return _open(folder, cache, manifest, directory, held, files)


def _open(
    folder: RemoteFolder,
    cache: FileCache,
    manifest: Manifest,
    directory: Path,
    held: OpenFile,
    files: list[IndexFile],
) -> Dataset:
    def open_shards(entry: SplitEntry, check: Check) -> RemoteFiles:
        return RemoteFiles(folder, cache, manifest.fingerprint, entry, check, held)

    def ensure(file: IndexFile) -> None:
        cache.ensure(directory / file.path, 0, lambda part: _fetch(folder, file, part))

    with threads_while_wanted(_THREADS, "artkit-index") as pool:
        list(pool.map(ensure, files))
    return Dataset(str(folder.address), manifest, directory, open_shards)


def manifest_path(directory: Path) -> Path:
    """Where the manifest is in the folder of a data set."""
    return directory / _MANIFEST


def fetch_manifest(folder: RemoteFolder) -> bytes:
    """The manifest of a data set, as it lies there.

    Raises:
        DatasetError: if there is none, or it cannot be fetched.
    """
    try:
        return folder.read(_MANIFEST, most=MAX_BYTES)
    except MissingFileError:
        raise DatasetError(
            f"{folder.address} is not a data set, it has no {_MANIFEST}; if there are tar shards, index them with "
            f"`artkit dataset index {folder.address}`, otherwise make some with `artkit shard SRC DST`"
        ) from None


def _check_budget(manifest: Manifest, address: Address, cache_bytes: int) -> None:
    largest = max((shard.bytes, shard.name) for split in manifest.splits for shard in split.shards)
    if largest[0] > cache_bytes:
        raise DatasetError(
            f"the shard {largest[1]} of {address} has {largest[0]} bytes, more than cache_bytes={cache_bytes}; a shard "
            "is kept whole: give more"
        )


def index_files(manifest: Manifest) -> Iterator[IndexFile]:
    """All files that the index of a data set can have."""
    targets = [target.name for target in manifest.targets]
    for split in manifest.splits:
        for name, most in file_sizes(targets, split.samples).items():
            yield IndexFile(f"{FOLDER}/index/{split.name}/{name}", most)


def _fetch(folder: RemoteFolder, file: IndexFile, part: BinaryIO) -> None:
    part.truncate(0)
    for piece in folder.stream(file.path, most=file.most):
        part.write(piece)
