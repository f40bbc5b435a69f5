"""Tables on the terminal: columns without lines. Elsewhere lines are as long as they need to be, for grep and files."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_GAP: Final = 2
_READABLE: Final = 24
"""Characters of a line below which a text in a column is hard to read."""


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


def print_rows(
    console: "Console", columns: Sequence[str], rows: Sequence[Sequence[str]], *, unwrapped: Collection[str] = ()
) -> None:
    """Print rows as a table, or below one another where the terminal is too narrow for the text in the last column.

    Args:
        console: Where to.
        columns: Their titles; texts that may be long stand in the last one.
        rows: Their cells.
        unwrapped: Columns whose cells stay on one line in a table.
    """
    *others, last = (max(map(len, column)) for column in zip(columns, *rows, strict=True))
    if sum(others) + _GAP * len(others) + min(last, _READABLE) > console.width:
        _print_below_one_another(console, columns, rows)
        return
    table = plain_table(*columns, unwrapped=unwrapped)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _print_below_one_another(console: "Console", columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for style, cells in [("bold", columns), *(("", row) for row in rows)]:
        first, *middle = filter(None, cells[:-1])
        console.print(Text.assemble((first, "bold"), *((" " * _GAP + cell, style) for cell in middle)))
        if cells[-1]:
            console.print(Padding(Text(cells[-1], style), (0, 0, 0, _GAP), expand=False))
