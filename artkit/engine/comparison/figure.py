"""The curves of several runs, one over the other: a colour a group, a thick line for the mean of its seeds."""

import math
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from artkit.drawing.figures import INK, tidy
from artkit.engine.comparison.looks import Look, look_of
from artkit.engine.comparison.recipes import Group
from artkit.engine.comparison.results import JOINT_LOSS, have_one_objective

PANELS: Final = {
    "train_loss": "Training loss",
    "val_loss": "Validation loss",
    "val_accuracy": "Validation accuracy",
    "val_macro_recall": "Validation macro recall",
}
"""Value of an epoch -> the title of its panel."""


def draw_curves(groups: Sequence[Group]) -> Figure:
    """Draw the epochs of all runs, a panel a value; a value that a run lacks leaves a gap."""
    figure = Figure(figsize=(11, 8))
    shown = _shown_panels(groups)
    for number, axes in enumerate(figure.subplots(2, 2).flat):
        if number < len(shown):
            _draw_panel(axes, groups, shown[number])
        else:
            axes.remove()
    figure.subplots_adjust(hspace=0.32, wspace=0.2)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        columns = 1 if max(map(len, labels)) > 60 else 2 if max(map(len, labels)) > 36 else 3
        figure.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(0.11, 0.06), ncols=columns, frameon=False, fontsize=11
        )
    return figure


def draw_small_panels(groups: Sequence[Group]) -> Iterator[tuple[str, Figure]]:
    """Draw the panels one by one, to be read at the width of a phone; without a legend.

    Yields:
        The title of a panel, which is not in the picture, and the panel. Values that no run has have none.
    """
    for name in _shown_panels(groups):
        figure = Figure(figsize=(4.4, 3))
        _draw_panel(figure.subplots(), groups, name, titled=False)
        yield PANELS[name], figure


def _shown_panels(groups: Sequence[Group]) -> list[str]:
    """The values that any run has, and that mean the same in all of them."""
    runs = [run for group in groups for run in group.runs]
    told = [name for name in PANELS if any(name in epoch for run in runs for epoch in run.epochs)]
    return [name for name in told if name != JOINT_LOSS or have_one_objective(runs)]


def _draw_panel(axes: Axes, groups: Sequence[Group], name: str, *, titled: bool = True) -> None:
    tidy(axes, PANELS[name] if titled else "")
    for number, group in enumerate(groups):
        _draw_group(axes, group, name, look_of(number))
    if not name.endswith("loss"):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10 if titled else 6, integer=True, min_n_ticks=1))
    axes.tick_params(labelsize=10)
    axes.set_xlabel("epoch", fontsize=10, color=INK)


def _draw_group(axes: Axes, group: Group, name: str, look: Look) -> None:
    curves = [{int(epoch["epoch"]) + 1: epoch.get(name, math.nan) for epoch in run.epochs} for run in group.runs]
    curves = [curve for curve in curves if curve]
    if len(curves) > 1:
        for curve in curves:
            axes.plot(
                list(curve), list(curve.values()), color=look.colour, linestyle=look.style, linewidth=0.9, alpha=0.4
            )
    shared = sorted(set.intersection(*map(set, curves))) if curves else []
    means = [fmean(curve[epoch] for curve in curves) for epoch in shared]
    axes.plot(
        shared,
        means,
        color=look.colour,
        linestyle=look.style,
        label=group_label(group),
        linewidth=2.0,
        marker=look.marker,
        markersize=5,
        # All epochs while there are few; else enough to tell the lines by their marks.
        markevery=1 if len(shared) <= 20 else len(shared) // 10,
    )


def group_label(group: Group) -> str:
    """What a group is called in a legend."""
    return group.label if len(group.runs) == 1 else f"{group.label}, mean of {len(group.runs)} seeds"
