"""Images of each class, largest class first: bars with names, or one curve where names would not be legible."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from artkit.drawing.figures import BLUE, FAINT, INK, tidy

MOST_NAMES = 60
"""Classes up to which each has a bar with its name."""
LOG_FROM = 60.0
"""Imbalance from which lengths follow the logarithm: below, the shortest bar is still seen."""
NAME_WIDTH = 32
REST = "#9cc3ea"
_BAR_INCHES = 0.23


def draw_class_histogram(
    names: Sequence[str], counts: NDArray[np.int64], train_counts: NDArray[np.int64], *, num_copies: int = 0
) -> Figure:
    """Draw how many images each class has.

    Args:
        names: Names of the classes, K of them.
        counts: Images of each class in all splits, (K,).
        train_counts: Those in the training split, (K,).
        num_copies: How many of all are changed copies of others.
    """
    order = np.argsort(-counts, kind="stable")
    present = counts[counts > 0]
    is_log = len(present) > 0 and present.max() / present.min() > LOG_FROM
    draw = _draw_bars if len(names) <= MOST_NAMES else _draw_curve
    figure, axes = draw([names[k] for k in order], counts[order], train_counts[order], is_log=is_log)
    tidy(axes, _title(counts, present, num_copies))
    axes.grid(axis="y" if draw is _draw_bars else "x", visible=False)
    return figure


def _title(counts: NDArray[np.int64], present: NDArray[np.int64], num_copies: int) -> str:
    copies = f" ({num_copies:,} of them changed copies)" if num_copies else ""
    title = f"{counts.sum():,} images{copies} of {len(counts):,} {'class' if len(counts) == 1 else 'classes'}"
    if len(present) > 1:
        title += f": {present.max():,} in the largest, {present.min():,} in the smallest"
    empty = len(counts) - len(present)
    return title + (f", none in {empty:,}" if empty else "")


def _draw_bars(
    names: Sequence[str], counts: NDArray[np.int64], train_counts: NDArray[np.int64], *, is_log: bool
) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9, _BAR_INCHES * len(names) + 1.3))
    axes = figure.subplots()
    places = np.arange(len(names))
    axes.barh(places, counts, color=REST, height=0.78, label="in other splits")
    axes.barh(places, train_counts, color=BLUE, height=0.78, label="in training")
    if is_log:
        axes.set_xscale("log")
        axes.set_xlim(0.8, counts.max() * 2)
    else:
        axes.set_xlim(0, counts.max() * 1.1 or 1)
    for place, count in enumerate(counts.tolist()):
        axes.annotate(
            f"{count:,}",
            (max(count, 0.8 if is_log else 0), place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.set_yticks(places, [_short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("images" + (", logarithmic" if is_log else ""), color=INK, fontsize=9)
    _plain_numbers(axes.xaxis)
    _legend(axes, train_counts, counts)
    return figure, axes


def _draw_curve(
    names: Sequence[str], counts: NDArray[np.int64], train_counts: NDArray[np.int64], *, is_log: bool
) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(10, 5))
    axes = figure.subplots()
    edges = np.arange(len(counts) + 1) + 0.5
    low = 0.7 if is_log else 0
    axes.stairs(np.maximum(counts, low), edges, baseline=low, fill=True, color=REST, label="in other splits")
    axes.stairs(np.maximum(train_counts, low), edges, baseline=low, fill=True, color=BLUE, label="in training")
    if is_log:
        axes.set_yscale("log")
    axes.set_xlim(0.5, len(counts) + 0.5)
    axes.set_ylim(low, counts.max() * (2.5 if is_log else 1.16) or 1)
    axes.set_xlabel("classes, largest first", color=INK, fontsize=9)
    axes.set_ylabel("images" + (", logarithmic" if is_log else ""), color=INK, fontsize=9)
    _plain_numbers(axes.yaxis)
    _mark(axes, names, counts)
    _legend(axes, train_counts, counts)
    return figure, axes


def _mark(axes: Axes, names: Sequence[str], counts: NDArray[np.int64]) -> None:
    """Name the largest class, the one in the middle and the smallest."""
    last = len(counts) - 1
    for place, text in ((0, "largest"), (last // 2, "middle"), (last, "smallest")):
        ha, shift = {0: ("left", 10), last: ("right", -6)}.get(place, ("left", 6))
        axes.annotate(
            f"{text}: {_short(names[place])} ({counts[place]:,})",
            (place + 1, counts[place]),
            (shift, 26 if place else 8),
            textcoords="offset points",
            ha=ha,
            fontsize=9,
            color=INK,
            bbox={"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": FAINT, "linewidth": 0.6},
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.8},
        )


def _legend(axes: Axes, train_counts: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Tell the colours apart, if there are two; below the axes, where nothing else is."""
    if train_counts.any() and (train_counts < counts).any():
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            handles[::-1],
            labels[::-1],
            loc="upper right",
            bbox_to_anchor=(1, 0),
            borderaxespad=2.0,
            ncols=2,
            frameon=False,
            fontsize=9,
            labelcolor=INK,
        )


def _plain_numbers(axis: Axis) -> None:
    """Numbers as people write them: 1,000 and not 10^3."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 or value == 0 else ""))
    axis.set_minor_formatter(NullFormatter())


def _short(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 1].rstrip() + "…"
