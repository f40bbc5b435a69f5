"""Widths and heights of images: where they lie in the plane, and how long their longer sides are."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from artkit.drawing.figures import BLUE, FAINT, INK, ORANGE, tidy

MOST_POINTS = 3000
"""Images up to which each is a point; above, areas are coloured by how many lie in them."""


def draw_sizes(widths: NDArray[np.int64], heights: NDArray[np.int64]) -> Figure:
    """Draw the sizes of images.

    Args:
        widths: In pixels, (N,).
        heights: In pixels, (N,).
    """
    figure = Figure(figsize=(11.5, 5))
    plane, sides = figure.subplots(1, 2, gridspec_kw={"wspace": 0.25})
    _draw_plane(figure, plane, widths, heights)
    _draw_sides(sides, np.maximum(widths, heights))
    return figure


def _draw_plane(figure: Figure, axes: Axes, widths: NDArray[np.int64], heights: NDArray[np.int64]) -> None:
    limit = 1.06 * max(widths.max(), heights.max())
    axes.plot([0, limit], [0, limit], color=FAINT, linewidth=1, linestyle=(0, (4, 4)), zorder=1, label="square")
    if len(widths) <= MOST_POINTS:
        axes.scatter(widths, heights, s=14, color=BLUE, alpha=0.35, linewidths=0, zorder=2)
    else:
        cells = axes.hexbin(
            widths,
            heights,
            gridsize=50,
            extent=(0, limit, 0, limit),
            mincnt=1,
            cmap="viridis",
            norm=LogNorm(),
            zorder=2,
        )
        bar = figure.colorbar(cells, ax=axes, shrink=0.8, pad=0.02)
        bar.set_label("images", fontsize=9, color=INK)
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlim(0, limit)
    axes.set_ylim(0, limit)
    axes.set_aspect("equal")
    axes.set_xlabel("width in pixels", fontsize=9, color=INK)
    axes.set_ylabel("height in pixels", fontsize=9, color=INK)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="lower right")
    wide, tall = np.mean(widths > heights), np.mean(widths < heights)
    tidy(axes, f"{100 * wide:.0f} % wide, {100 * tall:.0f} % tall, {100 * (1 - wide - tall):.0f} % square")


def _draw_sides(axes: Axes, sides: NDArray[np.int64]) -> None:
    low, high = int(sides.min()), int(sides.max())
    bins = np.linspace(low, high, 41) if high - low >= 40 else np.arange(low, high + 2) - 0.5
    axes.hist(sides, bins=bins.tolist(), color=BLUE)
    median = float(np.median(sides))
    axes.axvline(median, color=ORANGE, linewidth=1.5)
    axes.set_xlabel("longer side in pixels", fontsize=9, color=INK)
    axes.set_ylabel("images", fontsize=9, color=INK)
    axes.margins(y=0.12)
    title = f"longer side {low:,} to {high:,} pixels, median {median:,.0f}"
    if low == high:
        title = f"all have a longer side of {low:,} pixels"
    tidy(axes, title)
