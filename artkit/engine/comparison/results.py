"""What the folder of a run tells: its recipe, its epochs, its final figures, and its answer to every image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from artkit.engine.epoch_table import read_epochs, read_table
from artkit.engine.folder import RunFolder, check_run_folder
from artkit.engine.intervals import Interval, score_intervals
from artkit.errors import RunError
from artkit.suggest import suggest
from artkit.wilson import wilson_interval
from artkit_shards.wording import counted

JOINT_LOSS: Final = "train_loss"
"""The value of an epoch that is one of all targets together, where there is none of each."""


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
    started: str
    """When, such as "2026-01-31T10:20:30+00:00"; "" if it does not say."""
    fingerprint: str
    """That of its data set."""
    target: str
    """What is compared, such as "artist"."""
    learnt: tuple[str, ...]
    """All that it learns."""
    split: str | None
    """Split of the final figures; None if there are none."""
    images: int
    metrics: Mapping[str, float]
    """Final figures; empty if there are none."""
    epochs: Sequence[Mapping[str, float]]
    """The values of each epoch, from metrics.csv, named as if there were no other target; empty without it."""
    answers: Answers | None
    """From predictions.csv; None without it."""
    has_own_loss: bool = True
    """Whether its training losses are those of the target alone; earlier versions had those of all together."""

    @property
    def tested_on(self) -> str:
        """Such as "test, 98 images", or "style in test, 98 images" where targets were chosen; its status if nothing."""
        if self.split is None:
            return self.status
        is_named = len(self.learnt) > 1 or self.recipe.get("data.targets")
        where = f"{self.target} in {self.split}" if is_named else self.split
        return f"{where}, {counted(self.images, 'image')}"

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


def read_results(folders: Sequence[Path], target: str | None = None) -> list[RunResult]:
    """Read the folders of runs.

    Args:
        folders: Of the runs.
        target: What to compare; by default the first target of each run.

    Raises:
        RunError: if one is no run folder, is damaged, is given twice, or has not learnt the target.
    """
    paths = [folder.resolve() for folder in folders]
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise RunError(f"{folders[number]} is given twice; give each run once")
    return [_read_result(path, name, target) for path, name in zip(paths, _names(paths), strict=True)]


def have_one_objective(runs: Sequence[RunResult]) -> bool:
    """Whether the training losses of all runs mean the same: those of one target each, or of the same several."""
    if all(run.has_own_loss for run in runs):
        return True
    objectives = [
        (run.learnt, {name: value for name, value in run.recipe.items() if name.startswith("data.target_weights")})
        for run in runs
    ]
    return all(objective == objectives[0] for objective in objectives)


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


def _read_result(path: Path, name: str, target: str | None) -> RunResult:
    check_run_folder(path)
    facts = RunFolder(path).read_facts()
    learnt = [each["name"] for each in facts["data"]["targets"]]
    target = learnt[0] if target is None else target
    if target not in learnt:
        raise RunError(
            f"{path} has not learnt '{target}', only {', '.join(learnt)}. {suggest(target, learnt)}".rstrip()
        )
    is_first = target == learnt[0]
    tested = facts.get("tested") or {}
    figures = tested if is_first else tested.get("others", {}).get(target, {})
    epochs = read_epochs(path)
    answers = path / (target if len(learnt) > 1 else "") / "predictions.csv"
    return RunResult(
        path=path,
        name=name,
        status=facts["status"],
        recipe=facts["recipe"],
        started=facts.get("started") or "",
        fingerprint=facts["data"]["fingerprint"],
        target=target,
        learnt=tuple(learnt),
        split=tested.get("split") if figures else None,
        images=figures.get("images", 0),
        metrics=figures.get("metrics", {}),
        epochs=[_values_of(target, epoch, is_first=is_first) for epoch in epochs],
        answers=_read_answers(answers) if figures else None,
        has_own_loss=len(learnt) == 1 or any(f"train_{target}_loss" in epoch for epoch in epochs),
    )


def _read_answers(path: Path) -> Answers | None:
    rows = read_table(path)
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


def _values_of(target: str, epoch: Mapping[str, float], *, is_first: bool) -> dict[str, float]:
    """The values of an epoch with those of a target in place of the first target's and of all together."""
    if is_first:
        return {**epoch, JOINT_LOSS: epoch[f"train_{target}_loss"]} if f"train_{target}_loss" in epoch else dict(epoch)
    shared = {name: value for name, value in epoch.items() if name in ("epoch", JOINT_LOSS)}
    own = {name: value for name, value in epoch.items() if name.startswith((f"train_{target}_", f"val_{target}_"))}
    return shared | {name.replace(f"_{target}_", "_", 1): value for name, value in own.items()}
