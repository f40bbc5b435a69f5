"""What reporters compute from predictions: scores of samples and classes, confusions.

Pure functions on numpy arrays. Shapes: `N` samples, `K` classes. scikit-learn computes the metrics.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from artkit import wilson_interval

_ROWS_AT_ONCE: Final = 8192


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one class does; a class without samples in the split has a support of 0 and scores of 0."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    """Samples of the class in the split."""
    recall_low: float
    """Lower end of the recall's 95 % Wilson interval."""
    recall_high: float
    train_count: int
    """Training images of the class."""

    @property
    def right(self) -> int:
        """Samples of the class that were recognised."""
        return round(self.recall * self.support)


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Samples of class `true` that were taken for class `predicted`: `n` of the `of` samples that `true` has."""

    true: int
    predicted: int
    n: int
    of: int

    @property
    def share(self) -> float:
        """Part of the true class that was taken for the other, in (0, 1]."""
        return self.n / self.of


@dataclass(frozen=True, slots=True)
class SampleScores:
    """How sure a model was of each sample; every array is float64, (N,)."""

    p_true: NDArray[np.float64]
    """Probability given to the true class."""
    p_predicted: NDArray[np.float64]
    """The largest probability."""
    margin: NDArray[np.float64]
    """The largest probability minus the second largest."""
    entropy: NDArray[np.float64]
    """Entropy of the probabilities in nats, from 0 to log K."""
    loss: NDArray[np.float64]
    """Negative logarithm of `p_true`."""


def sample_scores(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> SampleScores:
    """Score each sample from its probabilities (N, K) and true class (N,), in memory for a part of them at a time."""
    starts = range(0, max(len(labels), 1), _ROWS_AT_ONCE)
    parts = [slice(start, start + _ROWS_AT_ONCE) for start in starts]
    columns = zip(*(_scored(probabilities[part], labels[part]) for part in parts), strict=True)
    return SampleScores(*(np.concatenate(column) for column in columns))


def _scored(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    """The fields of `SampleScores`, in their order."""
    # A probability that underflowed to 0 gives a large loss instead of an infinite one, which tables cannot sort.
    logs = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    rows = np.arange(len(labels))
    largest = np.sort(probabilities, axis=1)[:, ::-1]
    second = largest[:, 1] if probabilities.shape[1] > 1 else np.zeros(len(labels))
    return (
        probabilities[rows, labels],
        largest[:, 0],
        largest[:, 0] - second,
        np.maximum(-(probabilities * logs).sum(axis=1), 0.0),
        -logs[rows, labels],
    )


def confusion_counts(labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Count samples by true class (rows) and predicted class (columns): int64, (K, K)."""
    counts: NDArray[np.int64] = confusion_matrix(labels, predicted, labels=np.arange(num_classes))
    return counts


def row_shares(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide each row (K, K) by its sum; a row without samples stays 0."""
    support = confusion.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = confusion / np.maximum(support, 1)
    return shares


def class_scores(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    class_names: Sequence[str],
    train_counts: Sequence[int],
) -> list[ClassScore]:
    """Score every class, in the order of `class_names`, those without samples too."""
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=np.arange(len(class_names)), zero_division=0
    )
    scores = []
    for k, name in enumerate(class_names):
        low, high = wilson_interval(round(float(recall[k] * support[k])), int(support[k]))
        scores.append(
            ClassScore(
                name=name,
                precision=float(precision[k]),
                recall=float(recall[k]),
                f1=float(f1[k]),
                support=int(support[k]),
                recall_low=low,
                recall_high=high,
                train_count=int(train_counts[k]),
            )
        )
    return scores


def worst_first(scores: Sequence[ClassScore]) -> list[int]:
    """Order classes by recall, lowest first; among equals the larger support, which is the stronger evidence.

    Returns:
        Positions in `scores` of the classes that have samples.
    """
    seen = [k for k, score in enumerate(scores) if score.support]
    return sorted(seen, key=lambda k: (scores[k].recall, -scores[k].support))


def confused_pairs(confusion: NDArray[np.int64]) -> list[ConfusedPair]:
    """List every pair of classes that was confused, most samples first, among equals the larger share of the class."""
    support = confusion.sum(axis=1)
    pairs = [
        ConfusedPair(true=int(t), predicted=int(p), n=int(confusion[t, p]), of=int(support[t]))
        for t, p in np.argwhere(confusion > 0)
        if t != p
    ]
    return sorted(pairs, key=lambda pair: (-pair.n, -pair.share, pair.true, pair.predicted))
