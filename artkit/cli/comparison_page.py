"""A comparison of runs as one HTML page that stands alone: curves, figures with intervals, differences, recipes."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from artkit.cli.comparison_tables import mean_text, not_corrected, option_rows
from artkit.cli.scores import SCORES, difference_text, interval_text, score_text

if TYPE_CHECKING:
    from artkit.engine.comparison.comparing import Comparison
    from artkit.engine.comparison.pairs import PairedDifference

_TEMPLATE: Final = Path(__file__).with_name("comparison.html.j2")


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure with its interval; a dash where a run has none."""

    text: str = "-"
    interval: str = ""
    is_clear: bool = False
    """Whether the interval of a difference leaves out zero."""


def comparison_page(comparison: "Comparison") -> str:
    """The page, with its pictures inside."""
    from artkit.engine.comparison.figure import group_label
    from artkit.engine.comparison.looks import look_of
    from artkit_shards import render_page

    groups = comparison.groups
    content = {
        "title": f"{len(comparison.runs)} runs compared" if len(comparison.runs) > 1 else comparison.runs[0].name,
        "titles": [SCORES[name] for name in comparison.scores],
        "legend": [(group_label(group), look_of(number)) for number, group in enumerate(groups)],
        "panels": _panels(comparison),
        "runs": _run_rows(comparison),
        "groups": _group_rows(comparison) if any(len(group.runs) > 1 for group in groups) else [],
        "differences": [_difference_row(pair, comparison.scores) for pair in comparison.differences],
        "not_corrected": not_corrected(comparison),
        "labels": [group.label for group in groups],
        "options": option_rows(comparison),
        "notes": comparison.notes,
    }
    return render_page(_TEMPLATE, content, {"breakable": _breakable})


def _breakable(name: str) -> str:
    """A name that is broken after its commas first where a line is too short for it."""
    return name.replace(",", ",\N{ZERO WIDTH SPACE}")


def _panels(comparison: "Comparison") -> list[tuple[str, str]]:
    """Title and picture, a data address, of each panel."""
    from artkit.drawing.figures import png
    from artkit.engine.comparison.figure import draw_small_panels

    return [
        (title, f"data:image/png;base64,{base64.b64encode(png(figure, background=None)).decode()}")
        for title, figure in draw_small_panels(comparison.groups)
    ]


def _run_rows(comparison: "Comparison") -> list[Mapping[str, Any]]:
    return [
        {
            "name": run.name,
            "tested": run.tested_on,
            "cells": [_figure(name, run.metrics.get(name), intervals.get(name)) for name in comparison.scores],
        }
        for run, intervals in zip(comparison.runs, comparison.intervals, strict=True)
    ]


def _figure(name: str, value: float | None, interval: tuple[float, float] | None) -> Cell:
    if value is None:
        return Cell()
    return Cell(score_text(name, value), interval_text(name, interval) if interval else "")


def _group_rows(comparison: "Comparison") -> list[Mapping[str, Any]]:
    return [
        {
            "label": group.label,
            "seeds": ", ".join(str(run.seed) for run in group.runs),
            "means": [mean_text(name, group.mean(name), group.deviation(name)) for name in comparison.scores],
        }
        for group in comparison.groups
    ]


def _difference_row(pair: "PairedDifference", scores: Sequence[str]) -> Mapping[str, Any]:
    return {
        "run": pair.run.name,
        "other": pair.other.name,
        "cells": [_difference(name, pair.differences[name], pair.intervals[name]) for name in scores],
        "alone": f"{pair.only_run} : {pair.only_other} of {pair.images}",
        "p": f"{pair.p_value:.3g}",
    }


def _difference(name: str, value: float, interval: tuple[float, float]) -> Cell:
    low, high = interval
    return Cell(
        difference_text(name, value),
        f"{difference_text(name, low)} to {difference_text(name, high)}",
        is_clear=low > 0 or high < 0,
    )
