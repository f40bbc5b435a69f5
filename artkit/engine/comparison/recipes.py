"""What differs between recipes. Runs that differ by their seed alone are one group: a figure with its spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Final

from artkit.engine.comparison.results import RunResult

_SEED: Final = "train.seed"
_DATA: Final = "data set"
"""What stands for the content of the data set among the options that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Runs of one recipe with different seeds."""

    label: str
    """What is special about it, such as "optimizer=adam"; the name of its run where no group has several."""
    runs: tuple[RunResult, ...]

    def mean(self, score: str) -> float | None:
        """Mean of a final figure over the runs that have it; None if none has."""
        values = self._values(score)
        return fmean(values) if values else None

    def deviation(self, score: str) -> float | None:
        """Standard deviation over the runs (n - 1 in the denominator); None of fewer than two."""
        values = self._values(score)
        return stdev(values) if len(values) > 1 else None

    def _values(self, score: str) -> list[float]:
        return [run.metrics[score] for run in self.runs if score in run.metrics]


def differing(runs: Sequence[RunResult]) -> dict[str, list[Any]]:
    """The options that are not the same in all runs.

    Returns:
        "section.option" -> the value in each run, None where a run has no such option.
    """
    recipes = [_with_data(run) for run in runs]
    names = dict.fromkeys(name for recipe in recipes for name in recipe)
    values = {name: [recipe.get(name) for recipe in recipes] for name in names}
    return {name: row for name, row in values.items() if any(value != row[0] for value in row)}


def grouped(runs: Sequence[RunResult]) -> list[Group]:
    """The runs in groups that differ by their seed alone, in the order in which they were given."""
    groups: list[list[RunResult]] = []
    for run in runs:
        same = next((group for group in groups if _without_seed(group[0]) == _without_seed(run)), None)
        if same is None:
            groups.append([run])
        else:
            same.append(run)
    first_ones = [group[0] for group in groups]
    # Where each is alone, tables speak of runs: pictures then call them the same.
    labels = _labels(first_ones) if len(groups) < len(runs) else [run.name for run in first_ones]
    return [Group(label=label, runs=tuple(group)) for label, group in zip(labels, groups, strict=True)]


def _with_data(run: RunResult) -> dict[str, Any]:
    return {**run.recipe, _DATA: run.fingerprint[:12]}


def _without_seed(run: RunResult) -> dict[str, Any]:
    return {name: value for name, value in _with_data(run).items() if name != _SEED}


def _labels(runs: Sequence[RunResult]) -> list[str]:
    """What tells each of the runs from the others; its name where that takes too many words."""
    options = {name: row for name, row in differing(runs).items() if name != _SEED}
    # With another component, its options differ too: its name says enough.
    replaced = {name.removesuffix(".name") for name in options if name.endswith(".name")}
    told = {
        name: row for name, row in options.items() if name.endswith(".name") or name.rpartition(".")[0] not in replaced
    }
    labels = [", ".join(_told(name, row[number]) for name, row in told.items()) for number in range(len(runs))]
    is_enough = 0 < len(told) <= 3 and len(set(labels)) == len(labels)
    return labels if is_enough else [run.name for run in runs]


def _told(name: str, value: Any) -> str:
    if name.endswith(".name"):
        short = "none" if value is None else str(value).rpartition("/")[2].partition("@")[0]
        return f"{name.removesuffix('.name')}={short}"
    return f"{name}={'-' if value is None else value}"


def spread(groups: Sequence[Group], scores: Sequence[str]) -> list[Mapping[str, Any]]:
    """Groups as JSON-able values: mean and deviation of each score."""
    return [
        {
            "group": group.label,
            "runs": [run.name for run in group.runs],
            "mean": {score: group.mean(score) for score in scores},
            "deviation": {score: group.deviation(score) for score in scores},
        }
        for group in groups
    ]
