"""Opening a data set, wherever it lies, and saying what a place is that holds none."""

import os
from pathlib import Path
from typing import Final

from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import Address, is_address, local_path, parse_address
from artkit_shards.format.dataset import Dataset
from artkit_shards.format.manifest import FILE_NAME, FOLDER, MAKE_AGAIN, SplitEntry
from artkit_shards.format.manifest_reader import read_manifest
from artkit_shards.format.patience import DEFAULT_PATIENCE, Patience
from artkit_shards.format.reading import Check, OpenFiles, local_files
from artkit_shards.images import IMAGE_ENDINGS
from artkit_shards.sizes import parse_bytes

DEFAULT_CACHE_BYTES: Final = "20GB"


def open_dataset(
    location: Path | str,
    *,
    cache_dir: Path | str | None = None,
    cache_bytes: int | str | None = None,
    patience: Patience = DEFAULT_PATIENCE,
) -> Dataset:
    """Open a data set that `convert` wrote.

    Args:
        location: The folder with the shards and the `.artkit` folder, or its address: https://, s3:// and others that
            fsspec reads. Of an address, shards are fetched whole when they are first needed, and kept.
        cache_dir: Where what was fetched is kept, for any number of data sets and processes; by default $ARTKIT_CACHE,
            else artkit in the user's cache folder. Folders that lie here need none.
        cache_bytes: What may be kept there, such as "50GB"; by default $ARTKIT_CACHE_BYTES, else 20 GB. Files used
            longest ago go first. It should hold twice the shards that are read at one time.
        patience: How long to insist on a file that does not come.

    Raises:
        DatasetError: if this is no data set, an unfinished one, or one whose files disagree; it says what to do.
        ValueError: if `cache_bytes` is no amount of bytes.
    """
    if isinstance(location, Path) or not is_address(location):
        return _open_folder(Path(location))
    address = parse_address(location)
    path = local_path(address)
    if path is not None:
        return _open_folder(path)
    return _open_remote(address, cache_dir, _default_budget() if cache_bytes is None else cache_bytes, patience)


def _open_folder(path: Path) -> Dataset:
    if not (path / FOLDER / FILE_NAME).is_file():
        raise DatasetError(_why_no_dataset(path))

    def open_shards(entry: SplitEntry, check: Check) -> OpenFiles:
        _check_shards(path, entry)
        return local_files([path / shard.name for shard in entry.shards], check)

    return Dataset(path, read_manifest(path), path, open_shards)


def _open_remote(address: Address, cache_dir: Path | str | None, cache_bytes: int | str, patience: Patience) -> Dataset:
    # Loaded late: data sets of this machine need none of it.
    from artkit_shards.format.file_cache import default_cache_folder
    from artkit_shards.format.remote_dataset import open_remote_dataset

    folder = default_cache_folder() if cache_dir is None else Path(cache_dir).expanduser()
    return open_remote_dataset(address, folder, parse_bytes(cache_bytes), patience)


def _default_budget() -> int:
    given = os.environ.get("ARTKIT_CACHE_BYTES") or DEFAULT_CACHE_BYTES
    try:
        return parse_bytes(given)
    except ValueError as error:
        raise DatasetError(f"ARTKIT_CACHE_BYTES: {error}") from error


def _check_shards(directory: Path, entry: SplitEntry) -> None:
    for shard in entry.shards:
        path = directory / shard.name
        if not path.is_file():
            raise DatasetError(f"{path} is missing: copy the whole data set again, or {MAKE_AGAIN}")
        size = path.stat().st_size
        if size != shard.bytes:
            raise DatasetError(
                f"{path} has {size} bytes, the manifest says {shard.bytes}: the shard is incomplete or was "
                f"replaced; copy the whole data set again, or {MAKE_AGAIN}"
            )


def _why_no_dataset(path: Path) -> str:
    if not path.exists():
        return f"{path} does not exist; give the folder of a data set that `artkit shard SRC DST` has written"
    if not path.is_dir():
        return f"{path} is a file; give the folder of a data set that `artkit shard SRC DST` has written"
    if (path / FOLDER).is_dir():
        return f"the conversion to {path} was not finished; run the same `artkit shard` command again"
    if any(path.glob("*.tar")):
        return f"{path} holds tars without an index; make one with `artkit dataset index {path}`"
    if any(_has_images(folder) for folder in (path, *path.iterdir()) if folder.is_dir()):
        return f"{path} holds images, not shards; convert it first: artkit shard {path} DST, then use DST"
    return f"{path} is not a data set, it has no {FOLDER}/{FILE_NAME}; make one with `artkit shard SRC DST`"


def _has_images(folder: Path) -> bool:
    return any(file.name.lower().endswith(IMAGE_ENDINGS) for file in folder.iterdir())
