"""JSON lines: an object a line, its fields being the columns."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from artkit_shards.conversion.sources.tables.file import TableFile
from artkit_shards.conversion.sources.tables.rows import BadRow, Row, as_text
from artkit_shards.errors import ConvertError

_ROWS_THAT_NAME_COLUMNS: Final = 1000


class JsonLinesTable:
    """A table of JSON objects; its columns are those of the first thousand.

    Args:
        file: Where it is.

    Raises:
        ConvertError: if there is no object among them.
    """

    def __init__(self, file: TableFile) -> None:
        self.name = file.name
        self._file = file
        names: dict[str, None] = {}
        for _, content in islice(self._objects(), _ROWS_THAT_NAME_COLUMNS):
            if isinstance(content, dict):
                names.update(dict.fromkeys(content))
        if not names:
            raise ConvertError(f"{self.name} holds no JSON objects; write one a line, such as {{'file_name': 'a.jpg'}}")
        self.columns = list(names)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """See `Table.rows`."""
        for line, content in self._objects():
            yield Row(line, content if isinstance(content, BadRow) else as_text(map(content.get, columns)))

    def _objects(self) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
        for number, line in enumerate(self._file.lines(), 1):
            if line.strip():
                yield number, _json_object(line)


def _json_object(line: str) -> dict[str, Any] | BadRow:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return BadRow("unreadable row: not JSON")
    return content if isinstance(content, dict) else BadRow("unreadable row: no JSON object")
