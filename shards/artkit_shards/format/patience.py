"""How long to insist on a file that does not come: attempts, and the waits between them.

Waits double and are drawn at random below their bound, so that many clients that lost one server do not come back at
the same moment (exponential backoff with full jitter, Brooker 2015).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from artkit_shards.format.interest import sleep

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Bounds of what is done for a file.

    Raises:
        ValueError: if a bound makes no sense.
    """

    attempts: int = 6
    """Attempts in a row that bring next to nothing, before giving up."""
    first_wait_s: float = 0.5
    """Longest wait after the first failure, in seconds; it doubles with each failure in a row."""
    longest_wait_s: float = 30.0
    """No wait is longer, in seconds."""
    silence_s: float = 60.0
    """Seconds without a byte, or for a connection, that count as a failure."""

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts={self.attempts} is out of bounds; it must be >= 1")
        for name in ("first_wait_s", "longest_wait_s", "silence_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)} is out of bounds; it must be >= 0")

    def insist(self, attempt: Callable[[], Result], lasts: Callable[[Exception], bool]) -> Result:
        """Do something until it works.

        Args:
            attempt: Does it, or raises.
            lasts: Whether it is no use to try again after this error.

        Raises:
            Exception: that of the last attempt; after another one than a lasting one, there were `attempts`.
        """
        for failures in count(1):
            try:
                return attempt()
            except Exception as error:
                if failures >= self.attempts or lasts(error):
                    raise
            self.wait(failures)
        raise AssertionError("unreachable")

    def wait(self, failures: int) -> None:
        """Wait after this many failures in a row; raises UnwantedError if nobody is interested any more."""
        sleep(self.wait_s(failures))

    def wait_s(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row, at random."""
        return random.uniform(0, min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(failures - 1, 60)))


DEFAULT_PATIENCE = Patience()
