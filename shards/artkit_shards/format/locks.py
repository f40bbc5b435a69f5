"""Locks on files: the system lets go of one when its process ends, however it ends, so that none is ever stale.

Whoever holds a lock may leave a note in the file, for those who come in vain. Some network file systems know no locks;
there, everyone gets in.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

_TRIES: Final = 5
_PAUSE_S: Final = 0.05
_UNKNOWN_THERE: Final = (errno.ENOLCK, errno.EOPNOTSUPP)


class LockedError(Exception):
    """Someone else holds the lock.

    Attributes:
        note: Theirs; empty if they left none, or have not written it yet.
    """

    def __init__(self, note: bytes) -> None:
        super().__init__(note)
        self.note = note


@contextmanager
def hold_lock(path: Path, note: bytes = b"") -> Iterator[bool]:
    """Hold the lock of a file, which is made for it and goes with it; its folder must exist.

    Args:
        path: The file.
        note: What `read_lock` gives meanwhile.

    Yields:
        Whether the lock keeps others out; False where the file system knows no locks.

    Raises:
        LockedError: if someone else holds it, be it in this process.
    """
    while True:
        with path.open("a+b") as file:
            keeps_out = _lock(file)
            # Whoever held it before may have removed it since it was opened; then it keeps nobody out.
            if not _is_at(file, path):
                continue
            try:
                file.truncate(0)
                file.write(note)
                file.flush()
                yield keeps_out
            finally:
                # A file that stays, as where its folder became read-only meanwhile, locks nobody out.
                with suppress(OSError):
                    path.unlink()
            return


def read_lock(path: Path) -> bytes | None:
    """The note of whoever holds the lock of a file; None if nobody does."""
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read()
            except OSError as error:
                if error.errno not in _UNKNOWN_THERE:
                    raise
    except FileNotFoundError:
        pass
    return None


def _lock(file: BinaryIO) -> bool:
    """Lock an open file; False where the file system knows no locks."""
    for tries_left in reversed(range(_TRIES)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Whoever only looks at it has it for a moment, and a process that was killed still has to end.
            if not tries_left:
                file.seek(0)
                raise LockedError(file.read()) from None
            time.sleep(_PAUSE_S)
        except OSError as error:
            if error.errno not in _UNKNOWN_THERE:
                raise
            return False
        else:
            return True
    raise AssertionError("the last try returns or raises")


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
