"""Compares runs: figures with intervals, groups of seeds, paired differences, and what differs between the recipes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from artkit.engine.comparison.pairs import PairedDifference, paired_difference, why_not_paired
from artkit.engine.comparison.recipes import Group, differing, grouped, spread
from artkit.engine.comparison.results import RunResult, have_one_objective
from artkit.engine.intervals import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Runs beside one another."""

    scores: tuple[str, ...]
    """The final figures that are compared."""
    runs: tuple[RunResult, ...]
    intervals: tuple[dict[str, Interval], ...]
    """Of each run."""
    groups: tuple[Group, ...]
    differences: tuple[PairedDifference, ...]
    recipe: dict[str, list[Any]]
    """Options that differ -> the value in each run."""
    notes: tuple[str, ...]
    """What kept runs from being compared."""

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values."""
        return {
            "runs": [self._plain_run(run, intervals) for run, intervals in zip(self.runs, self.intervals, strict=True)],
            "groups": spread(self.groups, self.scores),
            "differences": [difference.to_plain(self.scores) for difference in self.differences],
            "recipe": {
                name: {run.name: value for run, value in zip(self.runs, values, strict=True)}
                for name, values in self.recipe.items()
            },
            "notes": list(self.notes),
        }

    def _plain_run(self, run: RunResult, intervals: dict[str, Interval]) -> dict[str, Any]:
        return {
            "run": run.name,
            "folder": str(run.path),
            "status": run.status,
            "seed": run.seed,
            "target": run.target,
            "split": run.split,
            "images": run.images,
            "metrics": {name: run.metrics[name] for name in self.scores if name in run.metrics},
            "intervals": {name: list(intervals[name]) for name in self.scores if name in intervals},
        }


def compare(runs: Sequence[RunResult], scores: Sequence[str]) -> Comparison:
    """Compare runs.

    Args:
        runs: At least one. Every other one is compared with the first of them; where there are several seeds, with the
            run of the first group that has the same seed.
        scores: Which final figures.
    """
    groups = grouped(runs)
    differences, notes = _differences(runs, groups)
    notes += _repetitions(groups)
    if not have_one_objective(runs):
        notes.append("training losses are those of all targets together, and the runs learn different ones: not drawn")
    notes += [f"{run.name} has no metrics.csv, so no curves" for run in runs if not run.epochs]
    return Comparison(
        scores=tuple(scores),
        runs=tuple(runs),
        intervals=tuple(run.intervals() for run in runs),
        groups=tuple(groups),
        differences=tuple(differences),
        recipe=differing(runs),
        notes=tuple(notes),
    )


def _differences(runs: Sequence[RunResult], groups: Sequence[Group]) -> tuple[list[PairedDifference], list[str]]:
    first, *others = groups
    pairs = [(run, _partner(run, first)) for group in others for run in group.runs]
    if not others:
        pairs = [(run, runs[0]) for run in runs[1:]]
    reasons = [why_not_paired(run, other) for run, other in pairs]
    differences = [paired_difference(*pair) for pair, reason in zip(pairs, reasons, strict=True) if reason is None]
    notes = [f"{reason}: no paired comparison" for reason in dict.fromkeys(filter(None, reasons))]
    return differences, notes


def _repetitions(groups: Sequence[Group]) -> list[str]:
    """What repeats a run does not tell how much seeds matter."""
    notes = []
    for group in groups:
        first_of: dict[int, RunResult] = {}
        for run in group.runs:
            first = first_of.setdefault(run.seed, run)
            if first is not run:
                notes.append(f"{run.name} has the recipe and seed of {first.name}: it tells nothing of other seeds")
    return notes


def _partner(run: RunResult, group: Group) -> RunResult:
    return next((other for other in group.runs if other.seed == run.seed), group.runs[0])
