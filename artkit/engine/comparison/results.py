"""What the folder of a run tells: its recipe, its epochs, its final figures, and its answer to every image."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artkit.engine.folder import RECIPE, RunFolder
from artkit.engine.intervals import Interval, score_intervals
from artkit.errors import RunError
from artkit.wilson import wilson_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a run said of each image of its final predictions; all in one order."""

    keys: tuple[str, ...]
    true: tuple[str, ...]
    """Name of the class."""
    predicted: tuple[str, ...]
    losses: NDArray[np.float64]
    """Negative logarithm of the true class's probability, (N,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A run, as its folder tells it."""

    path: Path
    name: str
    """Unique among the runs that are compared."""
    status: str
    recipe: Mapping[str, Any]
    """What decided the weights: "section.option" -> value."""
    fingerprint: str
    """That of its data set."""
    split: str | None
    """Split of the final figures; None if there are none."""
    images: int
    metrics: Mapping[str, float]
    """Final figures; empty if there are none."""
    epochs: Sequence[Mapping[str, float]]
    """The values of each epoch, from metrics.csv; empty without it."""
    answers: Answers | None
    """From predictions.csv; None without it."""

    @property
    def seed(self) -> int:
        """Its seed."""
        return int(self.recipe["train.seed"])

    def intervals(self) -> dict[str, Interval]:
        """95 % interval of each final figure, as far as what the run left allows."""
        if not self.metrics:
            return {}
        if self.answers is None:
            right = round(self.metrics["accuracy"] * self.images)
            return {"accuracy": wilson_interval(right, self.images)}
        return score_intervals(*coded(self.answers), self.answers.losses)


def read_results(folders: Sequence[Path]) -> list[RunResult]:
    """Read the folders of runs.

    Raises:
        RunError: if one is no run folder, is damaged, or is given twice.
    """
    paths = [folder.resolve() for folder in folders]
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise RunError(f"{folders[number]} is given twice; give each run once")
    return [_read_result(path, name) for path, name in zip(paths, _names(paths), strict=True)]


def coded(answers: Answers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True and predicted classes as numbers, int64 (N,) each."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys((*answers.true, *answers.predicted)))}
    true, predicted = (np.array([numbers[name] for name in names]) for names in (answers.true, answers.predicted))
    return true, predicted


def _names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths by which they can be told apart."""
    for length in range(1, max(len(path.parts) for path in paths)):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _read_result(path: Path, name: str) -> RunResult:
    if not (path / RECIPE).is_file():
        raise RunError(f"{path} is not a run folder (it has no {RECIPE}); give folders that `artkit run` left")
    facts = RunFolder(path).read_facts()
    tested = facts.get("tested") or {}
    return RunResult(
        path=path,
        name=name,
        status=facts["status"],
        recipe=facts["recipe"],
        fingerprint=facts["data"]["fingerprint"],
        split=tested.get("split"),
        images=tested.get("images", 0),
        metrics=tested.get("metrics", {}),
        epochs=[_numbers(row) for row in _read_table(path / "metrics.csv")],
        answers=_read_answers(path / "predictions.csv") if tested else None,
    )


def _read_answers(path: Path) -> Answers | None:
    rows = _read_table(path)
    if not rows:
        return None
    try:
        return Answers(
            keys=tuple(row["key"] for row in rows),
            true=tuple(row["true"] for row in rows),
            predicted=tuple(row["predicted"] for row in rows),
            losses=np.array([float(row["loss"]) for row in rows]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error!r}); move it away to compare without it") from None


def _read_table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    """The cells of a row that hold a number; an empty one is a value that its epoch lacks."""
    return {name: float(cell) for name, cell in row.items() if cell}
