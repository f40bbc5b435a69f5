"""The numbers of one target, as the tables and texts of the page show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit import Predictions, wilson_interval
from artkit_plugins.reporters.statistics import (
    ClassScore,
    ConfusedPair,
    SampleScores,
    class_scores,
    confused_pairs,
    confusion_counts,
    sample_scores,
    worst_first,
)
from artkit_plugins.reporters.text import nouns, percent, plural

PAIRS_SHOWN: Final = 12
LOSSES_SHOWN: Final = 24
COPIES_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Headline:
    """A key figure: what it is called, its value, and what to keep in mind of it."""

    title: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Loss:
    """A test image to whose true class the model gave little probability."""

    row: int
    file: str
    true: str
    predicted: str
    p_true: float
    p_predicted: float
    loss: float

    @property
    def is_right(self) -> bool:
        """Whether the answer was right all the same."""
        return self.true == self.predicted


@dataclass(frozen=True)
class Result:
    """One target.

    Attributes:
        predictions: What was said.
        scores: Of each class.
        samples: Of each image.
        confusion: Images by true and predicted class, (K, K).
        pairs: Classes that were taken for others, most images first.
    """

    predictions: Predictions
    scores: Sequence[ClassScore]
    samples: SampleScores
    confusion: NDArray[np.int64]
    pairs: Sequence[ConfusedPair]

    @property
    def folder(self) -> str:
        """Where its files are, relative to the page: "" or such as "style/"."""
        return "".join(f"{part}/" for part in self.predictions.folder.parts)

    @property
    def name(self) -> str:
        """Of the target, where there are several; else ""."""
        return self.predictions.target if self.folder else ""

    @property
    def of(self) -> str:
        """Such as " of style", for titles; "" where there is one target."""
        return f" of {self.name}" if self.name else ""

    @cached_property
    def order(self) -> list[int]:
        """Classes, worst first; those without test images last."""
        unseen = [k for k, score in enumerate(self.scores) if not score.support]
        return [*worst_first(self.scores), *unseen]

    @property
    def rows(self) -> list[tuple[int, ClassScore]]:
        """Number and scores of each class, worst first."""
        return [(k, self.scores[k]) for k in self.order]

    @property
    def mistakes(self) -> list[int]:
        """Images of other classes that were taken for each class, and images of it that were missed, together."""
        right = np.diag(self.confusion)
        wrong: list[int] = (self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - 2 * right).tolist()
        return wrong

    @property
    def most_trained(self) -> int:
        """Training images of the largest class."""
        return max((score.train_count for score in self.scores), default=0)

    @property
    def top_pairs(self) -> Sequence[ConfusedPair]:
        """The pairs that have a card of their own."""
        return self.pairs[:PAIRS_SHOWN]

    @cached_property
    def losses(self) -> list[Loss]:
        """The highest losses, highest first."""
        predictions, samples = self.predictions, self.samples
        names, predicted = predictions.class_names, predictions.predicted
        return [
            Loss(
                row=row,
                file=predictions.files[row],
                true=names[predictions.labels[row]],
                predicted=names[predicted[row]],
                p_true=float(samples.p_true[row]),
                p_predicted=float(samples.p_predicted[row]),
                loss=float(samples.loss[row]),
            )
            for row in np.argsort(-samples.loss, kind="stable")[:LOSSES_SHOWN].tolist()
        ]

    @property
    def copies(self) -> list[tuple[int, str, str, str, str]]:
        """Images that training has too: row, file and class here, file and class there."""
        predictions = self.predictions
        return [
            (row, predictions.files[row], predictions.class_names[predictions.labels[row]], file, name)
            for row, file, name in predictions.copies[:COPIES_SHOWN]
        ]

    @property
    def headlines(self) -> list[Headline]:
        """The key figures."""
        predictions, metrics = self.predictions, self.predictions.metrics
        labels, num_classes = predictions.labels, len(predictions.class_names)
        low, high = wilson_interval(int((predictions.predicted == labels).sum()), len(labels))
        largest = int(np.bincount(labels).max()) / len(labels)
        guess, recall = 1 / num_classes, metrics.get("macro_recall", 0.0)
        return [
            Headline(
                f"Accuracy{self.of} on {predictions.split}",
                percent(metrics["accuracy"]),
                f"95 % interval {percent(low)} to {percent(high)}; always saying the largest class: {percent(largest)}",
            ),
            Headline(
                f"Macro recall{self.of}",
                percent(recall),
                f"{self._interval('macro_recall')}every class counts the same; guessing: {percent(guess)}, so "
                f"{recall / guess:.1f} times that",
            ),
            Headline(
                f"Macro F1{self.of}",
                percent(metrics["macro_f1"]),
                f"{self._interval('macro_f1')}over {plural(len(labels), 'image')}",
            ),
            *self._strangers(),
        ]

    def _strangers(self) -> list[Headline]:
        """How well images of classes that were not learnt are told, if there were any."""
        predictions, metrics = self.predictions, self.predictions.metrics
        if "unknown_auroc" not in metrics or predictions.stranger_scores is None:
            return []
        many = nouns(predictions.target)
        images, passed = plural(len(predictions.stranger_scores), "image"), percent(metrics["unknown_fpr95"])
        return [
            Headline(
                f"AUROC of unknown {many}",
                f"{metrics['unknown_auroc']:.2f}",
                f"{images} of {many} that it did not learn; where 95 % of the known are accepted, so are {passed} of "
                f"these ({predictions.unknown_score}); by chance: 0.50",
            )
        ]

    def _interval(self, name: str) -> str:
        if name not in self.predictions.intervals:
            return ""
        low, high = self.predictions.intervals[name]
        return f"95 % interval {percent(low)} to {percent(high)}; "


def read_result(predictions: Predictions) -> Result:
    """Compute all that the page says of predictions."""
    labels, predicted, names = predictions.labels, predictions.predicted, predictions.class_names
    confusion = confusion_counts(labels, predicted, len(names))
    return Result(
        predictions=predictions,
        scores=class_scores(labels, predicted, names, predictions.train_counts),
        samples=sample_scores(predictions.probabilities, labels),
        confusion=confusion,
        pairs=confused_pairs(confusion),
    )
