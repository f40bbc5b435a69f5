"""Interest: threads that wait for what comes from far away stop waiting once nobody wants it any more.

A server may be silent for as long as `Patience` allows, and nobody who presses Ctrl-C or begins another epoch should
wait for it meanwhile. Whoever starts threads gives them an `Interest`; when it ends, whatever they wait for by the
functions of this module raises `UnwantedError` within a tenth of a second. Threads without one wait to the end.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Final, TypeVar

from artkit_shards.errors import ShardsError

Result = TypeVar("Result")

_LOOK_S: Final = 0.1
_of_thread = threading.local()


class UnwantedError(ShardsError):
    """Nobody wants any more what a thread waits for; told to nobody, for the same reason."""


class Interest:
    """Somebody's interest in what some threads bring. Thread-safe."""

    def __init__(self) -> None:
        self._ended = threading.Event()

    def join(self) -> None:
        """Bind the thread that calls this to the interest; made to be the `initializer` of a pool."""
        _of_thread.interest = self

    def end(self) -> None:
        """Let all that its threads wait for fail, now and later."""
        self._ended.set()

    @property
    def has_ended(self) -> bool:
        """Whether nobody is interested any more."""
        return self._ended.is_set()


@contextmanager
def threads_while_wanted(threads: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads for the block; when it ends, what they have not done is left, and what they wait for is given up."""
    interest = Interest()
    with ThreadPoolExecutor(threads, name, initializer=interest.join) as pool:
        try:
            yield pool
        finally:
            interest.end()
            pool.shutdown(wait=False, cancel_futures=True)


def check_wanted() -> None:
    """Raise UnwantedError if the interest in what this thread does has ended."""
    interest: Interest | None = getattr(_of_thread, "interest", None)
    if interest is not None and interest.has_ended:
        raise UnwantedError("nobody waits for this any more")


def sleep(seconds: float) -> None:
    """Sleep, as long as that is wanted; raises UnwantedError."""
    end = time.monotonic() + seconds
    check_wanted()
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_S))
        check_wanted()


def result_of(future: "Future[Result]") -> Result:
    """Wait for what another thread does and return it, or raise its error; raises UnwantedError."""
    while not wait([future], _LOOK_S).done:
        check_wanted()
    return future.result()


@contextmanager
def holding(lock: threading.Lock) -> Iterator[None]:
    """Hold a lock for the block; raises UnwantedError instead of waiting for it in vain."""
    while not lock.acquire(timeout=_LOOK_S):
        check_wanted()
    try:
        yield
    finally:
        lock.release()
