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
    """Start worker processes, or none for a count of 1. They end with the block; if it raises, at once."""
    if count <= 1:
        yield _InProcess()
        return
    context = multiprocessing.get_context("spawn")
    end_at_close, lifeline = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_prepare_worker, initargs=(end_at_close,))
    with lifeline, end_at_close:
        try:
            yield _Processes(pool)
        except BaseException:
            # Waiting for what is being done would make Ctrl-C look broken, and a second one would break the waiting.
            with _interrupts_ignored():
                lifeline.close()
                pool.shutdown(cancel_futures=True)
            raise
        pool.shutdown()


def default_workers() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _prepare_worker(end_at_close: connection.Connection) -> None:
    # Ctrl-C reaches every process of the terminal; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, args=(end_at_close,), daemon=True).start()


def _watch_parent(end_at_close: connection.Connection) -> None:
    """End this process when the parent lets go of its end of the pipe, be it that it was killed."""
    parent = multiprocessing.parent_process()
    connection.wait([end_at_close] if parent is None else [end_at_close, parent.sentinel])
    os._exit(1)
