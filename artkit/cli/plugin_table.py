"""The list of plugins: a row for each, as a table for people or as JSON for programs."""

import json
from typing import TYPE_CHECKING

import typer

from artkit.cli.light_rows import print_light_rows
from artkit.cli.paths import short_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artkit.registry import Plugin


def print_plugins(rows: "Sequence[Plugin]", checked: bool) -> None:
    """Print a row for each plugin; below, what is wrong with some."""
    columns = ("plugin", "version", "kinds", "components", "status", *(("import",) if checked else ()), "from")
    print_light_rows(columns, [_cells(row, checked) for row in rows])
    for row in rows:
        for remark in _remarks(row):
            typer.echo(f"\n{row.info.label} {remark}")
    if checked:
        _print_clashes(rows)
    else:
        typer.echo("No plugin was imported. `artkit plugins --check` loads them and shows what they provide.", err=True)


def _print_clashes(rows: "Sequence[Plugin]") -> None:
    from artkit.registry import clash_notes

    for note in clash_notes(rows):
        typer.echo(f"\n{note}")


def print_plugins_as_json(rows: "Sequence[Plugin]") -> None:
    """Print the same for programs."""
    typer.echo(json.dumps([row.to_plain() for row in rows], indent=2))


def _cells(row: "Plugin", checked: bool) -> list[str]:
    from artkit.kinds import KINDS

    kinds = "all" if row.kinds == KINDS else ", ".join(row.kinds)
    version = " ".join([row.info.version or "-", *_commit(row)])
    import_time = [f"{row.import_ms:.0f} ms" if row.import_ms is not None else "-"] if checked else []
    count = str(len(row.components)) if row.components else "-"
    return [row.info.namespace, version, kinds or "-", count, _status(row), *import_time, short_path(row.info.origin)]


def _commit(row: "Plugin") -> list[str]:
    """The commit in short; not that of artkit, which only a clone has, and its owner knows."""
    return [f"+g{row.info.commit[:7]}"] if row.info.commit and not row.info.is_builtin else []


def _status(row: "Plugin") -> str:
    """In a few words; the cause of a failure, and what to do about it, stands below the table."""
    if row.left_out and row.left_out.status == "blocked":
        return row.left_out.reason
    return "failed" if row.failure else row.status


def _remarks(row: "Plugin") -> "Iterator[str]":
    """What is wrong with a plugin and what to do, each in words that go after its name."""
    from artkit.registry.plugin import REGISTERS_NOTHING

    report = f"\n  report it at {row.info.issues_url}" if row.info.issues_url else ""
    if row.left_out and row.left_out.status != "blocked":
        yield str(row.left_out)
    if row.failure:
        yield f"failed: {row.failure.text}{report}"
    elif row.loaded and not row.components:
        yield REGISTERS_NOTHING
    if row.heavy_imports:
        names = " and ".join(row.heavy_imports)
        yield f"imports {names} at its top; imported inside the factories, they would not slow down every command"
    if row.side_effects:
        yield f"{' and '.join(row.side_effects)} while it was imported, to no effect{report}"
