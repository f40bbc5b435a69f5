"""Answers of runs after logit adjustment (Menon et al. 2021), its strength tau chosen on their validation images.

Of `TAUS`, the one with the best macro recall in validation is taken, run by run; ties go to the smaller change. The
test images have no say in it. The answers are those of `artkit evaluate RUN --tau TAU`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from artkit.contracts import Predictions
from artkit.engine.evaluating import evaluate
from artkit.engine.evaluation import softmax
from artkit.engine.prior import adjust_logits
from artkit.engine.trained import find_weights, load_trained
from artkit_shards import Dataset
from learning_table import Answers

TAUS = (0.0, 0.25, -0.25, 0.5, -0.5, 0.75, -0.75, 1.0, -1.0, 1.5, -1.5)
"""From the smallest change to the largest."""


def answers_at_chosen_tau(folders: Sequence[Path], dataset: Dataset) -> tuple[str, list[Answers]]:
    """The taus chosen for some runs, as text, and their answers to the test images with them."""
    taus, answers = [], []
    for folder in folders:
        trained = load_trained(find_weights(folder))
        judged, tested = (
            evaluate(trained, dataset, dataset.split(name)).targets[0].predictions for name in ("val", "test")
        )
        class_counts = trained.heads[0].class_counts
        tau = best_tau(judged, class_counts)
        taus.append(f"{tau:g}")
        answers.append(answers_of(tested, shifted(tested, class_counts, tau)))
    return " / ".join(taus), answers


def best_tau(predictions: Predictions, class_counts: NDArray[np.int64]) -> float:
    """The tau with the best macro recall, over the classes that occur."""
    present = np.unique(predictions.labels)

    def macro_recall(tau: float) -> float:
        predicted = shifted(predictions, class_counts, tau).argmax(axis=1)
        return float(recall_score(predictions.labels, predicted, labels=present, average="macro"))

    return max(TAUS, key=macro_recall)


def shifted(predictions: Predictions, class_counts: NDArray[np.int64], tau: float) -> NDArray[np.float64]:
    """Probabilities (N, K) with the prior taken off tau times."""
    logits_NK = np.log(np.maximum(predictions.probabilities, np.finfo(np.float64).tiny))
    return softmax(adjust_logits(logits_NK, class_counts, tau))


def answers_of(predictions: Predictions, probabilities_NK: NDArray[np.float64]) -> Answers:
    """What was said of each image."""
    rows = np.arange(len(predictions.labels))
    true = probabilities_NK[rows, predictions.labels]
    return Answers(
        true=predictions.labels,
        predicted=probabilities_NK.argmax(axis=1),
        p_predicted=probabilities_NK.max(axis=1),
        loss=-np.log(np.maximum(true, np.finfo(np.float64).tiny)),
    )
