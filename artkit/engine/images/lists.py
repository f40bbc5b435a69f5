"""A list of paths as a stream of bytes: one a line, or ended by null bytes, as `find -print0` does."""

import os
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

MAX_PATH_BYTES: Final = 1 << 16
"""No system has longer paths. Of a longer one the rest is dropped, so that memory stays bounded."""

_SEPARATOR: Final = re.compile(rb"\r?\n|\0")


def listed_paths(stream: BinaryIO) -> Iterator[str]:
    """Yield the paths of a list as they come; empty ones are passed over."""
    rest = b""
    while chunk := stream.readline(MAX_PATH_BYTES):
        *whole, rest = _SEPARATOR.split(rest + chunk)
        yield from (os.fsdecode(path[:MAX_PATH_BYTES]) for path in whole if path)
        rest = rest[:MAX_PATH_BYTES]
    if rest:
        yield os.fsdecode(rest)
