"""metrics.csv, read again: the values of every epoch, as far as the run left them."""

import csv
from pathlib import Path
from typing import Final

METRICS: Final = "metrics.csv"


def read_epochs(run: Path) -> list[dict[str, float]]:
    """The values of each epoch of a run, by the names that reporters heard; none if the table is not there.

    Args:
        run: The run folder.
    """
    return [_numbers(row) for row in read_table(run / METRICS)]


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table, cells by column; none if it is not there."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _numbers(row: dict[str, str]) -> dict[str, float]:
    """The cells of a row that hold a number; an empty one is a value that its epoch lacks."""
    return {name: float(cell) for name, cell in row.items() if cell}
