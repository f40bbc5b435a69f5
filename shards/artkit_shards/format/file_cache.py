"""A folder of files that came from elsewhere, bounded in size, and shared by processes.

Files come whole: under a temporary name, seen on the disk, then renamed. Whoever fetches a file locks its temporary
name, and others wait for it instead of fetching it again; the lock of a process that dies is gone with it, and what it
had fetched is where the next one goes on. Over the budget, the files used longest ago go first. A file that is open
anywhere is locked against that; its time of change is when it was opened last.

    shards/<fingerprint of the data set>/<name of the shard>
    indexes/<sha256 of the manifest>/.artkit/...
    lock
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from artkit_shards.errors import DatasetError, is_disk_full
from artkit_shards.format.files import sync_folder
from artkit_shards.format.interest import sleep
from artkit_shards.format.reading import OpenFile

Fetch = Callable[[BinaryIO], None]
"""Completes a file that is open for reading and writing; it may hold the beginning, from an earlier attempt."""

_SHARDS: Final = "shards"
_INDEXES: Final = "indexes"
_PART: Final = re.compile(r"\..*\.(\d+)\.part", re.DOTALL)
_LOOK_S: Final = 0.02
"""How often to see whether another process has fetched a file."""
_RIVALRY: Final = 20
"""A file that others remove this often right after it came does not fit beside what they need."""


class _Entry(NamedTuple):
    """What can be removed: a shard, a part of one, or the whole index of a data set."""

    used: int
    path: Path
    num_bytes: int


def default_cache_folder() -> Path:
    """$ARTKIT_CACHE, else artkit in $XDG_CACHE_HOME, else ~/.cache/artkit."""
    if os.environ.get("ARTKIT_CACHE"):
        return Path(os.environ["ARTKIT_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "artkit"


class FileCache:
    """A bounded folder of files from elsewhere. Safe for any number of threads and processes of one machine.

    Args:
        directory: The folder; made if need be, for this user alone.
        budget: Bytes that all files in it may have, those aside that are open at a time.

    Raises:
        DatasetError: if the folder cannot be made.
    """

    def __init__(self, directory: Path, budget: int) -> None:
        self.directory = directory
        self.budget = budget
        with self._errors():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def shard_path(self, fingerprint: str, name: str) -> Path:
        """Where a shard of a data set is kept."""
        return self.directory / _SHARDS / fingerprint / name

    def index_folder(self, digest: str) -> Path:
        """Where the index of a data set is kept whose manifest has this sha256."""
        return self.directory / _INDEXES / digest

    def ensure(self, path: Path, num_bytes: int, fetch: Fetch) -> None:
        """Make a file be there whole, fetching it unless it is.

        Args:
            path: Of the file, in this cache.
            num_bytes: Its size, for which room is made.
            fetch: Gets it; what it raises is passed on.

        Raises:
            DatasetError: if the disk is full or the folder cannot be used.
        """
        while not path.exists():
            with self._errors():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with _locked_part(path, num_bytes) as (part, file):
                    if path.exists():
                        # Someone else's fetch ended between the look and the lock.
                        part.unlink()
                        return
                    self._make_room(part, num_bytes)
                    fetch(file)
                    file.flush()
                    os.fsync(file.fileno())
                    os.replace(part, path)
                sync_folder(path.parent)

    def open(self, path: Path, num_bytes: int, fetch: Fetch) -> OpenFile:
        """Open a file, fetching it unless it is there; until it is closed, no process removes it.

        Args and errors as in `ensure`.
        """
        for _ in range(_RIVALRY):
            self.ensure(path, num_bytes, fetch)
            with self._errors():
                file = _open_kept(path, num_bytes)
            if file is not None:
                return file
        raise DatasetError(
            f"{path} is removed by other processes as soon as it comes: {self.directory} is too small for all that "
            "read there; give more cache_bytes, or each process a cache_dir of its own"
        )

    def hold(self, folder: Path) -> OpenFile:
        """Make a folder, and keep processes from removing it until what is returned is closed."""
        while True:
            with self._errors():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                held = _open_kept(folder, None)
            if held is not None:
                return held

    def _make_room(self, part: Path, num_bytes: int) -> None:
        """Remove what was used longest ago until a file of this size fits."""
        with _lock(self.directory / "lock"):
            entries = sorted(entry for entry in self._entries() if entry.path != part)
            total = sum(entry.num_bytes for entry in entries) + num_bytes
            for entry in entries:
                if total <= self.budget:
                    return
                if _remove(entry.path):
                    total -= entry.num_bytes

    def _entries(self) -> Iterator[_Entry]:
        for path in self.directory.glob(f"{_SHARDS}/*/*"):
            size, used = _size_and_use(path)
            part = _PART.fullmatch(path.name)
            yield _Entry(used, path, max(size, int(part[1])) if part else size)
        for folder in self.directory.glob(f"{_INDEXES}/*"):
            size = sum(_size_and_use(path)[0] for path in folder.rglob("*") if path.is_file())
            yield _Entry(_size_and_use(folder)[1], folder, size)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say of errors of the system that they concern the cache."""
        try:
            yield
        except OSError as error:
            if is_disk_full(error):
                fault, advice = "the disk is full", "free some space, give less cache_bytes, or another cache_dir"
            else:
                fault, advice = str(error.strerror), "give another cache_dir on a local disk (or set ARTKIT_CACHE)"
            raise DatasetError(f"the cache in {self.directory} cannot be used: {fault}; {advice}") from error


@contextmanager
def _locked_part(path: Path, num_bytes: int) -> Iterator[tuple[Path, BinaryIO]]:
    """The temporary file of a file to be, locked; its name says how large it will be."""
    part = path.with_name(f".{path.name}.{num_bytes}.part")
    while True:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with open(descriptor, "r+b") as file:
            _lock_when_free(descriptor)
            # Whoever had the lock before may have renamed or removed what was opened here.
            if _is_at(descriptor, part):
                yield part, file
                return


def _lock_when_free(descriptor: int) -> None:
    """Lock a file that another thread or process may be fetching; raises UnwantedError if nobody waits any more."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(_LOOK_S)
        else:
            return


def _open_kept(path: Path, num_bytes: int | None) -> OpenFile | None:
    """Open and lock a file or folder against removal, as one used just now; None if it is gone or damaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    file = OpenFile(descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if not _is_at(descriptor, path):
        return None
    if num_bytes is not None and os.fstat(descriptor).st_size != num_bytes:
        path.unlink(missing_ok=True)
        return None
    os.utime(descriptor)
    return file


def _remove(path: Path) -> bool:
    """Remove a file or folder unless someone has it open; whether it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one that has this name."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _size_and_use(path: Path) -> tuple[int, int]:
    """Bytes, and when it was used last in nanoseconds; nothing at all if it is gone."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file."""
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
