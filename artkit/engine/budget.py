"""The time that a run may take: how much of it is used, and when to stop so that the last validation still fits in.

Time before a resumption counts, time between the last checkpoint and a kill does not. What comes after training (the
test, reports) is not in it.
"""

import math
import statistics
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from artkit.engine.progress import Progress
from artkit.engine.ranks.group import ALONE, Ranks

_FORWARD: Final = 1 / 2
"""Time of judging an image, by that of learning from it, until it is known: a third is arithmetic, the rest caution."""

_REMEMBERED: Final = 9  # steps


class TimeBudget:
    """The clock of a run.

    Args:
        minutes: That training and validation may take; 0 = any number.
        judged_images: Images that a validation looks at; an image and its mirror image are two.
        ranks: Of the run; all go by the clock of the first.
    """

    def __init__(self, minutes: float, judged_images: int, ranks: Ranks = ALONE) -> None:
        self._ranks = ranks if minutes else ALONE
        self._limit = 60 * minutes if minutes else math.inf
        self._judged_images = judged_images
        self._since = time.monotonic()
        self._steps: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        """Seconds of the last steps, each with those of one of its images."""
        self._is_warm = False

    def note_step(self, seconds: float, images: int) -> None:
        """Learn how long a step takes.

        The first one is not like the others: it starts the device, and compiles the model.

        Args:
            seconds: That the step took.
            images: That it learnt from; 0 if it was left out.
        """
        if self._is_warm and images:
            self._steps.append((seconds, seconds / images))
        self._is_warm = True

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
        return self._ranks.broadcast(min(progress.seconds / for_training, 1.0) if for_training > 0 else 1.0)

    def is_spent(self, progress: Progress) -> bool:
        """Whether one more step, with the validation after it, would probably take longer than allowed."""
        self.note_time(progress)
        step = self._median(of_image=False)
        return self._ranks.broadcast(progress.seconds + step + self._next_validation(progress) > self._limit)

    def _next_validation(self, progress: Progress) -> float:
        """Seconds that the next validation will take: as many as the longest so far."""
        if progress.validation_seconds:
            return progress.validation_seconds
        return _FORWARD * self._judged_images * self._median(of_image=True)

    def _median(self, *, of_image: bool) -> float:
        """Seconds of a usual step, or of one of its images; 0 as long as that is not known."""
        # A single slow step, such as one that compiles the model for larger images, must not end a run.
        return statistics.median(step[of_image] for step in self._steps) if self._steps else 0.0
