"""The `metrics` reporter: numbers of epochs, steps, classes and of the whole test.

metrics.csv        a row an epoch, epochs from 0; written anew and whole each time, so it never has a row twice
steps.csv          a row an optimizer step, each written at once: a run that is killed keeps all rows but a torn last
per_class.csv      precision, recall, F1, support, 95 % interval of the recall, images in training
test_metrics.json  values over the split; val_metrics.json if there was no test split
"""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from artkit import Predictions, ReporterContext, RunInfo, hookimpl, wilson_interval
from artkit.drawing.files import write_whole
from artkit_plugins.reporters.epochs import Epoch, past_epochs
from artkit_plugins.reporters.files import write_table
from artkit_plugins.reporters.statistics import class_scores
from artkit_plugins.reporters.text import titled

STEP_HEADER = ("step", "epoch", "loss", "learning_rate")
CLASS_HEADER = ("class", "precision", "recall", "f1", "support", "recall_low", "recall_high", "train_count")


class MetricsReporter:
    """Keeps the tables of numbers up to date."""

    def __init__(self, ctx: ReporterContext) -> None:
        self._dir = ctx.run_dir
        self._publish = ctx.publish
        self._epochs: list[Epoch] = []
        self._steps: TextIO | None = None

    @hookimpl
    def artkit_run_start(self, run: RunInfo) -> None:
        """Take up the tables of a resumed run where it goes on; start new ones otherwise."""
        self._epochs = past_epochs(run)
        if self._epochs:
            self._write_epochs()
        path = self._dir / "steps.csv"
        write_table(path, STEP_HEADER, _rows_before(path, run.first_step) if run.first_step else ())
        # One write a line: what a killed run has logged is on disk, without waiting for the disk.
        self._steps = path.open("a", encoding="utf-8", buffering=1)

    @hookimpl
    def artkit_log(self, step: int, epoch: int, split: str, values: Mapping[str, float]) -> None:
        """Add the row of a training step, with every digit of its numbers."""
        if split == "train" and self._steps is not None:
            self._steps.write(f"{step},{epoch},{values['loss']!r},{values['learning_rate']!r}\n")

    @hookimpl
    def artkit_epoch_end(self, epoch: int, values: Mapping[str, float]) -> None:
        """Add the row of an epoch."""
        self._epochs.append({**values, "epoch": epoch})
        self._write_epochs()

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Write the scores of every class and of the whole split."""
        self._publish(self._dir / "steps.csv", title="Loss of every step", kind="table")
        folder = self._dir / predictions.folder
        path = folder / "per_class.csv"
        write_table(path, CLASS_HEADER, _class_rows(predictions))
        self._publish(path, title=titled("Scores of every class", predictions), kind="table")
        path = folder / f"{predictions.split}_metrics.json"
        write_whole(path, json.dumps(_summary(predictions), indent=2, allow_nan=False) + "\n")
        self._publish(path, title=titled(f"Scores over the {predictions.split} split", predictions), kind="file")

    @hookimpl
    def artkit_run_end(self) -> None:
        """Close the table of steps."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    def _write_epochs(self) -> None:
        names = list(dict.fromkeys(["epoch", *(name for epoch in self._epochs for name in epoch)]))
        rows = ([int(e["epoch"]), *(e.get(name, "") for name in names[1:])] for e in self._epochs)
        write_table(self._dir / "metrics.csv", names, rows)
        self._publish(self._dir / "metrics.csv", title="Values of every epoch", kind="table")


def _rows_before(path: Path, first_step: int) -> Iterable[list[str]]:
    """Read the whole rows of earlier steps; the last line of a killed run may be torn."""
    if not path.exists():
        return []
    *whole, _torn = path.read_text(encoding="utf-8").split("\n")
    rows = (line.split(",") for line in whole[1:])
    return [row for row in rows if len(row) == len(STEP_HEADER) and int(row[0]) < first_step]


def _class_rows(predictions: Predictions) -> Iterable[tuple[object, ...]]:
    scores = class_scores(predictions.labels, predictions.predicted, predictions.class_names, predictions.train_counts)
    for s in scores:
        yield s.name, s.precision, s.recall, s.f1, s.support, s.recall_low, s.recall_high, s.train_count


def _summary(predictions: Predictions) -> dict[str, object]:
    labels = predictions.labels
    right = int((predictions.predicted == labels).sum())
    low, high = wilson_interval(right, len(labels))
    num_classes = len(predictions.class_names)
    values = {name: value if math.isfinite(value) else None for name, value in predictions.metrics.items()}
    return {
        "split": predictions.split,
        "images": len(labels),
        "classes": num_classes,
        **values,
        "accuracy_low": low,
        "accuracy_high": high,
        "guessing_macro_recall": 1 / num_classes,
    }
