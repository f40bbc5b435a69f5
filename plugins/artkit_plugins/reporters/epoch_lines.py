"""The table of a run on the terminal: it grows by a line an epoch, and has as many columns as there is room for."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from artkit import RunInfo
from artkit_plugins.reporters.epochs import Epoch
from artkit_plugins.reporters.text import duration, shorten

_BEST: Final = {"accuracy": "acc", "loss": "loss"}
_BEST_TITLE: Final = "  best so far"
_LEFT_OUT: Final = ("img/s", "time", "recall", "train loss")
"""Titles of the columns that narrow terminals do without, the first one first."""
_NAME_WIDTH: Final = 32


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    width: int
    text: Callable[[Epoch], str]
    """What an epoch has in it."""


class EpochTable:
    """The title of each column, and the line of each epoch; of one target, they fit a terminal of 80 columns.

    Args:
        run: Whose epochs.
        width: Characters that a line has room for.
    """

    def __init__(self, run: RunInfo, width: int = sys.maxsize) -> None:
        columns = _columns(run)
        for title in _LEFT_OUT:
            if sum(column.width for column in columns) + len(_BEST_TITLE) > width:
                columns = [column for column in columns if column.title != title]
        self._columns = columns

    @property
    def heading(self) -> Text:
        """The titles."""
        return Text("".join(f"{c.title:>{c.width}}" for c in self._columns) + _BEST_TITLE, style="bold")

    def line(self, values: Epoch, epoch: int) -> Text:
        """What is said of an epoch.

        Args:
            values: Its values.
            epoch: Its number, from 0.
        """
        said = {**values, "epoch": epoch}
        line = Text("".join(f"{c.text(said):>{c.width}}" for c in self._columns))
        best = [short for name, short in _BEST.items() if values.get(f"best_{name}")]
        return line.append("  " + ", ".join(best), style="green") if best else line


def further_targets(run: RunInfo) -> list[str]:
    """The targets behind the first one."""
    return list(run.targets)[1:]


def _columns(run: RunInfo) -> list[_Column]:
    """All columns, with the accuracy of every further target behind that of the first one."""
    return [
        _Column("epoch", 7, lambda values: f"{values['epoch'] + 1:.0f}/{run.num_epochs}"),
        _Column("train loss", 12, _number("train_loss", ".4f")),
        _Column("val loss", 10, _number("val_loss", ".4f")),
        _Column("val acc", 9, _number("val_accuracy", ".1%")),
        _Column("recall", 9, _number("val_macro_recall", ".1%")),
        *map(_accuracy_of, further_targets(run)),
        _Column("img/s", 8, _number("images_per_s", ",.0f")),
        _Column("time", 11, lambda values: duration(values["seconds"]) if "seconds" in values else "-"),
    ]


def _accuracy_of(target: str) -> _Column:
    title = f"{shorten(target, _NAME_WIDTH)} acc"
    return _Column(title, max(len(title) + 2, 9), _number(f"val_{target}_accuracy", ".1%"))


def _number(name: str, spec: str) -> Callable[[Epoch], str]:
    """What writes a value of an epoch, or a dash where it has none."""
    return lambda values: format(values[name], spec).replace("%", " %") if name in values else "-"
