"""How strange a model finds the images of a judged split, and strangers, in one target: by every score there is.

One score is chosen, and decides which images are called unknown; the others are computed for comparison.

Shapes: `N` images of the split, `M` strangers, `K` classes, `D` features.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artkit.calibration import reliability, tempered
from artkit.contracts import Predictions
from artkit.engine.evaluation import softmax, true_losses
from artkit.engine.open_set.bank import FeatureBank
from artkit.engine.open_set.calibration import TargetCalibration
from artkit.engine.open_set.figures import score_figures
from artkit.engine.open_set.scores import LOGIT_SCORES, ScoreName
from artkit.engine.open_set.strangers import Strangers
from artkit.engine.prior import adjust_logits
from artkit.engine.targets import TargetHead

Scores = Mapping[ScoreName, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SplitAnswers:
    """What a model said of the images of a split."""

    logits: NDArray[np.float64]
    """Of all targets, the prior of training still in them, (N, K)."""
    features: NDArray[np.float32] | None = None
    """What its head was given, (N, D); None if nobody asked."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenSet:
    """What is known of strangers in one target."""

    chosen: ScoreName
    scores: Scores
    """Of all images of the judged split, (N,) each."""
    thresholds: Mapping[ScoreName, float]
    """Up to which images are accepted, fitted to validation; empty without it."""
    temperature: float | None
    """Fitted to validation; None without it."""
    strangers: Strangers | None = None
    stranger_scores: Scores = field(default_factory=dict)
    """Of the strangers, (M,) each; empty without any."""
    stranger_probabilities: NDArray[np.float64] | None = None

    @property
    def chosen_of_strangers(self) -> NDArray[np.float64]:
        """The chosen score of the strangers, (M,)."""
        return self.stranger_scores.get(self.chosen, np.zeros(0))

    def figures(self, rows: NDArray[np.int64], right: NDArray[np.bool_]) -> dict[str, Any]:
        """How good each score is, see `score_figures`; JSON-able.

        Args:
            rows: Of the images of the split whose class is known.
            right: Which of them the model answers right.
        """
        return {
            "score": self.chosen,
            "strangers": len(self.chosen_of_strangers),
            "scores": {
                name: score_figures(
                    scores[rows], right, self.stranger_scores.get(name, np.zeros(0)), self.thresholds.get(name)
                )
                for name, scores in self.scores.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunRule:
    """By what a run judges how strange images are, in all its targets."""

    score: ScoreName
    """The one that decides."""
    targets: Mapping[str, TargetCalibration]
    """What was fitted to validation; empty without it."""
    accept: float
    """Share of known images that thresholds accept."""
    bank: FeatureBank | None = None
    """For the score `knn`."""

    @classmethod
    def uncalibrated(cls, score: ScoreName, accept: float) -> "RunRule":
        """Of a run that fitted nothing, by logits alone: `msp` stands in for a score that needs more."""
        return cls(score=score if score in LOGIT_SCORES else "msp", targets={}, accept=accept)

    def scores(self, head: TargetHead, answers: SplitAnswers) -> dict[ScoreName, NDArray[np.float64]]:
        """All scores that can be computed, (N,) each."""
        logits_NK = head.of(answers.logits)
        scores: dict[ScoreName, NDArray[np.float64]] = {name: score(logits_NK) for name, score in LOGIT_SCORES.items()}
        if self.bank is not None and answers.features is not None:
            scores["knn"] = self.bank.scores(answers.features)
        return scores

    def thresholds(self, target: str) -> dict[ScoreName, float]:
        """Of each score in a target, as far as they are known."""
        fitted = self.targets.get(target)
        thresholds: dict[ScoreName, float] = {}
        if fitted:
            thresholds |= {name: fitted.thresholds[name] for name in LOGIT_SCORES if name in fitted.thresholds}
        nearest = self.bank.threshold(self.accept) if self.bank else None
        return thresholds if nearest is None else {**thresholds, "knn": nearest}

    def judge(
        self,
        head: TargetHead,
        answers: SplitAnswers,
        strangers: Strangers | None = None,
        stranger_answers: SplitAnswers | None = None,
        *,
        tau: float = 0.0,
    ) -> OpenSet:
        """Judge a split in one target.

        Args:
            head: The target.
            answers: To the images of the split.
            strangers: To this target, if there are any.
            stranger_answers: To all images of the split that has them.
            tau: Strength of the logit adjustment of what is predicted. Scores are of the logits as they are, and the
                temperature was fitted to these, so it says nothing of others.
        """
        fitted = self.targets.get(head.name)
        known = OpenSet(
            chosen=self.score,
            scores=self.scores(head, answers),
            thresholds=self.thresholds(head.name),
            temperature=fitted.temperature if fitted and not tau else None,
        )
        if strangers is None or stranger_answers is None or not len(strangers):
            return known
        adjusted = adjust_logits(head.of(stranger_answers.logits), head.class_counts, tau)
        return replace(
            known,
            strangers=strangers,
            stranger_scores={
                name: scores[strangers.rows] for name, scores in self.scores(head, stranger_answers).items()
            },
            stranger_probabilities=softmax(adjusted)[strangers.rows],
        )


def open_set_figures(predictions: Predictions, open_set: OpenSet, rows: NDArray[np.int64]) -> dict[str, Any]:
    """What is told of a target beside its metrics; JSON-able.

    Args:
        predictions: In the target.
        open_set: What is known of strangers in it.
        rows: Of the split, those that the predictions are about.

    Returns:
        "open_set", see `OpenSet.figures`; and "calibration" if a temperature was fitted, with its effect on the
        expected calibration error and the loss.
    """
    figures = {"open_set": open_set.figures(rows, predictions.predicted == predictions.labels)}
    return figures if open_set.temperature is None else {**figures, "calibration": _calibration_figures(predictions)}


def _calibration_figures(predictions: Predictions) -> dict[str, Any]:
    after = tempered(predictions.probabilities, predictions.temperature)
    both = {"before": predictions.probabilities, "after": after}
    return {
        "temperature": predictions.temperature,
        "ece": {name: reliability(values, predictions.labels).error for name, values in both.items()},
        "nll": {name: float(true_losses(values, predictions.labels).mean()) for name, values in both.items()},
    }
