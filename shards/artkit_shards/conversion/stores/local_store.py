"""A data set in a folder of this machine, or of a file system that several machines share."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from artkit_shards.conversion.stores.store import MAX_BYTES_OF_A_NOTE
from artkit_shards.errors import ConvertError
from artkit_shards.format.files import sync_file, sync_folder, whole_file
from artkit_shards.format.locks import LockedError, hold_lock
from artkit_shards.format.manifest import FOLDER

_TEMPORARY: Final = f"{FOLDER}/tmp"
"""For files that are being written; whatever is left in it is waste."""
_LOCK: Final = f"{FOLDER}/lock"


@dataclass(frozen=True, slots=True)
class LocalStore:
    """See `Store`; `directory` need not exist."""

    directory: Path

    @property
    def location(self) -> Path:
        """See `Store.location`."""
        return self.directory

    def shown(self, name: str) -> Path:
        """See `Store.shown`."""
        return self.directory / name

    @contextmanager
    def hold(self) -> Iterator["_Locked"]:
        """See `Store.hold`; the system lets go of the folder when the process ends, however it ends."""
        made = _make_folders(self.directory / FOLDER)
        try:
            with hold_lock(self.directory / _LOCK):
                self.remove_folder(_TEMPORARY)
                try:
                    yield _Locked()
                finally:
                    self.remove_folder(_TEMPORARY)
        except LockedError as error:
            raise ConvertError(f"another conversion is writing to {self.directory}; wait until it is done") from error
        finally:
            for folder in made:
                # Folders that were made for nothing go again; those that hold something stay.
                with suppress(OSError):
                    folder.rmdir()

    def size(self, name: str) -> int | None:
        """See `Store.size`."""
        try:
            return os.lstat(self.directory / name).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, name: str) -> bytes | None:
        """See `Store.read`."""
        size = self.size(name)
        if size is None or size > MAX_BYTES_OF_A_NOTE:
            return None
        return (self.directory / name).read_bytes()

    def names(self, folder: str) -> list[str]:
        """See `Store.names`."""
        try:
            with os.scandir(self.directory / folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        except FileNotFoundError:
            return []

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """See `Store.write`."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, self._temporary(), sync=durable) as file:
            file.write(data)
        if durable:
            sync_folder(path.parent)

    @contextmanager
    def new_file(self, name: str) -> Iterator[BinaryIO]:
        """See `Store.new_file`."""
        with whole_file(self.directory / name, self._temporary(), sync=False) as file:
            yield file

    @contextmanager
    def new_folder(self, name: str) -> Iterator[Path]:
        """See `Store.new_folder`."""
        self.remove_folder(name)
        folder = self.directory / name
        folder.mkdir(parents=True)
        yield folder

    def settle(self, name: str) -> None:
        """See `Store.settle`."""
        sync_file(self.directory / name)

    def settle_names(self, folder: str) -> None:
        """See `Store.settle_names`."""
        sync_folder(self.directory / folder)

    def mark(self, name: str) -> None:
        """See `Store.mark`: after a crash of the machine nothing but its content says what a file is."""

    def has(self, name: str, num_bytes: int, sha256: str, mark: str | None) -> bool:  # noqa: ARG002 for others
        """See `Store.has`."""
        if self.size(name) != num_bytes:
            return False
        with (self.directory / name).open("rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def remove(self, name: str) -> None:
        """See `Store.remove`."""
        (self.directory / name).unlink(missing_ok=True)

    def remove_folder(self, name: str) -> None:
        """See `Store.remove_folder`."""
        shutil.rmtree(self.directory / name, ignore_errors=True)

    def free_bytes(self) -> int:
        """See `Store.free_bytes`."""
        existing = next(folder for folder in (self.directory, *self.directory.absolute().parents) if folder.is_dir())
        return shutil.disk_usage(existing).free

    def _temporary(self) -> Path:
        folder = self.directory / _TEMPORARY
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class _Locked:
    def check(self) -> None:
        """A lock of the system is kept until it is given back."""


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those on the way to it; returns those that were not there, the innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing
