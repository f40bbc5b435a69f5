"""What may end a run before its last epoch, so that what was planned for late epochs never comes; where it did end."""

from collections.abc import Iterator
from typing import Final

from artkit.engine.progress import Progress
from artkit.recipe import TrainSettings
from artkit_shards.wording import counted

_MUCH: Final = 0.8
"""Share of the time that a run may take, below which the rest is worth a word."""


def early_ends(train: TrainSettings, epoch: int) -> Iterator[str]:
    """The settings, as they were given, by which a run may end before it reaches an epoch.

    Args:
        train: Section [train].
        epoch: From 0.
    """
    is_early = {"patience": 0 < train.patience < epoch, "max_minutes": train.max_minutes > 0}
    return (f"train.{name}={getattr(train, name):g}" for name in is_early if is_early[name])


def ending_notes(train: TrainSettings, progress: Progress) -> Iterator[str]:
    """Say that a run ended before its last epoch, and why, or long before its time; a line each.

    Args:
        train: Section [train].
        progress: Of a run that is trained to its end.
    """
    ends = f"training ends with epoch {progress.epoch} of {train.epochs}"
    minutes = progress.seconds / 60
    if progress.epoch < train.epochs and progress.out_of_time:
        yield f"the time is over (train.max_minutes={train.max_minutes:g}): {ends}"
    elif progress.epoch < train.epochs:
        gain = f"no gain in validation {train.select.replace('_', ' ')} for {counted(train.patience, 'epoch')}"
        yield f"{gain} (train.patience={train.patience}): {ends}"
    elif 0 < minutes < _MUCH * train.max_minutes:
        fitting = int(train.epochs * train.max_minutes / minutes)
        took = f"{minutes:.2g}" if minutes < 10 else f"{minutes:.0f}"
        yield (
            f"{counted(train.epochs, 'epoch')} took {took} of the {train.max_minutes:g} minutes of "
            f"train.max_minutes; about {fitting} would take all of them"
        )
