"""Figures of runs on the same test images, mean over seeds with bootstrap intervals, as a Markdown table.

Head, mid and tail are the classes with more than 100, 20 to 100, and fewer than 20 training images (Liu et al. 2019,
"Large-scale long-tailed recognition in an open world"). ECE is the expected calibration error over 15 bins (Guo et al.
2017). Intervals are 95 % bootstrap intervals over the test images, of the mean over seeds.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 15
RESAMPLES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a run said of the test images, in the order of the split; each array is (N,)."""

    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    p_predicted: NDArray[np.float64]
    loss: NDArray[np.float64]


def read_answers(path: Path, class_names: Sequence[str]) -> Answers:
    """Read a table of predictions, with classes by name or by number."""
    numbers = {name: number for number, name in enumerate(class_names)}
    numbers |= {str(number): number for number in range(len(class_names))}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return Answers(
        true=np.array([numbers[row["true"]] for row in rows]),
        predicted=np.array([numbers[row["predicted"]] for row in rows]),
        p_predicted=np.array([float(row["p_predicted"]) for row in rows]),
        loss=np.array([float(row["loss"]) for row in rows]),
    )


def scores(answers: Answers, rows: NDArray[np.int64], train_counts: NDArray[np.int64]) -> dict[str, float]:
    """All figures of a run over some of the test images."""
    true, right = answers.true[rows], (answers.predicted == answers.true)[rows]
    images = np.bincount(true, minlength=len(train_counts))
    recalls = np.bincount(true, weights=right, minlength=len(train_counts)) / np.maximum(images, 1)

    def mean_recall(chosen: NDArray[np.bool_]) -> float:
        return 100 * float(recalls[chosen & (images > 0)].mean())

    return {
        "top-1": 100 * float(right.mean()),
        "macro recall": mean_recall(images > 0),
        "head": mean_recall(train_counts > 100),
        "mid": mean_recall((train_counts >= 20) & (train_counts <= 100)),
        "tail": mean_recall(train_counts < 20),
        "NLL": float(answers.loss[rows].mean()),
        "ECE": 100 * calibration_error(answers.p_predicted[rows], right),
    }


def calibration_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, mean over bins by their images."""
    bins = np.minimum((confidences * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    gaps = np.bincount(bins, weights=right - confidences, minlength=NUM_BINS)
    return float(np.abs(gaps).sum() / len(right))


def table_row(runs: Sequence[Answers], train_counts: NDArray[np.int64]) -> dict[str, tuple[float, float, float]]:
    """Mean over seeds of each figure, with the bounds of its interval."""
    rng = np.random.default_rng(0)
    num_images = len(runs[0].true)

    def mean_scores(rows: NDArray[np.int64]) -> dict[str, float]:
        of_runs = [scores(run, rows, train_counts) for run in runs]
        return {name: float(np.mean([one[name] for one in of_runs])) for name in of_runs[0]}

    resampled = [mean_scores(rng.integers(num_images, size=num_images)) for _ in range(RESAMPLES)]
    means = mean_scores(np.arange(num_images))
    bounds = {name: np.nanpercentile([one[name] for one in resampled], (2.5, 97.5)) for name in means}
    return {name: (mean, float(bounds[name][0]), float(bounds[name][1])) for name, mean in means.items()}


def print_table(answers: Mapping[str, Sequence[Answers]], train_counts: NDArray[np.int64]) -> None:
    """Print the Markdown table."""
    rows = {method: table_row(runs, train_counts) for method, runs in answers.items() if runs}
    names = list(next(iter(rows.values())))
    print(f"| method | seeds | {' | '.join(names)} |")
    print("|---" * (len(names) + 2) + "|")
    for method, row in rows.items():
        cells = []
        for name in names:
            digits = 2 if name == "NLL" else 1
            mean, low, high = row[name]
            cells.append(f"{mean:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})")
        print(f"| {method} | {len(answers[method])} | {' | '.join(cells)} |")
