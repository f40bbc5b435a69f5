"""Drawings of confusion matrices with the name of every class beside its row, readable up to about 60 classes.

Right answers (the diagonal) are blue, mistakes orange, so that a mistake never hides beside a strong diagonal. Colours
follow the square root of the value: single mistakes show, and so do classes with few images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from artkit.drawing.figures import INK
from artkit_plugins.reporters.text import shorten

NAME_WIDTH = 24
CHARACTER = 0.6 / 72
"""Inches that a character takes for every point of its size, on average."""
MOST_INCHES = 22.0
"""Height that no matrix exceeds, or thousands of classes would ask for gigabytes of pixels."""
READABLE_CELL = 0.15
"""Inches of a cell below which names and numbers are left out."""
SIDE_BY_SIDE_UP_TO = 24
"""Classes up to which two matrices stand beside each other; above, one stands below the other."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix, or a part of one, ready to be drawn.

    Attributes:
        counts: Samples by true class (rows) and predicted class (columns), (R, C).
        support: Samples of each row's class in the whole split, (R,).
        right: Column of each row's own class, (R,).
        rows: Names of the rows.
        columns: Names of the columns.
    """

    counts: NDArray[np.int64]
    support: NDArray[np.int64]
    right: NDArray[np.int64]
    rows: Sequence[str]
    columns: Sequence[str]


def whole_matrix(confusion: NDArray[np.int64], names: Sequence[str], order: NDArray[np.int64]) -> Matrix:
    """Take all classes of a confusion matrix (K, K), in the given order."""
    ordered = [names[k] for k in order]
    return Matrix(
        confusion[np.ix_(order, order)], confusion[order].sum(axis=1), np.arange(len(order)), ordered, ordered
    )


def part_of_matrix(confusion: NDArray[np.int64], names: Sequence[str], chosen: NDArray[np.int64]) -> Matrix:
    """Take some classes of a confusion matrix (K, K); a last column counts what went to all other classes."""
    support = confusion[chosen].sum(axis=1)
    inside = confusion[np.ix_(chosen, chosen)]
    counts = np.column_stack([inside, support - inside.sum(axis=1)])
    rows = [names[k] for k in chosen]
    return Matrix(counts, support, np.arange(len(chosen)), rows, [*rows, "(any other)"])


def draw_matrices(matrix: Matrix, *, title: str, note: str, num_annotated: int | None) -> Figure:
    """Draw counts and row shares of one matrix.

    Args:
        matrix: What to draw.
        title: Written above.
        note: A line below the title.
        num_annotated: How many of the largest mistakes get their number; None annotates every cell but zeros.
    """
    num_rows, num_columns = matrix.counts.shape
    cell = float(np.clip(5.6 / num_rows, min(0.22, MOST_INCHES / num_rows), 0.75))
    width, height = cell * num_columns, cell * num_rows
    side_by_side = num_rows <= SIDE_BY_SIDE_UP_TO
    below = height + 1.3 + CHARACTER * _name_size(cell) * max(len(shorten(c, NAME_WIDTH)) for c in matrix.columns)
    offsets = [(0.0, 0.0), (width + 0.5, 0.0) if side_by_side else (0.0, -below)]
    # Positions are in units of the figure; whatever stands outside of it is kept when it is saved.
    figure = Figure(figsize=(width, height))
    for index, ((x, y), (what, value, numbers)) in enumerate(zip(offsets, panels(matrix), strict=True)):
        axes = figure.add_axes((x / width, y / height, 1.0, 1.0))
        marked = _annotated(matrix, value, num_annotated)
        draw_cells(axes, matrix, value, np.where(marked, numbers, 0), cell)
        _name_axes(axes, matrix, cell, with_rows=index == 0 or not side_by_side)
        axes.set_title(what, loc="left", fontsize=9, color=INK)
    figure.text(0, 1 + 0.62 / height, title, fontsize=13, fontweight="bold", color=INK, parse_math=False)
    figure.text(0, 1 + 0.4 / height, note, fontsize=9, color=INK)
    return figure


def panels(matrix: Matrix) -> list[tuple[str, NDArray[np.float64], NDArray[np.int64]]]:
    """What is drawn of a matrix, twice: a name, the strength of each cell in [0, 1], and the number to write there."""
    counts = matrix.counts
    shares = counts / np.maximum(matrix.support, 1)[:, None]
    return [
        ("images", counts / max(counts.max(), 1), counts),
        ("percent of the true class", shares, np.rint(100 * shares).astype(np.int64)),
    ]


def _annotated(matrix: Matrix, value: NDArray[np.float64], limit: int | None) -> NDArray[np.bool_]:
    present = matrix.counts > 0
    if limit is None:
        return present
    right = np.zeros_like(present)
    right[np.arange(len(matrix.right)), matrix.right] = True
    # A single image is no pattern, however small its class.
    mistakes = np.where(right | (matrix.counts < 2), 0.0, value)
    top = np.zeros_like(present)
    top.flat[np.argsort(-mistakes, axis=None, kind="stable")[:limit]] = True
    return present & (right | (top & (mistakes > 0)))


def draw_cells(axes: Axes, matrix: Matrix, value: NDArray[np.float64], numbers: NDArray[np.int64], cell: float) -> None:
    """Draw the cells with their colours, and the numbers of those that have one if cells of so many inches bear it."""
    strength = np.where(value > 0, 0.12 + 0.78 * np.sqrt(value), 0.0)
    colours = colormaps["Oranges"](strength)
    diagonal = (np.arange(len(matrix.right)), matrix.right)
    colours[diagonal] = colormaps["Blues"](strength[diagonal])
    colours[value == 0] = (1.0, 1.0, 1.0, 1.0)
    axes.imshow(colours, aspect="equal", interpolation="nearest")
    axes.spines[:].set_color("#c9ced4")
    if cell < READABLE_CELL:
        return
    axes.set_xticks(np.arange(-0.5, value.shape[1]), minor=True)
    axes.set_yticks(np.arange(-0.5, value.shape[0]), minor=True)
    axes.grid(which="minor", color="#e8eaed", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    for row, column in np.argwhere(numbers > 0):
        number = int(numbers[row, column])
        axes.text(
            column,
            row,
            str(number),
            ha="center",
            va="center",
            fontsize=_font_size(cell, len(str(number))),
            color="white" if strength[row, column] > 0.6 else INK,
        )


def _font_size(cell: float, digits: int) -> float:
    """Points at which a number fits into a cell of so many inches."""
    return min(10.0, 72 * cell * 0.46, 72 * cell * 0.85 / (0.62 * digits))


def _name_size(cell: float) -> float:
    """Points of the names beside cells of so many inches."""
    return min(9.5, 72 * cell * 0.62)


def _name_axes(axes: Axes, matrix: Matrix, cell: float, *, with_rows: bool) -> None:
    size = _name_size(cell)
    axes.set_xlabel("predicted", fontsize=10, fontweight="bold", color=INK)
    if with_rows:
        axes.set_ylabel("true (images)", fontsize=10, fontweight="bold", color=INK)
    columns: list[str] = []
    rows: list[str] = []
    if cell >= READABLE_CELL:
        columns = [shorten(name, NAME_WIDTH) for name in matrix.columns]
        rows = [f"{shorten(name, NAME_WIDTH)}  ({n:,})" for name, n in zip(matrix.rows, matrix.support, strict=True)]
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=size, color=INK, parse_math=False)
    rows = rows if with_rows else []
    axes.set_yticks(range(len(rows)), rows, fontsize=size, color=INK, parse_math=False)
