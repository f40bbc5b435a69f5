"""What may end a run before its last epoch, so that what was planned for late epochs may never come; and what did."""

from collections.abc import Iterator

from artkit.engine.progress import Progress
from artkit.recipe import TrainSettings
from artkit_shards.wording import counted


def early_ends(train: TrainSettings, epoch: int) -> Iterator[str]:
    """The settings, as they were given, by which a run may end before it reaches an epoch.

    Args:
        train: Section [train].
        epoch: From 0.
    """
    is_early = {"patience": 0 < train.patience < epoch, "max_minutes": train.max_minutes > 0}
    return (f"train.{name}={getattr(train, name):g}" for name in is_early if is_early[name])


def why_ended(train: TrainSettings, progress: Progress) -> Iterator[str]:
    """Say why a run that is trained to its end has fewer epochs than it was given, in a line; else nothing.

    Args:
        train: Section [train].
        progress: Of the run.
    """
    if progress.epoch >= train.epochs:
        return
    ends = f"training ends with epoch {progress.epoch} of {train.epochs}"
    if progress.out_of_time:
        yield f"the time is over (train.max_minutes={train.max_minutes:g}): {ends}"
    else:
        gain = f"no gain in validation {train.select.replace('_', ' ')} for {counted(train.patience, 'epoch')}"
        yield f"{gain} (train.patience={train.patience}): {ends}"
