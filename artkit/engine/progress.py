"""How far a run has come: everything a checkpoint holds beside tensors. Plain values only.

Epochs and steps count from 0 in code, in tables and in other files; texts for people count them from 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import Any, Literal

Selection = Literal["accuracy", "macro_recall", "loss"]
"""The validation value that chooses the weights to be tested, and that early stopping watches."""


def kept_values(select: Selection) -> tuple[str, ...]:
    """The validation values whose best weights are kept: accuracy, loss, and the one that selects."""
    return tuple(dict.fromkeys(("accuracy", "loss", select)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepValues:
    """What a step tells of itself."""

    images: int
    """That were learnt from."""
    loss: float
    """Mean over them, see `objective`."""
    losses: tuple[float, ...]
    """Sum of the losses of the images with a label, in each target."""
    correct: tuple[int, ...]
    """Right answers in each target."""
    labelled: tuple[int, ...]
    """Images with a label in each target."""
    gradient_norm: float | None
    """Euclidean norm over all parameters, before it was clipped; None where nothing is clipped, or no step taken."""
    is_taken: bool = True
    """Whether the weights changed: in float16, a step whose gradient is too large for it is left out."""


@dataclass(slots=True)
class EpochSums:
    """What the current epoch has added up so far."""

    images: int = 0
    loss: float = 0.0
    """Sum over images."""
    correct: list[int] = field(default_factory=list)
    """Right answers in each target."""
    labelled: list[int] = field(default_factory=list)
    """Images with a label in each target."""
    losses: list[float] = field(default_factory=list)
    """Sum of the losses of the images with a label, in each target."""
    seconds: float = 0.0
    """Time in training, without validation."""
    steps: int = 0
    clipped: int = 0
    """Steps whose gradient was too long."""

    def add(self, values: StepValues, clip: float) -> None:
        """Count a step; `clip` is the longest gradient, or 0."""
        self.images += values.images
        self.loss += values.loss * values.images
        self.correct = [sum(pair) for pair in zip_longest(self.correct, values.correct, fillvalue=0)]
        self.labelled = [sum(pair) for pair in zip_longest(self.labelled, values.labelled, fillvalue=0)]
        self.losses = [sum(pair) for pair in zip_longest(self.losses, values.losses, fillvalue=0.0)]
        self.steps += 1
        self.clipped += values.gradient_norm is not None and values.gradient_norm > clip

    def values(self, targets: Sequence[str], *, with_clipped: bool) -> dict[str, float]:
        """Means over the images of the epoch, the speed, and perhaps the share of steps that were clipped.

        Args:
            targets: Their names; that of the first stands in its loss alone, and only if it is not the only one.
            with_clipped: Whether there is such a share.
        """
        prefixes = ["", *(f"{name}_" for name in targets[1:])]
        answers = zip(prefixes, self.correct, self.labelled, strict=True)
        losses = zip(targets, self.losses, self.labelled, strict=False) if len(targets) > 1 else ()
        clipped = {"clipped": self.clipped / self.steps} if with_clipped else {}
        return {
            **clipped,
            "train_loss": self.loss / self.images,
            **{f"train_{name}_loss": loss / labelled for name, loss, labelled in losses if labelled},
            **{f"train_{prefix}accuracy": correct / labelled for prefix, correct, labelled in answers if labelled},
            "images_per_s": self.images / max(self.seconds, 1e-9),
            "seconds": self.seconds,
        }


@dataclass(slots=True)
class Progress:
    """The state of a run between two steps."""

    epoch: int = 0
    """The current epoch, from 0."""
    trained: bool = False
    """Whether training has seen all of its plan; the loader knows how much of it else."""
    step: int = 0
    """Optimizer steps since the start of the run."""
    sums: EpochSums = field(default_factory=EpochSums)
    history: list[dict[str, float]] = field(default_factory=list)
    """The values of each finished epoch."""
    schedule: dict[str, Any] = field(default_factory=dict)
    """State of a schedule that reacts to validation."""
    seconds: float = 0.0
    """Time that the run took so far, in all its parts."""
    validation_seconds: float = 0.0
    """Time of the longest validation; 0 before the first one."""
    out_of_time: bool = False
    """Whether the time that the run may take is over, so that no epoch follows the current one."""

    @property
    def is_in_epoch(self) -> bool:
        """Whether the current epoch was begun."""
        return self.trained or self.sums.images > 0

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values, for `from_plain`."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "Progress":
        """Read what `to_plain` gave."""
        return cls(**{**values, "sums": EpochSums(**values["sums"])})

    def finish_epoch(self, values: Mapping[str, float]) -> dict[str, float]:
        """Close the current epoch with its values; returns them with the marks of the best epochs added."""
        row = {"epoch": float(self.epoch), **values}
        for best, name in (("best_accuracy", "val_accuracy"), ("best_loss", "val_loss")):
            if name in row:
                row[best] = float(self.best_epoch(name, (*self.history, row)) == self.epoch)
        self.history.append(row)
        self.epoch += 1
        self.trained = False
        self.sums = EpochSums()
        return row

    def best_epoch(self, name: str, rows: "tuple[Mapping[str, float], ...] | None" = None) -> int | None:
        """The first epoch with the best value of `name`: the lowest of a loss, the highest of all else."""
        rows = tuple(self.history) if rows is None else rows
        rows = tuple(row for row in rows if name in row)
        if not rows:
            return None
        sign = 1 if name.endswith("loss") else -1
        return int(min(rows, key=lambda row: sign * row[name])["epoch"])

    def epochs_without_gain(self, select: Selection) -> int:
        """Finished epochs since the best one."""
        best = self.best_epoch(f"val_{select}")
        return 0 if best is None else self.epoch - 1 - best
