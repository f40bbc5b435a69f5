"""How sure a figure is: 95 % intervals of scores over images, and of the difference between two models.

A share of images has Wilson's interval. Scores that average over classes have none in closed form; theirs, and those
of differences, come from the bootstrap (Efron 1979): the score of many resamples of the images, drawn with
replacement. Shapes: `N` images, `R` resamples.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit.wilson import wilson_interval

Interval = tuple[float, float]

RESAMPLED: Final = ("accuracy", "macro_recall", "macro_f1", "loss")
"""The scores that `resampled_scores` gives, named as `compute_metrics` does."""
_RESAMPLES: Final = 2000
_TAILS: Final = (2.5, 97.5)
"""Percentiles at the ends of a 95 % interval."""


def scores(
    labels_N: NDArray[np.int64], predicted_N: NDArray[np.int64], losses_N: NDArray[np.float64]
) -> dict[str, float]:
    """The scores of `RESAMPLED`, as `compute_metrics` defines them, fast enough to be computed thousands of times."""
    num_classes = int(max(labels_N.max(), predicted_N.max())) + 1
    right = np.bincount(labels_N[labels_N == predicted_N], minlength=num_classes)
    support = np.bincount(labels_N, minlength=num_classes)
    named = support + np.bincount(predicted_N, minlength=num_classes)
    return {
        "accuracy": float(right.sum() / len(labels_N)),
        "macro_recall": float((right[support > 0] / support[support > 0]).mean()),
        "macro_f1": float((2 * right[named > 0] / named[named > 0]).mean()),
        "loss": float(losses_N.mean()),
    }


def resampled_scores(
    labels_N: NDArray[np.int64],
    predicted_N: NDArray[np.int64],
    losses_N: NDArray[np.float64],
    *,
    resamples: int = _RESAMPLES,
) -> dict[str, NDArray[np.float64]]:
    """The scores of resamples of the images.

    The resamples depend on N alone. So two models on the same images are judged on the same resamples, and the
    difference of their scores is that of the paired bootstrap.

    Returns:
        Each score of `RESAMPLED`, (R,).
    """
    generator = np.random.default_rng(0)
    values = []
    for _ in range(resamples):
        rows = generator.integers(0, len(labels_N), len(labels_N))
        values.append(scores(labels_N[rows], predicted_N[rows], losses_N[rows]))
    return {name: np.array([value[name] for value in values]) for name in RESAMPLED}


def percentile_interval(values_R: NDArray[np.float64]) -> Interval:
    """The interval that holds 95 % of resampled values."""
    low, high = np.percentile(values_R, _TAILS)
    return float(low), float(high)


def score_intervals(
    labels_N: NDArray[np.int64], predicted_N: NDArray[np.int64], losses_N: NDArray[np.float64]
) -> dict[str, Interval]:
    """An interval for each score of `RESAMPLED`: Wilson's for the accuracy, the bootstrap's for the others."""
    resampled = resampled_scores(labels_N, predicted_N, losses_N)
    intervals = {name: percentile_interval(values) for name, values in resampled.items()}
    right = int((labels_N == predicted_N).sum())
    return {**intervals, "accuracy": wilson_interval(right, len(labels_N))}


def mcnemar(only_first: int, only_second: int) -> float:
    """P value of McNemar's exact test (1947) that two models are right equally often.

    Args:
        only_first: Images that the first model alone recognised.
        only_second: Images that the second model alone recognised.
    """
    discordant = only_first + only_second
    ways = at_most_as_few = 1
    for fewer in range(min(only_first, only_second)):
        ways = ways * (discordant - fewer) // (fewer + 1)
        at_most_as_few += ways
    return min(1.0, 2 * at_most_as_few / (1 << discordant))
