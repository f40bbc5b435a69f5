"""Main memory of a run on the CPU: what a batch frees stays with the process, for the next batch.

A C library gives large pieces back to the system as soon as they are free, and every batch gets them anew, as pages
that the system clears first. Here a step is the same batch over and over, so nothing is gained by giving back.
"""

import ctypes
import os
import platform
from typing import Final

# From glibc's malloc.h.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_LARGEST_PIECE: Final = 32 * 2**20
"""Bytes up to which glibc can be asked to keep a piece."""

_KEPT: Final = 2**31 - 1
"""Free bytes beyond which glibc gives memory back: as many as it can be told."""

_CHOSEN_BY_USER: Final = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, until it ends.

    Returns:
        Whether that was possible: with glibc, unless the environment says something else about its memory.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _CHOSEN_BY_USER):
        return False
    tell = ctypes.CDLL(None).mallopt
    return bool(tell(_MMAP_THRESHOLD, _LARGEST_PIECE)) and bool(tell(_TRIM_THRESHOLD, _KEPT))
