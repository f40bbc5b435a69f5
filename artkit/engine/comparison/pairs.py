"""Two runs on the same images. What both find easy or hard cancels out, so smaller differences show than in intervals
of each run alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from artkit.engine.comparison.results import Answers, RunResult, coded
from artkit.engine.intervals import Interval, mcnemar, percentile_interval, resampled_scores, scores


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """How much better `run` is than `other`."""

    run: RunResult
    other: RunResult
    images: int
    differences: Mapping[str, float]
    """Score of `run` minus that of `other`."""
    intervals: Mapping[str, Interval]
    """95 % interval of each difference, by the paired bootstrap."""
    only_run: int
    """Images that `run` alone recognised."""
    only_other: int
    """Images that `other` alone recognised."""

    @property
    def p_value(self) -> float:
        """Of McNemar's exact test that both are right equally often."""
        return mcnemar(self.only_run, self.only_other)

    def to_plain(self, shown: Sequence[str]) -> dict[str, Any]:
        """JSON-able values of the scores that are shown."""
        return {
            "run": self.run.name,
            "other": self.other.name,
            "images": self.images,
            "differences": {name: self.differences[name] for name in shown},
            "intervals": {name: list(self.intervals[name]) for name in shown},
            "only_run_right": self.only_run,
            "only_other_right": self.only_other,
            "mcnemar_p": self.p_value,
        }


def why_not_paired(run: RunResult, other: RunResult) -> str | None:
    """Why two runs cannot be compared image by image; None if they can."""
    for one in (run, other):
        if one.split is None:
            return f"{one.name} has no final figures (it is {one.status})"
        if one.answers is None:
            return f"{one.name} has no predictions.csv"
    if run.target != other.target:
        return f"{run.name} tells '{run.target}', {other.name} '{other.target}'"
    if run.fingerprint != other.fingerprint:
        return f"{run.name} and {other.name} were tested on different data sets"
    if run.split != other.split:
        return f"{run.name} was tested on '{run.split}', {other.name} on '{other.split}'"
    if _classes(run.answers) != _classes(other.answers):
        return f"{run.name} and {other.name} were tested on different images"
    return None


def paired_difference(run: RunResult, other: RunResult) -> PairedDifference:
    """Compare two runs for which `why_not_paired` is None."""
    if run.answers is None or other.answers is None:
        raise ValueError("runs without answers cannot be paired")
    first, second = (_by_key(answers) for answers in (run.answers, other.answers))
    labels, predicted = coded(first)
    other_labels, other_predicted = coded(second)
    ours, theirs = (labels, predicted, first.losses), (other_labels, other_predicted, second.losses)
    whole = scores(*ours), scores(*theirs)
    # Equal numbers of images are resampled alike, so the differences are paired.
    resampled = resampled_scores(*ours), resampled_scores(*theirs)
    right, other_right = labels == predicted, other_labels == other_predicted
    return PairedDifference(
        run=run,
        other=other,
        images=len(labels),
        differences={name: value - whole[1][name] for name, value in whole[0].items()},
        intervals={name: percentile_interval(values - resampled[1][name]) for name, values in resampled[0].items()},
        only_run=int((right & ~other_right).sum()),
        only_other=int((other_right & ~right).sum()),
    )


def _classes(answers: Answers | None) -> dict[str, str]:
    """Key -> true class."""
    return {} if answers is None else dict(zip(answers.keys, answers.true, strict=True))


def _by_key(answers: Answers) -> Answers:
    """The answers sorted by key: two runs then have the same images at the same places."""
    order = np.argsort(np.array(answers.keys), kind="stable")
    return Answers(
        keys=tuple(answers.keys[row] for row in order),
        true=tuple(answers.true[row] for row in order),
        predicted=tuple(answers.predicted[row] for row in order),
        losses=answers.losses[order],
    )
