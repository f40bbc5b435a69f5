"""What may end a run before its last epoch, so that what was planned for late epochs may never come."""

from collections.abc import Iterator

from artkit.recipe import TrainSettings


def early_ends(train: TrainSettings, epoch: int) -> Iterator[str]:
    """The settings, as they were given, by which a run may end before it reaches an epoch.

    Args:
        train: Section [train].
        epoch: From 0.
    """
    is_early = {"patience": 0 < train.patience < epoch, "max_minutes": train.max_minutes > 0}
    return (f"train.{name}={getattr(train, name):g}" for name in is_early if is_early[name])
