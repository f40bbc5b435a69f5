"""The curves of several runs, one over the other: a colour a group, a thick line for the mean of its seeds."""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Final

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from artkit.drawing.figures import INK, tidy
from artkit.engine.comparison.recipes import Group

_PANELS: Final = (
    ("train_loss", "Training loss"),
    ("val_loss", "Validation loss"),
    ("val_accuracy", "Validation accuracy"),
    ("val_macro_recall", "Validation macro recall"),
)
_COLOURS: Final = colormaps["tab10"]
_STYLES: Final = ("-", "--", ":", "-.")
"""After ten colours, the next ten groups have the same colours with the next style."""


def draw_curves(groups: Sequence[Group]) -> Figure:
    """Draw the epochs of all runs; a value that a run lacks leaves a gap."""
    figure = Figure(figsize=(11, 8))
    for axes, (name, title) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
        tidy(axes, title)
        for number, group in enumerate(groups):
            _draw_group(axes, group, name, number)
        if not name.endswith("loss"):
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
        axes.set_xlabel("epoch", fontsize=9, color=INK)
    figure.subplots_adjust(hspace=0.32, wspace=0.2)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        columns = 1 if max(map(len, labels)) > 45 else 2 if max(map(len, labels)) > 25 else 4
        figure.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(0.11, 0.05), ncols=columns, frameon=False, fontsize=9
        )
    return figure


def _draw_group(axes: Axes, group: Group, name: str, number: int) -> None:
    colour, style = _COLOURS(number % 10), _STYLES[number // 10 % len(_STYLES)]
    curves = [{int(epoch["epoch"]) + 1: epoch.get(name, math.nan) for epoch in run.epochs} for run in group.runs]
    curves = [curve for curve in curves if curve]
    if len(curves) > 1:
        for curve in curves:
            axes.plot(list(curve), list(curve.values()), color=colour, linestyle=style, linewidth=0.9, alpha=0.4)
    shared = sorted(set.intersection(*map(set, curves))) if curves else []
    means = [fmean(curve[epoch] for curve in curves) for epoch in shared]
    label = group.label if len(group.runs) == 1 else f"{group.label}, mean of {len(group.runs)} seeds"
    # Dots show where the epochs are while there are few.
    marker = "o" if len(shared) <= 40 else ""
    axes.plot(shared, means, color=colour, linestyle=style, label=label, linewidth=1.8, marker=marker, markersize=3.5)
