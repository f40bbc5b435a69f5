"""Drawings of confusion matrices of more classes than have room for their names beside the rows: maps.

Classes stand in the order of their similarity and have its numbers; groups of classes that are taken for one another
are outlined and say their range of numbers, and the largest mistakes are ringed. Both are listed with names below.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from artkit.drawing.figures import BLUE, FAINT, INK
from artkit_plugins.reporters.confusion_figures import CHARACTER, draw_cells, panels, whole_matrix
from artkit_plugins.reporters.statistics import ConfusedPair, confused_pairs
from artkit_plugins.reporters.text import percent, shorten

PANEL: Final = 11.0
"""Height and width of a matrix in inches."""
GAP: Final = 0.9
WIDTH: Final = 2 * PANEL + GAP
SMALLEST_GROUP: Final = 3
"""Classes of a group that is outlined."""
MOST_RINGED: Final = 30
MISTAKE_COLUMNS: Final = 3
MOST_LISTED: Final = 1000
"""Classes whose names are listed; of more, the figure would be taller than pictures can be."""
NAME_COLUMNS: Final = 10
NAME_WIDTH: Final = 24
LINE: Final = 0.17
"""Inches from one line of a list to the next."""
BASELINE: Final = 0.12
"""Inches from the top of a line to its baseline."""
TEXT_SIZE: Final = 8.0


def draw_map(
    confusion: NDArray[np.int64], names: Sequence[str], groups: Sequence[NDArray[np.int64]], *, title: str, note: str
) -> Figure:
    """Draw counts and row shares of a matrix, and below them its largest mistakes and the numbers of its classes.

    Args:
        confusion: Samples by true class (rows) and predicted class (columns), (K, K).
        names: Of the classes, K of them.
        groups: Classes in the order to show, cut into groups.
        title: Written above.
        note: A line below the title.
    """
    order = np.concatenate(groups)
    matrix = whole_matrix(confusion, names, order)
    ringed = [pair for pair in confused_pairs(matrix.counts) if pair.n > 1][:MOST_RINGED]
    # Positions are in units of the figure; whatever stands outside of it is kept when it is saved.
    figure = Figure(figsize=(WIDTH, PANEL))
    for left, (what, value, _) in zip((0.0, PANEL + GAP), panels(matrix), strict=True):
        axes = figure.add_axes((left / WIDTH, 0.0, PANEL / WIDTH, 1.0))
        draw_cells(axes, matrix, value, np.zeros_like(matrix.counts), cell=0.0)
        axes.autoscale(False)  # what is drawn on top must not move the edges
        _number_axes(axes, len(order))
        _outline(axes, groups)
        _ring(axes, ringed, len(order))
        axes.set_title(what, loc="left", fontsize=10, color=INK)
    top = _list_mistakes(figure, ringed, matrix.rows, below=0.75)
    _list_names(figure, matrix.rows, matrix.support, groups, below=top)
    figure.text(0, 1 + 0.62 / PANEL, title, fontsize=14, fontweight="bold", color=INK, parse_math=False)
    figure.text(0, 1 + 0.36 / PANEL, note, fontsize=10, color=INK)
    return figure


def _number_axes(axes: Axes, num_classes: int) -> None:
    """Number every tenth class, or fewer where they are many."""
    step = 10 * -(-num_classes // 400)
    places = range(step - 1, num_classes, step)
    labels = [str(place + 1) for place in places]
    axes.set_xticks(places, labels, fontsize=TEXT_SIZE, color=INK, rotation=90)
    axes.set_yticks(places, labels, fontsize=TEXT_SIZE, color=INK)
    axes.tick_params(which="both", length=2, color=FAINT, top=True, right=True)
    axes.set_xlabel("predicted (number of the class)", fontsize=10, fontweight="bold", color=INK)
    axes.set_ylabel("true (number of the class)", fontsize=10, fontweight="bold", color=INK)


def _outline(axes: Axes, groups: Sequence[NDArray[np.int64]]) -> None:
    """Draw a frame around each group, with its range of numbers beside the upper right corner."""
    first = 0
    for group in groups:
        size, last = len(group), first + len(group)
        if size >= SMALLEST_GROUP:
            frame = Rectangle((first - 0.5, first - 0.5), size, size, fill=False, edgecolor=BLUE, linewidth=0.9)
            axes.add_patch(frame)
            axes.text(
                last,
                first - 0.5,
                f"{first + 1}\N{EN DASH}{last}",
                fontsize=TEXT_SIZE - 1,
                color=BLUE,
                va="top",
                clip_on=False,
            )
        first = last


def _ring(axes: Axes, pairs: Sequence[ConfusedPair], num_classes: int) -> None:
    """Draw a ring around the cell of each pair, wide enough to be found."""
    points_of_cell = 72 * PANEL / num_classes
    diameter = max(1.6 * points_of_cell, 8.0)
    axes.scatter(
        [pair.predicted for pair in pairs],
        [pair.true for pair in pairs],
        s=diameter**2,
        facecolors="none",
        edgecolors=INK,
        linewidths=0.8,
    )


def _list_mistakes(figure: Figure, pairs: Sequence[ConfusedPair], names: Sequence[str], *, below: float) -> float:
    """List the ringed mistakes in columns; returns how many inches below the matrices the list ends."""
    rows = -(-len(pairs) // MISTAKE_COLUMNS)
    title = f"ringed: the {len(pairs)} mistakes made most often" if pairs else "no mistake was made twice"
    _write(figure, 0.0, below, title, weight="bold")
    for index, pair in enumerate(pairs):
        x, y = index // rows * WIDTH / MISTAKE_COLUMNS, below + LINE * (1.4 + index % rows)
        true, predicted = (f"{k + 1} {shorten(names[k], NAME_WIDTH)}" for k in (pair.true, pair.predicted))
        _write(figure, x, y, f"{true}  taken for  {predicted}")
        found = f"{pair.n} of {pair.of}  {percent(pair.share)}"
        _write(figure, x + WIDTH / MISTAKE_COLUMNS - 0.5, y, found, ha="right")
    return below + LINE * (rows + 3.4)


def _list_names(
    figure: Figure,
    names: Sequence[str],
    support: NDArray[np.int64],
    groups: Sequence[NDArray[np.int64]],
    *,
    below: float,
) -> None:
    """List the classes by number, with a bar beside those of a group."""
    if len(names) > MOST_LISTED:
        _write(figure, 0.0, below, f"{len(names):,} classes are too many to be named here: see confusion.csv")
        return
    _write(figure, 0.0, below, "number, class, images; a bar: a group that is outlined above", weight="bold")
    columns = min(NAME_COLUMNS, -(-len(names) // 10))
    rows, width = -(-len(names) // columns), WIDTH / columns
    fitting = min(NAME_WIDTH, int((width - 0.8) / (0.92 * CHARACTER * TEXT_SIZE)))
    grouped = np.concatenate([np.full(len(group), len(group) >= SMALLEST_GROUP) for group in groups])
    starts = set(np.cumsum([0, *map(len, groups)]).tolist())
    for index, name in enumerate(names):
        x, y = index // rows * width, below + LINE * (1.4 + index % rows)
        _write(figure, x + 0.28, y, str(index + 1), ha="right", colour=FAINT)
        _write(figure, x + 0.42, y, f"{shorten(name, fitting)} ({support[index]:,})")
        if grouped[index]:
            # A gap parts one group from the next.
            top = y + (0.04 if index in starts else 0.0)
            _bar(figure, x + 0.33, top, y + LINE - top)


def _bar(figure: Figure, x: float, y: float, height: float) -> None:
    """Draw a bar at so many inches right of the figure's left side and below its lower one."""
    corner = (x / WIDTH, -(y + height) / PANEL)
    figure.add_artist(
        Rectangle(corner, 0.035 / WIDTH, height / PANEL, transform=figure.transFigure, facecolor=BLUE, linewidth=0)
    )


def _write(
    figure: Figure, x: float, y: float, text: str, *, ha: str = "left", weight: str = "normal", colour: str = INK
) -> None:
    """Write a line whose top is so many inches below the figure, and so many right of its left side."""
    figure.text(
        x / WIDTH,
        -(y + BASELINE) / PANEL,
        text,
        ha=ha,
        fontsize=TEXT_SIZE,
        fontweight=weight,
        color=colour,
        parse_math=False,
    )
