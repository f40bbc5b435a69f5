"""Opening a table: its ending tells which kind it is."""

from pathlib import Path, PurePosixPath
from typing import Final

from artkit_shards.conversion.sources.listing import Tree
from artkit_shards.conversion.sources.tables.delimited import DelimitedTable
from artkit_shards.conversion.sources.tables.file import TableFile
from artkit_shards.conversion.sources.tables.jsonlines import JsonLinesTable
from artkit_shards.conversion.sources.tables.parquet import ParquetTable
from artkit_shards.conversion.sources.tables.rows import Table
from artkit_shards.errors import ConvertError

_DELIMITERS: Final = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_JSON_LINES: Final = (".jsonl", ".ndjson")
_PARQUET: Final = (".parquet", ".pq")
_ENDINGS: Final = (*_DELIMITERS, *_JSON_LINES, *_PARQUET)
_SPREADSHEETS: Final = (".xlsx", ".xls", ".ods")


def tables_in(tree: Tree) -> list[str]:
    """Paths of the tables right in a folder."""
    return [entry.path for entry in tree.entries() if entry.kind == "file" and entry.name.lower().endswith(_ENDINGS)]


def open_table(path: Path | str, *, encoding: str = "utf-8") -> Table:
    """Open a table and read its header.

    Args:
        path: A file whose name ends with .csv, .tsv, .jsonl or .parquet; or its URL.
        encoding: Of text.

    Raises:
        ConvertError: if it cannot be read, is no table, or has no header.
    """
    file = TableFile(path, encoding=encoding)
    ending = PurePosixPath(file.name).suffix.lower()
    if ending in _DELIMITERS:
        return DelimitedTable(file, _DELIMITERS[ending])
    if ending in _JSON_LINES:
        return JsonLinesTable(file)
    if ending in _PARQUET:
        return ParquetTable(file)
    if ending in _SPREADSHEETS:
        advice = "save the sheet as CSV"
    elif ending == ".json":
        advice = "write one JSON object a line, and name the file .jsonl"
    else:
        advice = "give a table whose name ends with .csv, .tsv, .jsonl or .parquet"
    raise ConvertError(f"{file.name} cannot be read as a table; {advice}")
