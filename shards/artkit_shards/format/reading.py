"""Reading bytes out of shards from many threads, with a bounded number of open files."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

MAX_OPEN_FILES: Final = 128


class OpenFile:
    """An open file that closes itself when the last reader lets go of it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end of the file. Thread-safe."""
        return os.pread(self._descriptor, size, offset)

    def __del__(self) -> None:
        # Missing if opening failed.
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)


class OpenFiles:
    """Keeps the files that were used last open.

    A file that drops out of the cache while another thread reads it stays open until that read is done: closing it at
    once could let its descriptor be reused for another file in between.

    Args:
        paths: The files, by number.
        check: Called with number and file whenever one is opened.
        limit: Number of files kept open.
    """

    def __init__(
        self, paths: Sequence[Path], check: Callable[[int, OpenFile], None], limit: int = MAX_OPEN_FILES
    ) -> None:
        self._paths = paths
        self._check = check
        self._limit = limit
        self._files: OrderedDict[int, OpenFile] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, number: int) -> OpenFile:
        """The file of a number, opened if need be.

        Raises:
            OSError: if it cannot be opened.
        """
        with self._lock:
            file = self._files.get(number)
            if file is None:
                file = OpenFile(self._paths[number])
                self._check(number, file)
                self._files[number] = file
                if len(self._files) > self._limit:
                    self._files.popitem(last=False)
            else:
                self._files.move_to_end(number)
            return file
