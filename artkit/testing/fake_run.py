"""A run that never was: the events of a run, made up, for tests of reporters.

from artkit.testing import FakeRun


def test_my_report_names_the_worst_class(tmp_path):
    run = FakeRun(tmp_path)
    run.replay(my_report(run.context))
    assert "artist-3" in (tmp_path / "mine.txt").read_text()
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import ErrorInfo, Predictions, ReporterContext, RunInfo, RunStatus
from artkit.registry import find_event_hooks

Event = tuple[str, Mapping[str, Any]]
"""Name of an event, and its arguments but `run`."""

_BATCH: Final = 8
_IMAGES_OF_CLASS: Final = 3
_STRANGERS: Final = np.linspace(0.3, 0.9, 7)
"""Scores of images of classes that training never saw; in the first target alone."""


class FakeRun:
    """The events of a run that was made up; the same every time.

    Args:
        folder: The run folder; it must be there.
        status: How the run ends: "ok", "failed" after its first epoch, or "interrupted" there.
        targets: What it learns.
        num_classes: Of each target.
        num_epochs: Of the run.
        steps_per_epoch: Optimizer steps.
        first_epoch: More than 0: the run was resumed there.

    Attributes:
        run: The run.
        published: What reporters published so far: path, title, kind.
        notes: What they noted so far, each text once.
    """

    def __init__(
        self,
        folder: Path,
        *,
        status: RunStatus = "ok",
        targets: Sequence[str] = ("artist",),
        num_classes: int = 4,
        num_epochs: int = 3,
        steps_per_epoch: int = 3,
        first_epoch: int = 0,
    ) -> None:
        self.published: list[tuple[Path, str, str]] = []
        self.notes: list[str] = []
        self._status = status
        self._steps = steps_per_epoch
        self._listeners: list[Any] = []
        names = {target: [f"{target}-{label}" for label in range(num_classes)] for target in targets}
        self.run = RunInfo(
            id="2026-01-31-vit-1",
            dir=folder,
            recipe={"train": {"epochs": num_epochs, "seed": 0}, "model": {"name": "artkit-vit/vit-tiny@1"}},
            components={"model": "artkit-vit/vit-tiny@1 (artkit-vit 0.3.1)", "loss": "artkit/focal@1 (artkit 0.1.0)"},
            targets=names,
            class_names=names[targets[0]],
            train_counts=[7 * (label + 1) for label in range(num_classes)],
            split_sizes={"train": 70, "val": 12, "test": _IMAGES_OF_CLASS * num_classes},
            num_parameters=12345,
            num_epochs=num_epochs,
            select="accuracy",
            first_epoch=first_epoch,
            first_step=first_epoch * steps_per_epoch,
            history=[self._values(epoch, targets) for epoch in range(first_epoch)],
        )

    @property
    def context(self) -> ReporterContext:
        """What a reporter's factory gets."""
        return ReporterContext(run_dir=self.run.dir, publish=self._publish, note=self._note)

    def events(self) -> Iterator[Event]:
        """The events in the order of a run; artifacts come when reporters publish them."""
        yield "artkit_run_start", {}
        last = self.run.num_epochs if self._status == "ok" else self.run.first_epoch + 1
        for epoch in range(self.run.first_epoch, last):
            yield from self._epoch(epoch)
        if self._status == "ok":
            for target in self.run.targets:
                yield "artkit_progress", {"phase": "test", "done": 12, "total": 12}
                yield "artkit_predictions", {"predictions": self._predictions(target)}
        error = ErrorInfo(type="RunError", message="no space left") if self._status == "failed" else None
        yield "artkit_run_end", {"status": self._status, "error": error}

    def replay(self, *reporters: object, events: Iterable[Event] | None = None) -> None:
        """Tell reporters of the run. What they raise is not caught here, as a run would.

        Args:
            reporters: What reporter factories returned.
            events: Other events than those of the run, or in another order.
        """
        self._listeners = [find_event_hooks(reporter, label=type(reporter).__name__) for reporter in reporters]
        for name, arguments in self.events() if events is None else events:
            self._send(name, arguments)

    def _send(self, name: str, arguments: Mapping[str, Any]) -> None:
        for impls in self._listeners:
            if name in impls:
                impls[name](run=self.run, **arguments)

    def _publish(self, path: Path, *, title: str, kind: str) -> None:
        self.published.append((Path(path), title, kind))
        self._send("artkit_artifact", {"path": Path(path), "title": title, "kind": kind})

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _epoch(self, epoch: int) -> Iterator[Event]:
        for number in range(self._steps):
            step = epoch * self._steps + number
            values = {"loss": 2 / (step + 1), "learning_rate": 0.1, "gradient_norm": 1.0}
            done = {"phase": "train", "done": _BATCH * (number + 1), "total": _BATCH * self._steps}
            yield "artkit_progress", done
            yield "artkit_log", {"step": step, "epoch": epoch, "split": "train", "values": values}
        yield "artkit_progress", {"phase": "val", "done": 12, "total": 12}
        yield "artkit_epoch_end", {"epoch": epoch, "values": self._values(epoch, list(self.run.targets))}
        path = self.run.dir / "last" / "state.safetensors"
        yield "artkit_checkpoint", {"step": (epoch + 1) * self._steps, "path": path, "best": False}

    @staticmethod
    def _values(epoch: int, targets: Sequence[str]) -> dict[str, float]:
        values = {"epoch": float(epoch), "learning_rate": 0.1, "images_per_s": 900.0, "seconds": 1.5, "best_loss": 1.0}
        for number, target in enumerate(targets):
            infix = f"{target}_" if number else ""
            for split, loss in (("train", 1.0), ("val", 1.5)):
                values[f"{split}_{infix}loss"] = loss / (epoch + 1)
                values[f"{split}_{infix}accuracy"] = 1 - 0.5 / (epoch + 1)
            values[f"val_{infix}macro_recall"] = 1 - 0.6 / (epoch + 1)
        return values

    def _predictions(self, target: str) -> Predictions:
        names = self.run.targets[target]
        labels = np.repeat(np.arange(len(names)), _IMAGES_OF_CLASS)
        return Predictions(
            target=target,
            split="test",
            class_names=names,
            train_counts=self.run.train_counts,
            keys=[f"{row:09d}" for row in range(len(labels))],
            files=[f"{names[label]}/{row:03d}.jpg" for row, label in enumerate(labels.tolist())],
            labels=labels,
            probabilities=_probabilities(labels, len(names)),
            metrics={"accuracy": 0.5, "macro_recall": 0.5, "macro_f1": 0.45, "loss": 1.2},
            image=_picture,
            folder=Path() if len(self.run.targets) == 1 else Path(target),
            temperature=1.25,
            unknown_threshold=0.6,
            stranger_scores=_STRANGERS if target == next(iter(self.run.targets)) else None,
            saliency=_heat,
        )


def _probabilities(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.float64]:
    """Softmax of noise in favour of the labels, read-only, (N, K)."""
    noise = np.random.default_rng(0).normal(size=(len(labels), num_classes))
    likely = np.exp(noise + np.eye(num_classes)[labels])
    probabilities: NDArray[np.float64] = likely / likely.sum(axis=1, keepdims=True)
    probabilities.flags.writeable = False
    return probabilities


def _picture(row: int, size: int) -> NDArray[np.uint8]:
    return np.full((size, size, 3), (20 * row % 256, 77, 200), dtype=np.uint8)


def _heat(row: int, size: int) -> NDArray[np.float32]:
    return np.full((size, size), row % 3 / 2, dtype=np.float32)
