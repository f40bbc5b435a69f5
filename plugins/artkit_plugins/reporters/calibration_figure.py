"""Drawings of probabilities against the truth, and of scores that tell strangers.

Bars are as high as the share of right answers; a line goes from each to the mean probability of its answers, and is as
long as the model is too sure, or not sure enough. How many answers a bin holds is written on it.
"""

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from artkit import Predictions, calibration_interval, reliability, tempered
from artkit.drawing.figures import BLUE, FAINT, GREEN, INK, ORANGE, tidy
from artkit_plugins.reporters.text import percent, plural

_HISTOGRAM_BINS: Final = 40
_LARGE: Final = 10_000
"""Counts from which on they are written in thousands."""


def draw_calibration(predictions: Predictions, bins: int) -> Figure:
    """Draw the reliability of a judged split before and after its temperature, and strangers if there are any.

    Args:
        predictions: In one target.
        bins: Of answers by how sure they are.
    """
    strangers = predictions.stranger_scores
    rows = 1 if strangers is None else 2
    figure = Figure(figsize=(11, 5.2 * rows))
    axes = figure.subplots(rows, 2, squeeze=False)
    figure.subplots_adjust(hspace=0.34, wspace=0.22)
    is_fitted = predictions.temperature != 1.0
    _draw_reliability(axes[0, 0], predictions.probabilities, predictions.labels, bins, "As the model says")
    if is_fitted:
        after = tempered(predictions.probabilities, predictions.temperature)
        title = f"With temperature {predictions.temperature:.2f}"
        _draw_reliability(axes[0, 1], after, predictions.labels, bins, title)
    else:
        _draw_coverage(axes[0, 1], predictions)
    if strangers is not None:
        _draw_scores(axes[1, 0], predictions, strangers)
        _draw_roc(axes[1, 1], predictions, strangers)
    return figure


def _draw_reliability(
    axes: Axes, probabilities_NK: NDArray[np.float64], labels_N: NDArray[np.int64], bins: int, title: str
) -> None:
    found = reliability(probabilities_NK, labels_N, bins)
    low, high = calibration_interval(probabilities_NK, labels_N, bins)
    tidy(axes, f"{title}: error {percent(found.error)} ({100 * low:.1f}-{100 * high:.1f})")
    filled = found.counts > 0
    centres = (np.arange(bins) + 0.5) / bins
    axes.bar(centres[filled], found.accuracies[filled], width=0.92 / bins, color=BLUE, label="share of right answers")
    sure = found.confidences[filled]
    gap = "from there to the mean probability"
    axes.vlines(sure, found.accuracies[filled], sure, color=ORANGE, linewidth=3, label=gap)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
    tops = np.maximum(found.accuracies, found.confidences)
    for centre, top, count in zip(centres[filled], tops[filled], found.counts[filled], strict=True):
        axes.text(centre, top + 0.015, _count_text(int(count)), ha="center", fontsize=7, color=INK)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.08)
    axes.set_xlabel("probability of the predicted class", fontsize=9, color=INK)
    axes.set_ylabel(f"right answers of {plural(len(labels_N), 'image')}", fontsize=9, color=INK)
    _in_percent(axes)
    axes.legend(loc="upper left", fontsize=8, frameon=False, labelcolor=INK)


def _in_percent(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _count_text(count: int) -> str:
    return f"{count}" if count < _LARGE else f"{count / 1000:.0f}k"


def _draw_coverage(axes: Axes, predictions: Predictions) -> None:
    """Accuracy on the surest answers alone, for every share of them."""
    tidy(axes, f"Right answers among the least strange ({predictions.unknown_score})")
    order = np.argsort(predictions.unknown_scores, kind="stable")
    right = (predictions.predicted == predictions.labels)[order]
    answered = np.arange(1, len(right) + 1)
    axes.plot(answered / len(right), np.cumsum(right) / answered, color=BLUE, linewidth=1.8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.04)
    axes.set_xlabel("share of images that are answered", fontsize=9, color=INK)
    _in_percent(axes)


def _draw_scores(axes: Axes, predictions: Predictions, strangers_M: NDArray[np.float64]) -> None:
    known_N, threshold = predictions.unknown_scores, predictions.unknown_threshold
    tidy(axes, f"How strange images are ({predictions.unknown_score})")
    edges = np.histogram_bin_edges(np.concatenate([known_N, strangers_M]), bins=_HISTOGRAM_BINS).tolist()
    for scores, colour, label in (
        (known_N, BLUE, plural(len(known_N), "known image")),
        (strangers_M, ORANGE, plural(len(strangers_M), "image of unknown classes", "images of unknown classes")),
    ):
        # Shares, so that many images of one kind do not hide the few of the other.
        weights = np.full(len(scores), 1 / len(scores))
        axes.hist(scores, bins=edges, weights=weights, color=colour, alpha=0.55, label=label)
    if threshold is not None:
        called = float((strangers_M > threshold).mean())
        label = f"threshold: {percent(called)} of these are called unknown,\n"
        label += f"and {percent(float((known_N > threshold).mean()))} of the known"
        axes.axvline(threshold, color=INK, linewidth=1.4, linestyle="--", label=label)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set_xlabel("score, strangest on the right", fontsize=9, color=INK)
    axes.set_ylabel("share of the images", fontsize=9, color=INK)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(top=1.45 * axes.get_ylim()[1])
    axes.legend(loc="upper left", fontsize=8, frameon=False, labelcolor=INK)


def _draw_roc(axes: Axes, predictions: Predictions, strangers_M: NDArray[np.float64]) -> None:
    """Share of strangers that are taken for known, against that of known images, as the threshold moves."""
    known_N = predictions.unknown_scores
    are_known = np.repeat([True, False], [len(known_N), len(strangers_M)])
    likeness = -np.concatenate([known_N, strangers_M])
    strange, known, _ = roc_curve(are_known, likeness)
    tidy(axes, f"Taken for known: AUROC {roc_auc_score(are_known, likeness):.3f}")
    axes.plot(strange, known, color=GREEN, linewidth=1.8)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
    axes.axhline(0.95, color=FAINT, linewidth=1, linestyle=":")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.04)
    axes.set_xlabel("share of images of unknown classes", fontsize=9, color=INK)
    axes.set_ylabel("share of known images", fontsize=9, color=INK)
    _in_percent(axes)
