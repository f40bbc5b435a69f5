"""A row of a table: text by column, or a reason why it cannot be read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from artkit_shards.errors import ConvertError
from artkit_shards.wording import listed

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


def check_columns(table: str, columns: Sequence[str]) -> None:
    """Raise ConvertError if several columns of a table have one name."""
    twice = sorted(name for name, count in Counter(columns).items() if name and count > 1)
    if twice:
        raise ConvertError(f"{table} has several columns named {listed(list(map(repr, twice)))}; rename them")


def as_text(values: Iterable[Any]) -> Values | BadRow:
    """Plain values as text; a row with a list or an object among them cannot be used, nor one with half a character."""
    texts: list[str | None] = []
    for value in values:
        if value is None:
            texts.append(None)
        elif isinstance(value, str):
            if not _is_whole(value):
                return BadRow("unreadable row: half of a character that takes two")
            texts.append(value)
        elif isinstance(value, bool | int | float):
            texts.append(str(value))
        else:
            return BadRow(f"unreadable row: a {type(value).__name__} where text is expected")
    return tuple(texts)


def _is_whole(text: str) -> bool:
    """Whether text can be written as UTF-8: JSON can tell of halves of characters (surrogates) that stand alone."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
