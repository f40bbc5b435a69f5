"""Work in a process of its own, which is killed at some moment."""

import os
import signal
import sys
import time
from collections.abc import Callable


def begin(work: Callable[[], None]) -> int:
    """Begin work in another process; returns its id."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    return process


def is_killed(process: int, after_s: float) -> bool:
    """Kill a process after a while; returns whether it still ran."""
    time.sleep(after_s)
    os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    if status not in (0, signal.SIGKILL):
        sys.exit(f"what was to be killed ended by itself with status {status}")
    return status != 0
