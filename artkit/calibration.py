"""How far probabilities can be believed: of the answers that a model is 80 % sure of, 80 % should be right.

Shapes: `N` images, `K` classes, `B` bins.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUM_BINS: Final = 15
_RESAMPLES: Final = 1000
_TAILS: Final = (2.5, 97.5)
"""Percentiles at the ends of a 95 % interval."""


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Answers by how sure they are, in bins of equal width over [0, 1]; one on an edge is in the bin above it."""

    counts: "NDArray[np.int64]"
    """Answers in each bin, (B,)."""
    confidences: "NDArray[np.float64]"
    """Mean probability of the predicted class in each bin, (B,); 0 in empty ones."""
    accuracies: "NDArray[np.float64]"
    """Share of right answers in each bin, (B,); 0 in empty ones."""

    @property
    def error(self) -> float:
        """Expected calibration error: mean of |confidence - accuracy| over bins, weighted by their counts; in [0, 1].

        Guo et al. 2017, "On calibration of modern neural networks", with 15 bins.
        """
        gaps = abs(self.confidences - self.accuracies)
        return float((self.counts * gaps).sum() / self.counts.sum())


def reliability(
    probabilities_NK: "NDArray[np.float64]", labels_N: "NDArray[np.int64]", bins: int = NUM_BINS
) -> Reliability:
    """Compare how sure answers are with how often they are right.

    Args:
        probabilities_NK: Probability of each class, (N, K).
        labels_N: True class of each image, (N,); at least one.
        bins: Number of bins, B.
    """
    import numpy as np

    confidences_N, right_N = _answers(probabilities_NK, labels_N)
    bin_N = _bins_of(confidences_N, bins)
    counts = np.bincount(bin_N, minlength=bins)
    filled = np.maximum(counts, 1)
    return Reliability(
        counts=counts,
        confidences=np.bincount(bin_N, weights=confidences_N, minlength=bins) / filled,
        accuracies=np.bincount(bin_N, weights=right_N, minlength=bins) / filled,
    )


def calibration_interval(
    probabilities_NK: "NDArray[np.float64]", labels_N: "NDArray[np.int64]", bins: int = NUM_BINS
) -> tuple[float, float]:
    """95 % bootstrap interval of `Reliability.error`, arguments as in `reliability`; the same every time.

    With few images it lies high, and can lie above the error itself: chance alone makes bins miss.
    """
    import numpy as np

    confidences_N, right_N = _answers(probabilities_NK, labels_N)
    bin_N, gaps_N = _bins_of(confidences_N, bins), right_N - confidences_N
    generator = np.random.default_rng(0)
    errors = []
    for _ in range(_RESAMPLES):
        rows = generator.integers(0, len(labels_N), len(labels_N))
        errors.append(np.abs(np.bincount(bin_N[rows], weights=gaps_N[rows])).sum() / len(rows))
    low, high = np.percentile(errors, _TAILS)
    return float(low), float(high)


def tempered(probabilities_NK: "NDArray[np.float64]", temperature: float) -> "NDArray[np.float64]":
    """Probabilities as they would be with logits divided by a temperature, (N, K); no classes change their order.

    Args:
        probabilities_NK: Softmax of logits.
        temperature: Above 0; above 1 makes answers less sure, below 1 surer, 1 changes nothing.
    """
    if temperature == 1.0:
        return probabilities_NK
    # Divided by the largest first, so that not all of them can underflow.
    powers = (probabilities_NK / probabilities_NK.max(axis=1, keepdims=True)) ** (1.0 / temperature)
    scaled: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return scaled


def _answers(
    probabilities_NK: "NDArray[np.float64]", labels_N: "NDArray[np.int64]"
) -> "tuple[NDArray[np.float64], NDArray[np.bool_]]":
    """How sure each answer is, and whether it is right."""
    return probabilities_NK.max(axis=1), probabilities_NK.argmax(axis=1) == labels_N


def _bins_of(confidences_N: "NDArray[np.float64]", bins: int) -> "NDArray[np.int64]":
    """The bin of each answer, (N,)."""
    return (confidences_N * bins).astype(int).clip(max=bins - 1)
