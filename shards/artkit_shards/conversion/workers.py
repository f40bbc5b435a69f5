"""Worker processes: the same function over many jobs, results in order, whatever the number of processes.

Processes are spawned, so a script that converts with more than one worker needs the usual
`if __name__ == "__main__":` around what it runs. While they start, which takes as long as a hundred images, this
process does what they will do.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import connection
from typing import Final, Protocol, TypeVar

from artkit_shards.errors import ConvertError

Job = TypeVar("Job")
Result = TypeVar("Result")

_JOBS_PER_WORKER: Final = 3
"""So many are on their way to a worker, so that none waits for its next one."""


class Workers(Protocol):
    """Applies functions to jobs."""

    def map(self, function: Callable[[Job], Result], jobs: Iterable[Job], /) -> Iterator[Result]:
        """Results in the order of the jobs; the first error ends it. Few jobs and results are in memory at a time."""
        ...


class _InProcess:
    def map(self, function: Callable[[Job], Result], jobs: Iterable[Job], /) -> Iterator[Result]:
        return map(function, jobs)


class _Processes:
    def __init__(self, pool: ProcessPoolExecutor, count: int) -> None:
        self._pool = pool
        self._most_on_their_way = count * _JOBS_PER_WORKER
        self._started = False

    def map(self, function: Callable[[Job], Result], jobs: Iterable[Job], /) -> Iterator[Result]:
        try:
            yield from self._map(function, iter(jobs))
        except BrokenProcessPool as error:
            raise ConvertError(
                "a worker process ended unexpectedly, perhaps for lack of memory; run again with fewer workers "
                "(--workers 1 uses no other process)"
            ) from error

    def _map(self, function: Callable[[Job], Result], jobs: Iterator[Job]) -> Iterator[Result]:
        results: deque[Future[Result]] = deque()
        results.extend(self._submit(function, job) for job in islice(jobs, self._most_on_their_way))
        while results:
            while not (self._started or results[0].done()) and (here := list(islice(jobs, 1))):
                results.append(_done(function(here[0])))
            yield results.popleft().result()
            self._started = True
            results.extend(self._submit(function, job) for job in islice(jobs, 1))

    def _submit(self, function: Callable[[Job], Result], job: Job) -> Future[Result]:
        # This may start a process, which takes the mask over: Ctrl-C reaches every process of the terminal, but the
        # parent alone decides what it means.
        with _interrupts_held():
            return self._pool.submit(function, job)


def _done(result: Result) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(result)
    return future


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
            yield _Processes(pool, count)
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


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block, where the system can do so."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _prepare_worker(end_at_close: connection.Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, args=(end_at_close,), daemon=True).start()


def _watch_parent(end_at_close: connection.Connection) -> None:
    """End this process when the parent lets go of its end of the pipe, be it that it was killed."""
    parent = multiprocessing.parent_process()
    connection.wait([end_at_close] if parent is None else [end_at_close, parent.sentinel])
    os._exit(1)
