"""Scores of how strange an image is to a model: the higher, the likelier it belongs to none of the classes.

Each is one function of the logits of a target (N, K), or of features (N, D). None needs strangers to learn from.
On published benchmarks the first three differ by about a point (Yang et al. 2022, "OpenOOD"). Which is best depends on
the loss: with smoothed labels, mixed images and a balanced softmax it was `msp`, with a weighted loss alone `energy`.

Shapes: `N` images, `M` training images, `K` classes, `D` features.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

ScoreName = Literal["msp", "energy", "max-logit", "knn"]

SCORES: Final[tuple[ScoreName, ...]] = get_args(ScoreName)

_MOST_NEIGHBOURS: Final = 10
_MOST_SIMILARITIES: Final = 8_000_000
"""Numbers that are in memory at once: 32 MB."""


def msp(logits_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - the largest softmax probability, (N,), in [0, 1 - 1/K].

    Hendrycks and Gimpel 2017, "A baseline for detecting misclassified and out-of-distribution examples in neural
    networks".
    """
    # From the other classes alone: where the largest is nearly 1, the difference from 1 would be lost.
    others = np.exp(logits_NK - logits_NK.max(axis=1, keepdims=True))
    np.put_along_axis(others, logits_NK.argmax(axis=1)[:, None], 0.0, axis=1)
    rest = others.sum(axis=1)
    scores: NDArray[np.float64] = rest / (1.0 + rest)
    return scores


def energy(logits_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """- log sum exp of the logits, (N,): little evidence for any class is a high energy.

    Liu et al. 2020, "Energy-based out-of-distribution detection", at their temperature of 1.
    """
    scores: NDArray[np.float64] = -logsumexp(logits_NK, axis=1)
    return scores


def max_logit(logits_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """- the largest logit, (N,).

    Hendrycks et al. 2022, "Scaling out-of-distribution detection for real-world settings".
    """
    scores: NDArray[np.float64] = -logits_NK.max(axis=1)
    return scores


LOGIT_SCORES: Final[Mapping[ScoreName, Callable[[NDArray[np.float64]], NDArray[np.float64]]]] = {
    "msp": msp,
    "energy": energy,
    "max-logit": max_logit,
}
"""Those that need nothing but logits."""


def knn(features_ND: NDArray[np.float32], bank_MD: NDArray[np.float32], neighbours: int) -> NDArray[np.float64]:
    """1 - cosine to the k-th nearest training image, (N,), in [0, 2].

    Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors".

    Args:
        features_ND: Of any length but of the images to be scored.
        bank_MD: Of training images, of unit length, see `unit_length`.
        neighbours: k, at least 1; at most M are used.
    """
    nearest = min(neighbours, len(bank_MD))
    queries = unit_length(features_ND)
    scores = np.empty(len(queries))
    step = max(_MOST_SIMILARITIES // len(bank_MD), 1)
    for start in range(0, len(queries), step):
        cosines = queries[start : start + step] @ bank_MD.T
        scores[start : start + step] = 1.0 - np.partition(cosines, -nearest, axis=1)[:, -nearest]
    return scores


def unit_length(features_ND: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features divided by their length, (N, D), float32; those that are all 0 stay so, and are like nothing."""
    lengths = np.linalg.norm(features_ND, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (features_ND / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    return scaled


def usual_neighbours(class_counts_K: NDArray[np.int64]) -> int:
    """The k of `knn` where none is chosen: 10, or as many images as the middle class has, if these are fewer.

    More neighbours than a class has images would make all of its images strange.
    """
    present = class_counts_K[class_counts_K > 0]
    return int(min(_MOST_NEIGHBOURS, np.median(present))) if len(present) else 1
