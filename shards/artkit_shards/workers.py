"""Worker processes: the same function over many items, in order, whatever the number of processes.

Processes are spawned, so a script that converts with more than one worker needs the usual
`if __name__ == "__main__":` around what it runs.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from typing import Protocol, TypeVar

from artkit_shards.errors import ConvertError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(Protocol):
    """Applies functions to items."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], chunk: int = 1, /) -> Iterator[Result]:
        """Results in the order of the items; the first error ends it. Processes get `chunk` items at a time."""
        ...


class _InProcess:
    def map(self, function: Callable[[Item], Result], items: Sequence[Item], _chunk: int = 1, /) -> Iterator[Result]:
        return map(function, items)


class _Processes:
    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], chunk: int = 1, /) -> Iterator[Result]:
        try:
            yield from self._pool.map(function, items, chunksize=chunk)
        except BrokenProcessPool as error:
            raise ConvertError(
                "a worker process ended unexpectedly, perhaps for lack of memory; run again with fewer workers "
                "(--workers 1 uses no other process)"
            ) from error


@contextmanager
def open_workers(count: int) -> Iterator[Workers]:
    """Start worker processes, or none for a count of 1; they end with the block, at once if it raises."""
    if count <= 1:
        yield _InProcess()
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_prepare_worker)
    try:
        yield _Processes(pool)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def default_workers() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _prepare_worker() -> None:
    # Ctrl-C reaches every process of the terminal; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed cannot tell its workers, which would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
