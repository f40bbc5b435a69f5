"""The picture of a learning-rate range test."""

from matplotlib.figure import Figure

from artkit.drawing.figures import BLUE, INK, ORANGE, tidy
from artkit.engine.rate_finder import RangeTest


def draw_range_test(found: RangeTest) -> Figure:
    """Draw the loss over the rate, with the suggested rate marked."""
    figure = Figure(figsize=(7.5, 4.2))
    axes = figure.subplots()
    tidy(axes, "Loss while the learning rate rises")
    axes.plot(found.rates, found.losses, color=BLUE, linewidth=1.8)
    axes.axvline(found.suggestion, color=ORANGE, linestyle="--", linewidth=1.4)
    axes.annotate(
        f"suggested: {found.suggestion:g}",
        (found.suggestion, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-6, -12),
        textcoords="offset points",
        ha="right",
        color=ORANGE,
        fontsize=9,
    )
    axes.set_xscale("log")
    axes.set_xlabel("learning rate", fontsize=9, color=INK)
    axes.set_ylabel("training loss, smoothed", fontsize=9, color=INK)
    return figure
