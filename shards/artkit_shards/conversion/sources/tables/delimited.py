"""CSV and TSV: fields between commas, tabs or the like, with quotation marks around those that hold any of these.

Reading is strict: a quotation mark that is never closed would swallow the rest of the file without a word.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import Final

from artkit_shards.conversion.sources.tables.file import TableFile
from artkit_shards.conversion.sources.tables.rows import BadRow, Row, check_columns
from artkit_shards.errors import ConvertError

_OTHERS: Final = (";", "\t", "|", ",")


class DelimitedTable:
    """A table of text.

    Args:
        file: Where it is.
        delimiter: What stands between fields. If the header has but one field so, and several with another of the
            usual ones, it is that one.

    Raises:
        ConvertError: if it has no header, or several columns of one name.
    """

    def __init__(self, file: TableFile, delimiter: str) -> None:
        self.name = file.name
        self._file = file
        self._delimiter = self._choose(delimiter)
        _, header = next(self._rows(), (0, []))
        self.columns = [name.strip() for name in header]
        check_columns(self.name, self.columns)
        if not any(self.columns):
            raise ConvertError(f"{self.name} is empty; its first line must name the columns")

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """See `Table.rows`."""
        picked = [self.columns.index(column) for column in columns]
        width = len(self.columns)
        rows = self._rows()
        next(rows)
        for line, fields in rows:
            if len(fields) == width:
                yield Row(line, tuple([fields[number] for number in picked]))
            else:
                yield Row(line, BadRow(f"ragged row: {len(fields)} fields instead of {width}"))

    def _choose(self, delimiter: str) -> str:
        """The delimiter given, or another that cuts the first line to more than one field where that one does not."""
        first = next((line for line in self._file.lines() if line.strip()), "")
        widths = {one: len(next(csv.reader([first], delimiter=one), [])) for one in (delimiter, *_OTHERS)}
        return delimiter if widths[delimiter] > 1 else max(widths, key=lambda one: widths[one])

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line and fields of the rows that are not empty."""
        reader = csv.reader(self._file.lines(), delimiter=self._delimiter, strict=True)
        try:
            for fields in reader:
                if any(fields):
                    yield reader.line_num, fields
        except csv.Error as error:
            raise ConvertError(
                f"{self.name} cannot be read at line {reader.line_num}: {error}; the usual reasons are a quotation "
                "mark that is never closed and a wrong separator"
            ) from error
