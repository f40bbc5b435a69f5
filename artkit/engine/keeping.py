"""When a run writes its state and its best weights, and in which order: a kill at any moment leaves files that agree.

Weights that are the best so far stay in memory until the next checkpoint. Then they are written into its folder, after
them the checkpoint, which knows of their epoch, and last they are moved to their place. So what lies there is never of
an epoch that a run goes through again when it is resumed, and that may end otherwise then: with another limit of time
left, or on a GPU.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.engine.folder import RunFolder
from artkit.engine.progress import Progress, Selection, kept_values
from artkit_shards.format.files import sync_folder

_SHARE: Final = 0.01
"""Of the time of a run that checkpoints at the ends of epochs may take."""


class Keeper:
    """Keeps what a run must not lose.

    Args:
        folder: Of the run.
        minutes: Most minutes between two checkpoints; 0 = after every step.
    """

    def __init__(self, folder: RunFolder, minutes: float) -> None:
        self._folder = folder
        self._most_s = 60 * minutes
        self._cost_s = 0.0
        self._saved_at = time.monotonic()
        self._best: dict[str, Mapping[str, Any]] = {}

    def is_due(self, *, after_epoch: bool) -> bool:
        """Whether it is time for a checkpoint; after an epoch it comes earlier, if it is quickly written."""
        gap_s = min(self._most_s, self._cost_s / _SHARE) if after_epoch else self._most_s
        return time.monotonic() - self._saved_at >= gap_s

    def note_best(self, value: str, weights: Mapping[str, Any]) -> None:
        """Keep weights that are the best so far by a validation value; they must be copies."""
        if self._folder.writes:
            self._best[value] = weights

    def save(self, write_state: Callable[[], None]) -> list[Path]:
        """Write everything.

        Args:
            write_state: Writes the checkpoint.

        Returns:
            The files with weights that are the best since the last call.

        Raises:
            OSError: if it cannot be written; what was there before is there still.
        """
        started = time.monotonic()
        for value, weights in self._best.items():
            save_checkpoint(self._folder.coming_best(value), weights)
        write_state()
        written = list(self._best)
        for value in written:
            os.replace(self._folder.coming_best(value), self._folder.best(value))
            del self._best[value]
        if written:
            sync_folder(self._folder.path)
        self._saved_at = time.monotonic()
        self._cost_s = self._saved_at - started
        return [self._folder.best(value) for value in written]

    def settle(self, progress: Progress, select: Selection) -> None:
        """Finish, or take back, what a kill cut off in `save`.

        Args:
            progress: Of the checkpoint that is there.
            select: The value that selects.
        """
        for value, path in _coming(self._folder, select) if self._folder.writes else ():
            if load_checkpoint(path)["epoch"] == progress.best_epoch(f"val_{value}"):
                os.replace(path, self._folder.best(value))
            else:
                path.unlink()


def _coming(folder: RunFolder, select: Selection) -> Iterator[tuple[str, Path]]:
    """Weights that are written, but not at their place."""
    paths = ((value, folder.coming_best(value)) for value in kept_values(select))
    return ((value, path) for value, path in paths if path.is_file())
