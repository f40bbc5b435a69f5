"""The rule by which a finished run calls images unknown: read from its folder, for `artkit evaluate` and `predict`.

`B` images, `K` outputs of the model, `D` features.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artkit.engine.open_set.bank import FeatureBank, OnProgress, open_bank
from artkit.engine.open_set.calibration import digest_of, read_calibration
from artkit.engine.open_set.judgement import RunRule
from artkit.engine.open_set.scores import LOGIT_SCORES, ScoreName
from artkit.engine.predicting import Answers
from artkit.engine.targets import TargetHead
from artkit.engine.trained import TrainedModel
from artkit.errors import RunError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ThresholdRule:
    """Calls those images unknown whose score is above a threshold, in a model's first target; see `UnknownRule`."""

    head: TargetHead
    score: ScoreName
    threshold: float
    """Images whose score is above it are unknown."""
    bank: FeatureBank | None = None
    """For the score `knn`."""

    def scores(self, answers: Answers) -> NDArray[np.float64]:
        """How strange each image is, (B,); the higher, the stranger.

        Raises:
            RunError: if the score needs features, and there are none.
        """
        if self.bank is None:
            return LOGIT_SCORES[self.score](self.head.of(answers.logits_BK))
        if answers.features_BD is None:
            raise RunError(
                "the score knn compares what the head of a model is given, and that is not known of these images; use "
                "another one: --unknown-score msp"
            )
        return self.bank.scores(answers.features_BD)


def read_rule(
    run: Path,
    trained: TrainedModel,
    score: ScoreName | None = None,
    *,
    on_progress: OnProgress = lambda *_: None,
    tell: Callable[[str], None] = lambda _: None,
) -> RunRule:
    """By what a run judges how strange images are; where it fitted nothing for these weights, scores alone.

    Args:
        run: The run folder.
        trained: A model of the run.
        score: Which one decides; by default what the run's recipe says.
        on_progress: Hears how far the features of training images are, which `knn` needs.
        tell: Shows one line to the user.

    Raises:
        RunError: if calibration.json is damaged, or the score cannot be computed for this model.
        ShardsError: if a training image cannot be read.
    """
    settings = trained.recipe.unknown
    chosen = score or settings.score
    sha256 = digest_of(trained.path)
    found = read_calibration(run, sha256)
    bank = None
    if chosen == "knn":
        bank = open_bank(run, trained, sha256, on_progress=on_progress, tell=tell)
    return RunRule(
        score=chosen,
        targets=found.targets if found else {},
        accept=found.accept if found else settings.accept,
        bank=bank,
    )


def load_unknown_rule(
    run: Path,
    trained: TrainedModel,
    score: ScoreName | None = None,
    *,
    on_progress: OnProgress = lambda *_: None,
    tell: Callable[[str], None] = lambda _: None,
) -> ThresholdRule | None:
    """The rule of the model's first target; arguments and errors as those of `read_rule`.

    Returns:
        None if no threshold is known: the run had no validation, or the weights are not those that it selected.
    """
    rule = read_rule(run, trained, score, on_progress=on_progress, tell=tell)
    head = trained.heads[0]
    threshold = rule.thresholds(head.name).get(rule.score)
    if threshold is None:
        return None
    return ThresholdRule(head=head, score=rule.score, threshold=threshold, bank=rule.bank)
