"""The `per-class` reporter: per_class.png, how many images of each class are recognised, and how sure that is.

A dot a class, the worst on top, with Wilson's 95 % interval as a bar; beside it the images that were tested and those
that were learnt from. Many classes stand in several columns, so that names have one size whatever their number.
"""

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from artkit import Predictions, ReporterContext, hookimpl
from artkit.drawing.figures import BLUE, FAINT, INK, ORANGE, save_figure
from artkit_plugins.reporters.statistics import ClassScore, class_scores, worst_first
from artkit_plugins.reporters.text import percent, shorten, titled

ROWS: Final = 50
"""Classes in a column."""
MOST_SHOWN: Final = 400
"""Classes in the figure; of more, the worst and the best."""
ROW: Final = 0.21
"""Inches from a class to the next."""
NAME_WIDTH: Final = 26
NAMES: Final = 2.1
"""Inches that names take."""
PLOT: Final = 2.7
COUNTS: Final = 1.1
COLUMN: Final = NAMES + PLOT + COUNTS
TEXT_SIZE: Final = 8.5
TESTED, LEARNT = 1.17, 1.37
"""Where the two counts end, as shares of the width of a plot."""


class ClassFigureReporter:
    """Draws the figure once the test is done."""

    redraws = True

    def __init__(self, ctx: ReporterContext) -> None:
        self._dir = ctx.run_dir
        self._publish = ctx.publish

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Draw the recall of every class."""
        scores = class_scores(
            predictions.labels, predictions.predicted, predictions.class_names, predictions.train_counts
        )
        of_target = f" of {predictions.target}" if predictions.folder.parts else ""
        title = f"Recall of each class{of_target} on {predictions.split}"
        path = self._dir / predictions.folder / "per_class.png"
        save_figure(draw_classes(scores, title=title), path)
        self._publish(path, title=titled("Recall of every class", predictions), kind="figure")


def draw_classes(scores: Sequence[ClassScore], *, title: str) -> Figure:
    """Draw the recall of classes, worst first; those without test images come last.

    Args:
        scores: Of all classes.
        title: Written above.
    """
    seen = [scores[k] for k in worst_first(scores)]
    ordered = [*seen, *(score for score in scores if not score.support)]
    mean = sum(score.recall for score in seen) / max(len(seen), 1)
    note = f"dot: share of its images that is recognised; bar: 95 % interval; dashed: the mean, {percent(mean)}"
    if len(ordered) > MOST_SHOWN:
        note += f"; the {MOST_SHOWN // 2} worst and the {MOST_SHOWN // 2} best of {len(ordered):,} classes"
        ordered = [*ordered[: MOST_SHOWN // 2], *seen[-(MOST_SHOWN // 2) :]]
    num_columns = math.ceil(len(ordered) / ROWS)
    rows = math.ceil(len(ordered) / num_columns)
    width, height = COLUMN * num_columns, ROW * rows
    # Positions are in units of the figure; whatever stands outside of it is kept when it is saved.
    figure = Figure(figsize=(width, height))
    for column in range(num_columns):
        left = (COLUMN * column + NAMES) / width
        axes = figure.add_axes((left, 0.0, PLOT / width, 1.0))
        _draw_column(axes, ordered[column * rows : (column + 1) * rows], rows, mean)
    figure.text(0, 1 + 0.75 / height, title, fontsize=13, fontweight="bold", color=INK, parse_math=False)
    figure.text(0, 1 + 0.52 / height, note, fontsize=9, color=INK)
    return figure


def _draw_column(axes: Axes, scores: Sequence[ClassScore], rows: int, mean: float) -> None:
    for place, score in enumerate(scores):
        if score.support:
            axes.plot([score.recall_low, score.recall_high], [place, place], color=BLUE, linewidth=2.4, alpha=0.45)
            axes.plot([score.recall], [place], color=BLUE, marker="o", markersize=5.5, markeredgecolor="white")
        else:
            axes.text(0.02, place, "no image in this split", fontsize=TEXT_SIZE - 1, color=FAINT, va="center")
        _write(axes, TESTED, place, f"{score.support:,}")
        _write(axes, LEARNT, place, f"{score.train_count:,}")
    _write(axes, TESTED, -1.0, "tested", weight="bold")
    _write(axes, LEARNT, -1.0, "learnt", weight="bold")
    axes.axvline(mean, color=ORANGE, linestyle="--", linewidth=1.0, zorder=0)
    names = [shorten(score.name, NAME_WIDTH) for score in scores]
    axes.set_yticks(range(len(names)), names, fontsize=TEXT_SIZE, color=INK, parse_math=False)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.tick_params(axis="x", labelsize=TEXT_SIZE, colors=INK)
    axes.tick_params(axis="y", length=0)
    axes.grid(color="#e3e6ea", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _write(axes: Axes, x: float, place: float, text: str, weight: str = "normal") -> None:
    """Write a number of a class behind its row, ending at `x`, a share of the plot's width."""
    axes.text(
        x,
        place,
        text,
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="center_baseline",
        fontsize=TEXT_SIZE,
        fontweight=weight,
        color=INK,
    )
