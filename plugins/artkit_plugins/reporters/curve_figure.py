"""The `curves` reporter: curves.png, four panels over the epochs: loss, accuracy, learning rate, images per second.

It is drawn anew while training goes on, from the history of the run, so a resumed run shows all of its epochs. Drawing
waits long enough to cost no more than two percent of the time.
"""

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from artkit import ReporterContext, RunInfo, hookimpl
from artkit.drawing.figures import BLUE, GREEN, INK, ORANGE, save_figure, tidy
from artkit_plugins.reporters.epochs import Epoch, best_epoch, past_epochs
from artkit_plugins.reporters.text import percent, shorten

MOST_OF_TIME: Final = 0.02
"""Part of the time that drawing may take."""
FURTHER_COLOUR: Final = "#8250a8"
FURTHER_STYLES: Final = ("--", ":", "-.")
"""Of the targets behind the first one."""


class CurvesReporter:
    """Keeps curves.png up to date.

    Args:
        ctx: Where to write, and whom to tell.
        every_s: Least seconds between two drawings while training.
        clock: Tells the time in seconds.
    """

    redraws = True

    def __init__(self, ctx: ReporterContext, *, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._path: Path = ctx.run_dir / "curves.png"
        self._publish = ctx.publish
        self._every_s = every_s
        self._clock = clock
        self._epochs: list[Epoch] = []
        self._targets: tuple[str, ...] = ()
        self._drawn = 0
        self._next_s = -math.inf

    @hookimpl
    def artkit_run_start(self, run: RunInfo) -> None:
        """Take up the epochs of a resumed run."""
        self._epochs = past_epochs(run)
        self._targets = tuple(run.targets)

    @hookimpl
    def artkit_epoch_end(self, epoch: int, values: Mapping[str, float]) -> None:
        """Add an epoch; draw if the last drawing was long enough ago."""
        self._epochs.append({**values, "epoch": epoch})
        if self._clock() >= self._next_s:
            self._draw()
            self._publish(self._path, title="Curves", kind="figure")

    @hookimpl
    def artkit_predictions(self) -> None:
        """Draw what came since, for training is over."""
        if len(self._epochs) > self._drawn:
            self._draw()
            self._publish(self._path, title="Curves", kind="figure")

    @hookimpl
    def artkit_run_end(self) -> None:
        """Draw what came since, also when training was interrupted or failed."""
        if len(self._epochs) > self._drawn:
            self._draw()

    def _draw(self) -> None:
        start_s = self._clock()
        save_figure(draw_curves(self._epochs, self._targets), self._path)
        end_s = self._clock()
        self._drawn = len(self._epochs)
        self._next_s = end_s + max(self._every_s, (end_s - start_s) / MOST_OF_TIME)


def draw_curves(epochs: Sequence[Epoch], targets: Sequence[str] = ()) -> Figure:
    """Draw the values of all epochs so far; values that an epoch lacks leave a gap.

    Args:
        epochs: Their values.
        targets: What the run learns, the first one first; where these are several, lines say what they are of.
    """
    first, further = (f" of {targets[0]}", targets[1:]) if len(targets) > 1 else ("", ())
    figure = Figure(figsize=(11, 8 + 0.5 * len(further)))
    ((loss, accuracy), (rate, speed)) = figure.subplots(2, 2)
    figure.subplots_adjust(hspace=0.62 + 0.12 * len(further), wspace=0.2)
    tidy(loss, "Loss")
    if further and any(f"train_{targets[0]}_loss" in epoch for epoch in epochs):
        _line(loss, epochs, f"train_{targets[0]}_loss", f"training{first}", BLUE)
    else:
        _line(loss, epochs, "train_loss", "training, all targets together" if further else "training", BLUE)
    _line(loss, epochs, "val_loss", f"validation{first}", ORANGE, best="loss")
    tidy(accuracy, "Accuracy")
    _line(accuracy, epochs, "train_accuracy", f"training{first}", BLUE)
    _line(accuracy, epochs, "val_accuracy", f"validation{first}", ORANGE, best="accuracy")
    _line(accuracy, epochs, "val_macro_recall", f"macro recall{first} in validation", GREEN, best="macro_recall")
    for target, style in zip(further, itertools.cycle(FURTHER_STYLES)):
        label = f"validation of {shorten(target, 24)}"
        _line(loss, epochs, f"train_{target}_loss", f"training of {shorten(target, 24)}", BLUE, style=style)
        _line(loss, epochs, f"val_{target}_loss", label, FURTHER_COLOUR, style=style)
        _line(accuracy, epochs, f"val_{target}_accuracy", label, FURTHER_COLOUR, style=style)
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    tidy(rate, "Learning rate")
    _line(rate, epochs, "learning_rate", "", BLUE)
    tidy(speed, "Images per second in training")
    _line(speed, epochs, "images_per_s", "", BLUE)
    for axes in (loss, accuracy, rate, speed):
        _finish(axes, len(epochs))
    return figure


def _line(
    axes: Axes, epochs: Sequence[Epoch], name: str, label: str, colour: str, *, best: str = "", style: str = "-"
) -> None:
    if not any(name in epoch for epoch in epochs):
        return
    done = [int(epoch["epoch"]) + 1 for epoch in epochs]
    values = [epoch.get(name, math.nan) for epoch in epochs]
    at = best_epoch(epochs, best) if best else None
    if at is not None:
        value = values[done.index(at + 1)]
        text = f"{value:.3f}" if best == "loss" else percent(value)
        label = f"{label}, best {text} in epoch {at + 1}"
        axes.plot([at + 1], [value], color=colour, marker="*", markersize=16, markeredgecolor="white", zorder=5)
    # Dots show where the epochs are while there are few.
    marker = "o" if len(epochs) <= 40 else ""
    axes.plot(done, values, color=colour, label=label, linestyle=style, linewidth=1.8, marker=marker, markersize=3.5)


def _finish(axes: Axes, num_epochs: int) -> None:
    low, high = min(axes.dataLim.y0, 0.0), axes.dataLim.y1
    if high > low:
        axes.set_ylim(low, high + 0.12 * (high - low))
    pad = max(0.5, 0.03 * num_epochs)
    axes.set_xlim(1 - pad, num_epochs + pad)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch", fontsize=9, color=INK)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.16), fontsize=9, frameon=False, labelcolor=INK)
