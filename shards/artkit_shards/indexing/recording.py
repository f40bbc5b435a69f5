"""Writing the index of tars that were there before: all of it in a new folder first, the manifest last of all."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from artkit_shards.errors import DatasetError, is_disk_full
from artkit_shards.format.files import sync_folder, whole_file
from artkit_shards.format.index import write_index
from artkit_shards.format.manifest import FILE_NAME, FOLDER, to_json
from artkit_shards.indexing.content import IndexContent, SplitContent
from artkit_shards.indexing.measuring import Reject

REJECTS_FILE: Final = "rejects.jsonl"
_OURS: Final = ("index", REJECTS_FILE, FILE_NAME)
_COLUMNS: Final = ("offset", "size", "width", "height", "crc32")
_TEMPORARY: Final = "indexing-"
"""Folders that begin so are waste, but for the one that is being written."""


def check_writable(directory: Path) -> None:
    """See whether an index can be written to a folder, by writing there; nothing of it stays.

    Raises:
        DatasetError: as `write_data_set`.
    """
    home = directory / FOLDER
    there = next(path for path in (home, *home.parents) if path.exists())
    try:
        _check_unfinished(directory, home)
        Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=there)).rmdir()
    except OSError as error:
        raise _write_error(error, directory) from error


def write_data_set(directory: Path, content: IndexContent, rejects: Sequence[Reject]) -> None:
    """Write an index; a crash at any moment leaves the old one, the new one or none, and waste that the next one takes.

    Raises:
        DatasetError: if the folder holds a conversion that was not finished, or cannot be written to.
    """
    home = directory / FOLDER
    was_there = home.is_dir()
    try:
        _check_unfinished(directory, home)
        home.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=home))
        try:
            _write_files(temporary, content, rejects)
            _commit(home, temporary)
        finally:
            for waste in home.glob(f"{_TEMPORARY}*"):
                shutil.rmtree(waste, ignore_errors=True)
            if not was_there:
                with suppress(OSError):
                    home.rmdir()
    except OSError as error:
        raise _write_error(error, directory) from error


def _check_unfinished(directory: Path, home: Path) -> None:
    there = {path.name for path in home.iterdir() if not path.name.startswith(_TEMPORARY)} if home.is_dir() else set()
    if there.difference(_OURS) and FILE_NAME not in there:
        raise DatasetError(
            f"{directory} holds a conversion that was not finished; run its `artkit shard` command again, or remove "
            f"{home} if only the tars are to stay"
        )


def _write_files(folder: Path, content: IndexContent, rejects: Sequence[Reject]) -> None:
    for name, split in content.splits.items():
        _write_split(folder / "index" / name, split)
    sync_folder(folder / "index")
    with whole_file(folder / REJECTS_FILE, folder) as lines:
        for reject in rejects:
            lines.write(json.dumps(reject._asdict(), ensure_ascii=False).encode() + b"\n")
    with whole_file(folder / FILE_NAME, folder) as file:
        file.write(to_json(content.manifest))


def _write_split(folder: Path, split: SplitContent) -> None:
    folder.mkdir(parents=True)
    rows = [row for one in split.tars for row in one.rows]
    numbers = {name: [getattr(row, name) for row in rows] for name in _COLUMNS}
    files = [f"{one.tar.path.name}/{row.member}" for one in split.tars for row in one.rows]
    write_index(folder, numbers, split.labels, {"key": split.keys, "file": files})
    sync_folder(folder)


def _commit(home: Path, temporary: Path) -> None:
    (home / FILE_NAME).unlink(missing_ok=True)
    sync_folder(home)
    shutil.rmtree(home / "index", ignore_errors=True)
    for name in _OURS:
        (temporary / name).replace(home / name)
        sync_folder(home)


def _write_error(error: OSError, folder: Path) -> DatasetError:
    if is_disk_full(error):
        free = shutil.disk_usage(folder).free / 1e6
        return DatasetError(
            f"no space left to write the index to {folder} ({free:.0f} MB free); free some and try again"
        )
    return DatasetError(
        f"cannot write the index to {folder}: {error.strerror or error}; mend this, or have it written to another "
        "folder with --out FOLDER"
    )
