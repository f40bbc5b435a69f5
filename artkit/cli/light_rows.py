"""Rows of a table as text, without rich, whose import takes longer than the list of plugins takes to make."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

import typer

_GAP: Final = 2
_READABLE: Final = 24
"""Characters of a line below which a text in a column is hard to read."""


def print_light_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table; without a terminal, lines are as long as they need to be.

    Args:
        columns: Their titles; texts that may be long stand in the last one.
        rows: Their cells.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    for number, lines in enumerate(light_rows([columns, *rows], width)):
        typer.echo(lines if number else typer.style(lines, bold=True))


def light_rows(table: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """The text of each row; where the last column has too little room, it stands below the others.

    Args:
        table: Rows of cells, all of the same length.
        width: Characters that there is room for in a line.
    """
    *widths, last = (max(map(len, column)) for column in zip(*table, strict=True))
    start = sum(widths) + _GAP * len(widths)
    below = start + min(last, _READABLE) > width
    for row in table:
        cells = row[:-1] if below else [cell.ljust(w) for cell, w in zip(row[:-1], widths, strict=True)]
        indent = _GAP if below else start
        lines = textwrap.wrap(row[-1], max(width - indent, _READABLE)) or [""]
        head = (" " * _GAP).join(filter(None, cells))
        first = f"{head}\n{' ' * indent}{lines[0]}" if below else f"{head}{' ' * _GAP}{lines[0]}"
        yield "\n".join([first, *(" " * indent + line for line in lines[1:])]).rstrip()
