"""Seeing files onto the disk while others are written: waiting for it in between would cost a third of the time."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from artkit_shards.conversion.stores.store import Store

_AT_ONCE: Final = 4
"""Disks are told to write a handful of files together in less time than one after the other."""


class Settling:
    """Files on their way to the disk; see `settle_beside`."""

    def __init__(self, store: Store, threads: ThreadPoolExecutor) -> None:
        self._store = store
        self._threads = threads
        self._files: list[Future[None]] = []

    def add(self, name: str) -> None:
        """Begin to see a file onto the disk."""
        self._files.append(self._threads.submit(self._store.settle, name))

    def finish(self) -> None:
        """Wait until all are there.

        Raises:
            OSError: if the disk failed to take one.
        """
        for file in self._files:
            file.result()


@contextmanager
def settle_beside(store: Store) -> Iterator[Settling]:
    """See files onto the disk in threads of their own; if the block raises, what was not begun is left."""
    threads = ThreadPoolExecutor(_AT_ONCE, "settle")
    try:
        yield Settling(store, threads)
    finally:
        threads.shutdown(cancel_futures=True)
