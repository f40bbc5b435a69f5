"""The time that a run may take: how much of it is used, and when to stop so that the last validation still fits in.

Time before a resumption counts, time between the last checkpoint and a kill does not. What comes after training (the
test, reports) is not in it.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from artkit.engine.progress import Progress

_FORWARD: Final = 1 / 2
"""Time of judging an image, by that of learning from it, until it is known: a third is arithmetic, the rest caution."""


class TimeBudget:
    """The clock of a run.

    Args:
        minutes: That training and validation may take; 0 = any number.
        judged_images: Images that a validation looks at; an image and its mirror image are two.
    """

    def __init__(self, minutes: float, judged_images: int) -> None:
        self._limit = 60 * minutes if minutes else math.inf
        self._judged_images = judged_images
        self._since = time.monotonic()

    def note_time(self, progress: Progress) -> None:
        """Add the time since the last call to that of the run."""
        now = time.monotonic()
        progress.seconds += now - self._since
        self._since = now

    @contextmanager
    def validation(self, progress: Progress) -> Iterator[None]:
        """A context that takes the time of a validation."""
        started = time.monotonic()
        yield
        progress.validation_seconds = max(progress.validation_seconds, time.monotonic() - started)

    def share(self, progress: Progress) -> float:
        """Share of the time for training that is used, from 0 to 1; 0 if there is no limit."""
        self.note_time(progress)
        for_training = self._limit - self._next_validation(progress)
        return min(progress.seconds / for_training, 1.0) if for_training > 0 else 1.0

    def is_spent(self, progress: Progress) -> bool:
        """Whether one more step, with the validation after it, would probably take longer than allowed."""
        self.note_time(progress)
        sums = progress.sums
        step = sums.seconds / sums.steps if sums.steps else 0.0
        return progress.seconds + step + self._next_validation(progress) > self._limit

    def _next_validation(self, progress: Progress) -> float:
        """Seconds that the next validation will take: as many as the longest so far."""
        if progress.validation_seconds:
            return progress.validation_seconds
        sums = progress.sums
        return _FORWARD * self._judged_images * sums.seconds / sums.images if sums.images else 0.0
