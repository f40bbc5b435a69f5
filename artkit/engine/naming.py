"""What a model says about an image in words: the classes that it holds for likely, or that the image is unknown to it.

Whoever shows answers to people or programs takes them from here, so that all say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from artkit.engine.predicting import Answers, Predictor
from artkit.engine.targets import TargetHead

UNKNOWN: Final = "unknown"
"""The name of an image that the model should not decide about; `is_unknown` tells it from a class of that name."""


class Guess(NamedTuple):
    """A class that an image may be of."""

    name: str
    p: float
    """Its probability."""


@dataclass(frozen=True, slots=True)
class TargetAnswer:
    """What is said about an image in one target."""

    target: str
    predicted: str
    """The likeliest class, or `UNKNOWN`."""
    top: tuple[Guess, ...]
    """The likeliest classes, the best one first; at least one, also of an unknown image."""
    is_unknown: bool = False
    """Whether the model should not decide about the image; in other targets than the main one it always does."""


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """What is said about an image."""

    targets: tuple[TargetAnswer, ...]
    """The main one first."""
    unknown_score: float | None
    """How strange the image is to the main target; None if nothing judges that."""


def name_answers(predictor: Predictor, answers: Answers, top: int) -> Iterator[ImageAnswer]:
    """Yield what is said about each image.

    Args:
        predictor: That gave the answers.
        answers: All of them finite.
        top: Most classes to name in a target.
    """
    rule = predictor.unknown
    scores: list[float | None] = [None] * len(answers) if rule is None else rule.scores(answers).tolist()
    guesses = [_guesses(head, answers, top) for head in predictor.heads]
    for score, *tops in zip(scores, *guesses, strict=True):
        is_unknown = rule is not None and score is not None and score > rule.threshold
        targets = [
            _target_answer(head, likely, is_unknown=is_unknown and number == 0)
            for number, (head, likely) in enumerate(zip(predictor.heads, tops, strict=True))
        ]
        yield ImageAnswer(tuple(targets), score)


def _target_answer(head: TargetHead, likely: tuple[Guess, ...], *, is_unknown: bool) -> TargetAnswer:
    return TargetAnswer(head.name, UNKNOWN if is_unknown else likely[0].name, likely, is_unknown)


def _guesses(head: TargetHead, answers: Answers, top: int) -> list[tuple[Guess, ...]]:
    """The likeliest classes of one target for each image, the best one first."""
    probabilities_BK: NDArray[np.float64] = answers.probabilities(head)
    order_BK = np.argsort(-probabilities_BK, axis=1, kind="stable")[:, :top]
    likely_BK = np.take_along_axis(probabilities_BK, order_BK, axis=1)
    return [
        tuple(Guess(head.class_names[k], p) for k, p in zip(order, likely, strict=True))
        for order, likely in zip(order_BK.tolist(), likely_BK.tolist(), strict=True)
    ]
