"""A row of a table: text by column, or a reason why it cannot be read."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

Values = tuple[str | None, ...]
"""One text a column, in the order asked for; None where the table has nothing."""


class BadRow(NamedTuple):
    """A row that cannot be read."""

    reason: str


class Row(NamedTuple):
    """A row of a table."""

    line: int
    """Where it ends in the file, from 1; in a Parquet file, the number of the row."""
    content: Values | BadRow


class Table(Protocol):
    """A table in a file."""

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns."""
        ...

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows, with the given columns only; empty ones are passed over.

        Raises:
            ConvertError: if the file cannot be read on, with the line.
        """
        ...


def as_text(values: Iterable[Any]) -> Values | BadRow:
    """Plain values as text; a row with a list or an object among them cannot be used."""
    texts: list[str | None] = []
    for value in values:
        if value is None or isinstance(value, str):
            texts.append(value)
        elif isinstance(value, bool | int | float):
            texts.append(str(value))
        else:
            return BadRow(f"unreadable row: a {type(value).__name__} where text is expected")
    return tuple(texts)
