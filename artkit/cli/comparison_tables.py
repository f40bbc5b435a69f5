"""A comparison of runs on the terminal: figures, groups of seeds, paired differences, options that differ, notes."""

from typing import TYPE_CHECKING, Any

import typer

from artkit.cli.notes import print_note
from artkit.cli.scores import SCORES, difference_text, interval_text, score_text
from artkit.cli.tables import plain_table, print_table

if TYPE_CHECKING:
    from rich.table import Table

    from artkit.engine.comparison.comparing import Comparison


def print_comparison(comparison: "Comparison") -> None:
    """Print all of it; parts that have nothing to say are left out."""
    _print_table("", _figures(comparison))
    if any(len(group.runs) > 1 for group in comparison.groups):
        _print_table("Mean and standard deviation over the seeds", _groups(comparison))
    if comparison.differences:
        _print_table("Differences on the same images, with their 95 % intervals", _differences(comparison))
        typer.echo(
            "right alone: images that only the one or only the other recognised; p: McNemar's exact test of that"
        )
        if caution := not_corrected(comparison):
            typer.echo(caution)
    if len(comparison.groups) > 1:
        _print_table("What differs in the recipes", _recipe(comparison))
    for note in comparison.notes:
        print_note(note)


def not_corrected(comparison: "Comparison") -> str:
    """What to keep in mind of many p values; empty of a single one."""
    number = len(comparison.differences)
    return f"p is not corrected for the {number} comparisons: one may be small by chance" if number > 1 else ""


def _print_table(title: str, table: "Table") -> None:
    if title:
        typer.secho(f"\n{title}", bold=True)
    print_table(table)


def _figures(comparison: "Comparison") -> "Table":
    titles = [SCORES[name] for name in comparison.scores]
    table = plain_table("run", "tested on", *titles, unwrapped=("run",))
    for run, intervals in zip(comparison.runs, comparison.intervals, strict=True):
        cells = [
            _with_interval(name, run.metrics[name], intervals.get(name)) if name in run.metrics else "-"
            for name in comparison.scores
        ]
        table.add_row(run.name, run.tested_on, *cells)
    return table


def _with_interval(name: str, value: float, interval: "tuple[float, float] | None") -> str:
    return score_text(name, value) + (f" ({interval_text(name, interval)})" if interval else "")


def _groups(comparison: "Comparison") -> "Table":
    table = plain_table("runs", "seeds", *(SCORES[name] for name in comparison.scores), unwrapped=("runs",))
    for group in comparison.groups:
        seeds = ", ".join(str(run.seed) for run in group.runs)
        cells = [mean_text(name, group.mean(name), group.deviation(name)) for name in comparison.scores]
        table.add_row(group.label, seeds, *cells)
    return table


def mean_text(name: str, mean: float | None, deviation: float | None) -> str:
    """Such as "61.5 ± 2.1 %"; without a deviation of one run alone."""
    if mean is None:
        return "-"
    if deviation is None:
        return score_text(name, mean)
    return f"{score_text(name, mean).removesuffix(' %')} ± {score_text(name, deviation)}"


def _differences(comparison: "Comparison") -> "Table":
    titles = [SCORES[name] for name in comparison.scores]
    table = plain_table("run", "against", *titles, "right alone", "p", unwrapped=("run", "against", "p"))
    for pair in comparison.differences:
        cells = [_difference(name, pair.differences[name], pair.intervals[name]) for name in comparison.scores]
        alone = f"{pair.only_run} : {pair.only_other} of {pair.images}"
        table.add_row(pair.run.name, pair.other.name, *cells, alone, f"{pair.p_value:.3g}")
    return table


def _difference(name: str, value: float, interval: tuple[float, float]) -> str:
    low, high = (difference_text(name, end) for end in interval)
    return f"{difference_text(name, value)} ({low} to {high})"


def _recipe(comparison: "Comparison") -> "Table":
    table = plain_table("option", *(group.label for group in comparison.groups), unwrapped=("option",))
    for name, values in option_rows(comparison):
        table.add_row(name, *values)
    return table


def option_rows(comparison: "Comparison") -> list[tuple[str, list[str]]]:
    """The options that differ between groups, with their value in each; the seeds stand in their own table."""
    columns = [comparison.runs.index(group.runs[0]) for group in comparison.groups]
    rows = [(name, [_value(values[column]) for column in columns]) for name, values in comparison.recipe.items()]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def _value(value: Any) -> str:
    return "-" if value is None else str(value)
