"""Filling squares in another process, so that decoding and the trainer's Python do not wait for one interpreter lock.

The process (see child.py) has as many threads as the loader, and a lane to each: a pipe for short messages, and shared
memory for one span of squares. A thread of the loader sends a span down a free lane, waits, and copies the squares into
the batch. Samples, cache and crops are the same code as without a process, so the pixels are the same.
"""

import mmap
import os
import queue
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from artkit_shards.errors import ShardsError
from artkit_shards.format.dataset import Split
from artkit_shards.stream.cache import CacheForecast, check_budget
from artkit_shards.stream.messages import (
    pack_answer,
    pack_rows,
    pack_settings,
    pack_span,
    unpack_answer,
    unpack_bad,
)
from artkit_shards.stream.pixels import BadPlaces, PixelSettings, Span

_END_SECONDS: Final = 5.0
"""How long the process may take to end by itself."""


class _Lane(NamedTuple):
    pipe: Connection
    squares: NDArray[np.uint8]
    """Shared with the process, (span, S, S, 3)."""


class PixelProcess:
    """A `PixelSource` that works in a process of its own, which ends when this object is gone.

    Args:
        split: Where the samples are.
        settings: How they are shown.
        cache_bytes: Memory of the process for decoded images; 0 for none.
        threads: Threads of the process.
        span: Most squares of a span.

    Raises:
        ValueError: if the samples are not on this machine, or not one image fits into the cache.
    """

    def __init__(self, split: Split, settings: PixelSettings, *, cache_bytes: int, threads: int, span: int) -> None:
        if split.is_remote:
            raise ValueError("a loader's process reads data sets of this machine only; leave out subprocess=True")
        if cache_bytes:
            check_budget(cache_bytes, 3 * settings.kept_size**2)
        self.hits = 0
        """As in `DecodeCache`; so is `misses`."""
        self.misses = 0
        memory, memory_number = _share(threads * span * 3 * settings.size**2)
        self._child, self._control, pipes = _start_child(memory_number, threads)
        weakref.finalize(self, _end_child, self._child, [self._control, *pipes])
        self._lanes: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        shape = (threads, span, settings.size, settings.size, 3)
        for pipe, squares in zip(pipes, np.frombuffer(memory, dtype=np.uint8).reshape(shape), strict=True):
            self._lanes.put(_Lane(pipe, squares))
        self._lock = threading.Lock()
        self._is_ready = False
        order = pack_answer(
            directory=str(split.directory.absolute()),
            split=split.name,
            fingerprint=split.fingerprint,
            settings=pack_settings(settings),
            cache_bytes=cache_bytes,
            span=span,
        )
        self._control.send_bytes(order)

    def plan(self, rows: NDArray[np.int64], following: NDArray[np.int64] | None = None) -> CacheForecast:
        """See `DecodeCache.plan`."""
        self._wait_until_ready()
        coming = rows[:0] if following is None else following
        answer = self._ask(self._control, pack_rows(rows), pack_rows(coming))
        return CacheForecast(draws=answer["draws"], decodes=answer["decodes"])

    def fill(self, span: Span, squares: NDArray[np.uint8]) -> BadPlaces:
        """See `PixelSource.fill`."""
        self._wait_until_ready()
        lane = self._lanes.get()
        try:
            answer = self._ask(lane.pipe, pack_span(span))
            squares[...] = lane.squares[: len(squares)]
        finally:
            self._lanes.put(lane)
        with self._lock:
            # Threads may get here in another order than the process counted.
            self.hits, self.misses = max(self.hits, answer["hits"]), max(self.misses, answer["misses"])
        return unpack_bad(answer["bad"])

    def _wait_until_ready(self) -> None:
        with self._lock:
            if not self._is_ready:
                self._ask(self._control)
                self._is_ready = True

    def _ask(self, pipe: Connection, *messages: bytes) -> dict[str, Any]:
        """Send messages and wait for the answer."""
        try:
            for message in messages:
                pipe.send_bytes(message)
            packed = pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise ShardsError(self._why_gone()) from error
        except BaseException:
            pipe.close()  # the answer that is still to come would be taken for that of another question
            raise
        return unpack_answer(packed)

    def _why_gone(self) -> str:
        try:
            code = self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "the loader's process does not answer; run again, or leave out subprocess=True"
        if code < 0:
            why = f"was ended by signal {-code}; if that was for lack of memory, make the cache smaller"
        else:
            why = f"ended with code {code}, see above"
        return f"the loader's process {why}; or leave out subprocess=True"


def _share(num_bytes: int) -> tuple[mmap.mmap, int]:
    """Memory without a name that other processes can map too, and the number of its file, which is to be closed."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("artkit-loader")
    else:
        with tempfile.TemporaryFile() as file:
            number = os.dup(file.fileno())
    os.truncate(number, num_bytes)
    return mmap.mmap(number, num_bytes), number


def _start_child(memory_number: int, threads: int) -> tuple[subprocess.Popen[bytes], Connection, list[Connection]]:
    """Start the process; returns it, its control pipe and the pipe of each lane."""
    pipes = [Pipe() for _ in range(threads + 1)]
    numbers = [theirs.fileno() for _, theirs in pipes]
    numbers.insert(1, memory_number)
    # A fresh interpreter that imports nothing of the user's script, finds modules where this one does, and gets no
    # Ctrl-C from the terminal: it ends when its pipes are closed.
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "artkit_shards.stream.child", *map(str, numbers)],
        stdin=subprocess.DEVNULL,
        pass_fds=numbers,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        start_new_session=True,
    )
    os.close(memory_number)
    for _, theirs in pipes:
        theirs.close()
    control, *lanes = (ours for ours, _ in pipes)
    return child, control, lanes


def _end_child(child: subprocess.Popen[bytes], pipes: Sequence[Connection]) -> None:
    for pipe in pipes:
        pipe.close()
    try:
        child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
