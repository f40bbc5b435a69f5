"""Reading bytes out of shards from many threads, with a bounded number of open files."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from artkit_shards.format.interest import holding

MAX_OPEN_FILES: Final = 128

Place = tuple[int, int]
"""Where a sample's image lies: number of its shard in the split, and offset in that shard."""


class PinnedImage(NamedTuple):
    """What is known of an image before it is there."""

    size: int
    """Bytes of its file."""
    crc32: int


class OpenFile:
    """An open file that closes itself when the last reader lets go of it.

    Args:
        descriptor: Of a file that is open for reading; it belongs to this object from now on.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end of the file. Thread-safe."""
        return os.pread(self._descriptor, size, offset)

    def __del__(self) -> None:
        os.close(self._descriptor)


Check = Callable[[int, OpenFile], None]
"""Called with number and file whenever a shard is opened; raises if it is not the one it should be."""


def open_file(path: Path) -> OpenFile:
    """Open a file of this machine for reading; raises OSError if it cannot be."""
    return OpenFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


class ShardFiles(Protocol):
    """The bytes of the shards of a split. Thread-safe."""

    room_bytes: int | None
    """Bytes of shards that can be on this machine at a time; None if all of them are."""

    def read(self, number: int, offset: int, size: int) -> bytes:
        """Up to `size` bytes of a shard from `offset`; fewer only at its end. Raises OSError or DatasetError."""

    def want(self, numbers: NDArray[np.int64], pinned: Mapping[Place, PinnedImage]) -> None:
        """Say what will be read next; what was said before is forgotten.

        Args:
            numbers: The shards of the coming reads, in their order, without those of `pinned`; int64, (M,).
            pinned: Images to be read without their shard and then kept in memory, in the order in which they will be
                read first.
        """


class OpenFiles:
    """Keeps the files that were used last open.

    A file that drops out of the cache while another thread reads it stays open until that read is done: closing it at
    once could let its descriptor be reused for another file in between. Opening may take long, when a file comes from
    far: threads that want another file do not wait for it, those that want the same one do.

    Args:
        open_number: Opens the file of a number.
        check: See `Check`.
        limit: Number of files kept open.
    """

    room_bytes: int | None = None

    def __init__(self, open_number: Callable[[int], OpenFile], check: Check, limit: int = MAX_OPEN_FILES) -> None:
        self._open_number = open_number
        self._check = check
        self._limit = limit
        self._files: OrderedDict[int, OpenFile] = OrderedDict()
        self._lock = threading.Lock()
        self._opening: dict[int, threading.Lock] = {}

    def read(self, number: int, offset: int, size: int) -> bytes:
        """See `ShardFiles.read`."""
        return self.get(number).read(offset, size)

    def want(self, numbers: NDArray[np.int64], pinned: Mapping[Place, PinnedImage]) -> None:
        """Files of this machine are opened when they are read: there is nothing to prepare."""

    def get(self, number: int) -> OpenFile:
        """The file of a number, opened if need be.

        Raises:
            OSError: if it cannot be opened.
        """
        with self._lock:
            file = self._used(number)
            if file is not None:
                return file
            opening = self._opening.setdefault(number, threading.Lock())
        with holding(opening):
            with self._lock:
                file = self._used(number)
            return self._open(number) if file is None else file

    def _used(self, number: int) -> OpenFile | None:
        """A file that is open, marked as the one used last."""
        file = self._files.get(number)
        if file is not None:
            self._files.move_to_end(number)
        return file

    def _open(self, number: int) -> OpenFile:
        file = self._open_number(number)
        self._check(number, file)
        with self._lock:
            self._files[number] = file
            self._opening.pop(number, None)
            if len(self._files) > self._limit:
                self._files.popitem(last=False)
        return file


def local_files(paths: Sequence[Path], check: Check) -> OpenFiles:
    """The files at these paths, by number."""
    return OpenFiles(lambda number: open_file(paths[number]), check)
