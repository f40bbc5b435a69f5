"""The standard streams, which whoever reads them may close at any time: `artkit run | head`.

From then on what is written there goes nowhere, and nothing is said of it. The command goes on to its end, for what it
does is worth more than what it prints, and its exit code is that of its work.
"""

import io
import os
import stat
import sys
from typing import Any, TextIO


class _Pipe(io.FileIO):
    """The writing end of a pipe or socket, which may have no reader any more."""

    def write(self, data: Any, /) -> int:
        """Write bytes; returns how many were taken: all, where nobody reads."""
        try:
            return super().write(data)
        except ConnectionError:
            # The descriptor itself is turned away, for libraries and child processes write to it too.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def outlive_readers() -> None:
    """Have standard output and standard error of this process outlive whoever reads them."""
    if sys.stdout is sys.__stdout__:  # else somebody redirected it, such as a test
        sys.stdout = _outliving(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _outliving(sys.stderr)


def _outliving(stream: TextIO | None) -> TextIO:
    """A stream that writes to where another does, and goes on when nobody reads there."""
    if stream is None:  # closed from the start: `artkit run >&-`
        return open(os.devnull, "w", encoding="utf-8")  # for as long as the process is there
    mode = os.fstat(stream.fileno()).st_mode
    if not isinstance(stream, io.TextIOWrapper) or not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return stream
    pipe = _Pipe(stream.fileno(), "w", closefd=False)
    # As Python itself makes them: PYTHONUNBUFFERED has no buffer below the text.
    buffer: Any = pipe if stream.write_through else io.BufferedWriter(pipe)
    return io.TextIOWrapper(
        buffer,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
