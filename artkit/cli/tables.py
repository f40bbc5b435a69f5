"""Tables on the terminal: columns without lines. Elsewhere lines are as long as they need to be, for grep and files."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def plain_console() -> "Console":
    """A console that takes texts as they are; without a terminal, lines are as long as they need to be."""
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=1000)


def plain_table(*columns: str, unwrapped: Collection[str] = (), right: Collection[str] = ()) -> "Table":
    """A table without lines.

    Args:
        columns: Their titles.
        unwrapped: Those whose cells stay on one line.
        right: Those aligned to the right.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column,
            overflow="fold",
            no_wrap=column in unwrapped,
            justify="right" if column in right else "left",
        )
    return table


def print_table(table: "Table") -> None:
    """Print a table; without a terminal, its lines end with their last letter, as files and diffs like them."""
    console = plain_console()
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        typer.echo(line.rstrip())
