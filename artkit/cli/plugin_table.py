"""The list of plugins: a row for each, as a table for people or as JSON for programs."""

from typing import TYPE_CHECKING

import typer

from artkit.cli.paths import short_path
from artkit.cli.tables import plain_console, plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artkit.registry import Plugin


def print_plugins(rows: "Sequence[Plugin]", checked: bool) -> None:
    """Print a row for each plugin; below, why some failed."""
    console = plain_console()
    columns = ("plugin", "version", "kinds", "components", "status", *(("import",) if checked else ()), "from")
    table = plain_table(*columns, unwrapped=("plugin", "components", "import"))
    for row in rows:
        table.add_row(*_cells(row, checked))
    console.print(table)
    for row in rows:
        if row.failure:
            console.print(f"\n{row.info.label} failed: {row.failure.text}", soft_wrap=True)
        if row.heavy_imports:
            names = " and ".join(row.heavy_imports)
            advice = "imported inside the factories, they would not slow down every command"
            console.print(f"\n{row.info.label} imports {names} at its top; {advice}", soft_wrap=True)
    if not checked:
        typer.echo("No plugin was imported. `artkit plugins --check` loads them and shows what they provide.", err=True)


def _cells(row: "Plugin", checked: bool) -> list[str]:
    from artkit.contracts import KINDS

    kinds = "all" if row.kinds == KINDS else ", ".join(row.kinds)
    version = " ".join([row.info.version or "-", *([f"+g{row.info.commit[:7]}"] if row.info.commit else [])])
    import_time = [f"{row.import_ms:.0f} ms" if row.import_ms is not None else "-"] if checked else []
    count = str(len(row.components)) if row.components else "-"
    # The cause of a failure stands in full below the table.
    status = "failed" if row.failure else row.status
    return [row.info.namespace, version, kinds or "-", count, status, *import_time, short_path(row.info.origin)]


def print_plugins_as_json(rows: "Sequence[Plugin]") -> None:
    """Print the same for programs."""
    import json

    typer.echo(json.dumps([row.to_plain() for row in rows], indent=2))
