"""Which columns of a table say what, and what stands in a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from artkit_shards.conversion.sources.finder import ImageFinder
from artkit_shards.conversion.sources.names import composed, readable, target_name
from artkit_shards.conversion.sources.tables.rows import BadRow, Table
from artkit_shards.errors import ConvertError
from artkit_shards.wording import counted, listed

_NOTHING: Final = frozenset(("", "nan", "none", "null", "<na>"))
"""What programs write where a value is not known."""
_ROWS_TO_GUESS_BY: Final = 200
_LONGEST_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the columns of a table say.

    Attributes:
        image: The column that names the image.
        labels: Target -> column that names its class, or None for the folder that the image lies in; the first target
            is the main one.
        split: The column that names the split, or None.
        group: The column that names what must stay in one split, or None.
        split_values: Value of the split column -> split, as `read_splits` takes it.
        split_folders: Whether folders named as splits name the split, if no column does.
    """

    image: str
    labels: Mapping[str, str | None]
    split: str | None = None
    group: str | None = None
    split_values: Mapping[str, str] = field(default_factory=dict)
    split_folders: bool = False

    @property
    def names(self) -> list[str]:
        """All columns to read: image, labels, then split and group; those that there are."""
        return [name for name in (self.image, *self.labels.values(), self.split, self.group) if name is not None]


def cell(text: str | None) -> str | None:
    """What a cell says: composed, without blanks around it; None if it says nothing."""
    if text is None:
        return None
    value = composed(text)
    return None if value.casefold() in _NOTHING else value


def find_column(table: Table, name: str, what_for: str) -> str:
    """The column of a name, which may be written with other capitals.

    Raises:
        ConvertError: if there is none, with those that there are.
    """
    if name in table.columns:
        return name
    alike = [column for column in table.columns if column.casefold() == name.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    from difflib import get_close_matches

    close = get_close_matches(name, table.columns, n=1)
    question = f" Did you mean {close[0]!r}?" if close else ""
    raise ConvertError(f"{table.name} has no column {name!r} for {what_for}.{question} {columns_text(table)}")


def columns_text(table: Table) -> str:
    """A sentence that lists the columns of a table."""
    return f"Its columns are {listed([repr(column) for column in table.columns], 30)}"


def targets_of(table: Table, label_columns: Sequence[str]) -> dict[str, str | None]:
    """Target -> column, in the order given.

    Raises:
        ConvertError: if none is given, one does not exist, or two give the same target.
    """
    if not label_columns:
        raise ConvertError(
            f"{table.name} does not say by itself what is to be learnt: name the column of the class with "
            f"--label COLUMN. {columns_text(table)}"
        )
    targets: dict[str, str | None] = {}
    for given in label_columns:
        column = find_column(table, given, "the class")
        target = target_name(column)
        if target in targets:
            raise ConvertError(
                f"the columns {targets[target]!r} and {column!r} of {table.name} would both be the target {target!r}; "
                "leave one out, or rename it in the table"
            )
        targets[target] = column
    return targets


def check_has_rows(table: Table) -> None:
    """Raise ConvertError if a table has nothing but its header."""
    if next(iter(table.rows(table.columns[:1])), None) is None:
        raise ConvertError(f"{table.name} has a header but no rows; give the table with a row for each image")


def guess_image_column(table: Table, finder: ImageFinder, folder: str) -> str:
    """The column whose first values name most different images that are there.

    Raises:
        ConvertError: if no column names any.
    """
    found = {column: _num_found(table, column, finder, folder) for column in table.columns if column}
    best = max(found, key=lambda column: found[column])
    if not found[best]:
        raise ConvertError(
            f"no column of {table.name} names images of the folder: its first rows were compared with the "
            f"{counted(len(finder.paths), 'image')} there, such as {readable(finder.paths[0])}. Name the column with "
            f"--image-column, and give the folder that holds the images. Its first row has {_first_row(table)}"
        )
    return best


def _first_row(table: Table) -> str:
    """What the first row that can be read says, column by column."""
    columns = [column for column in table.columns if column]
    rows = (row.content for row in table.rows(columns) if not isinstance(row.content, BadRow))
    cells = zip(columns, next(rows, ()), strict=False)
    return listed([f"{_short(value)!r} as {column!r}" for column, value in cells if value], 30)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _num_found(table: Table, column: str, finder: ImageFinder, folder: str) -> int:
    """How many different images a column's first cells name: small numbers may well name some, again and again."""
    rows = [row.content for row in islice(table.rows([column]), _ROWS_TO_GUESS_BY)]
    values = [cell(row[0]) for row in rows if not isinstance(row, BadRow)]
    paths = {finder.find(value, folder).path for value in values if value is not None}
    return len(paths - {None})
