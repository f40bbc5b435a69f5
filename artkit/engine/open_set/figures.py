"""How good a score is: at telling strangers from known images, and right answers from wrong ones.

Known images are those of a judged split, of classes that the model knows; strangers are of none of them. Images of
equal score stand in no order: figures that need one are the mean over all orders of such images, computed exactly.

Shapes: `N` known images, `M` strangers.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from artkit.engine.open_set.threshold import accepted, threshold_at

TRUE_POSITIVE_RATE: Final = 0.95
"""Share of known images that are accepted where the share of strangers is told that are accepted with them."""
COVERAGES: Final = (90, 80, 50)
"""Per cent of the known images that a model answers, where its accuracy is told."""


def auroc(known_N: NDArray[np.float64], strangers_M: NDArray[np.float64]) -> float:
    """Probability that a stranger has a higher score than a known image; a tie counts one half. 0.5 is guessing."""
    are_strangers = np.repeat([False, True], [len(known_N), len(strangers_M)])
    return float(roc_auc_score(are_strangers, np.concatenate([known_N, strangers_M])))


def fpr_at_tpr(
    known_N: NDArray[np.float64], strangers_M: NDArray[np.float64], share: float = TRUE_POSITIVE_RATE
) -> float:
    """Share of strangers that are accepted at the lowest threshold at which a share of the known images are."""
    return float(accepted(strangers_M, threshold_at(known_N, share)).mean())


def error_by_coverage(scores_N: NDArray[np.float64], right_N: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of wrong answers among the n least strange images, for n from 1 to N, (N,)."""
    _, group_N, sizes = np.unique(scores_N, return_inverse=True, return_counts=True)
    # Among images of equal score, each place has the mean error of all of them.
    error_of_group = np.bincount(group_N, weights=~right_N) / sizes
    errors: NDArray[np.float64] = np.cumsum(np.repeat(error_of_group, sizes)) / np.arange(1, len(scores_N) + 1)
    return errors


def aurc(scores_N: NDArray[np.float64], right_N: NDArray[np.bool_]) -> float:
    """Area under the risk-coverage curve: mean of `error_by_coverage`; the lower, the better.

    Geifman and El-Yaniv 2017, "Selective classification for deep neural networks".
    """
    return float(error_by_coverage(scores_N, right_N).mean())


def accuracy_at_coverage(scores_N: NDArray[np.float64], right_N: NDArray[np.bool_], coverage: float) -> float:
    """Accuracy on the least strange images alone: on a share of them, rounded up to whole images."""
    answered = max(math.ceil(coverage * len(scores_N) - 1e-9), 1)
    return 1.0 - float(error_by_coverage(scores_N, right_N)[answered - 1])


def score_figures(
    known_N: NDArray[np.float64],
    right_N: NDArray[np.bool_],
    strangers_M: NDArray[np.float64],
    threshold: float | None,
) -> dict[str, float]:
    """All figures of a score.

    Args:
        known_N: Scores of known images, at least one.
        right_N: Which of them the model answers right.
        strangers_M: Scores of strangers; may be none.
        threshold: Above it, an image is called unknown; None if none was fitted.

    Returns:
        "aurc" and "accuracy_at_90", "accuracy_at_80", "accuracy_at_50", of known images alone. With strangers:
        "auroc" and "fpr95". With a threshold: "threshold"; "known_accepted", the share of known images that are not
        called unknown; "trained_accuracy", the share of known images that are accepted and answered right; and with
        strangers, "unexpected_accuracy", the share of them that are called unknown, which is the right answer.
    """
    figures = {"aurc": aurc(known_N, right_N)}
    figures |= {f"accuracy_at_{share}": accuracy_at_coverage(known_N, right_N, share / 100) for share in COVERAGES}
    if len(strangers_M):
        figures |= {"auroc": auroc(known_N, strangers_M), "fpr95": fpr_at_tpr(known_N, strangers_M)}
    if threshold is None:
        return figures
    taken = accepted(known_N, threshold)
    figures |= {
        "threshold": threshold,
        "known_accepted": float(taken.mean()),
        "trained_accuracy": float((taken & right_N).mean()),
    }
    if len(strangers_M):
        figures["unexpected_accuracy"] = 1.0 - float(accepted(strangers_M, threshold).mean())
    return figures
