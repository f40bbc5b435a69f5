"""Parquet, by the package pyarrow, which is imported when the first such table is opened."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from artkit_shards.conversion.sources.tables.file import TableFile
from artkit_shards.conversion.sources.tables.rows import Row, as_text, check_columns
from artkit_shards.errors import ConvertError

_BATCH: Final = 4096


class ParquetTable:
    """A Parquet file.

    Args:
        file: Where it is.

    Raises:
        ConvertError: if it is no Parquet file, has several columns of one name, or pyarrow is not installed.
    """

    def __init__(self, file: TableFile) -> None:
        self.name = file.name
        self._file = file
        with self._open() as parquet:
            self.columns = [str(name) for name in parquet.schema_arrow.names]
        check_columns(self.name, self.columns)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """See `Table.rows`."""
        number = 0
        with self._open() as parquet:
            for batch in parquet.iter_batches(batch_size=_BATCH, columns=list(columns)):
                for values in zip(*(batch.column(column).to_pylist() for column in columns), strict=True):
                    number += 1
                    yield Row(number, as_text(values))

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile
        except ImportError as error:
            raise ConvertError(
                f"reading {self.name} needs the package pyarrow; install it with: pip install 'artkit[parquet]'"
            ) from error
        with self._file.opened() as file:
            try:
                yield ParquetFile(file)
            except (ArrowException, ValueError, OverflowError) as error:
                # The last two are of values that Python has no room for: text that is no UTF-8, dates far away.
                reason = next(iter(str(error).splitlines()), type(error).__name__)
                raise ConvertError(f"{self.name} cannot be read as Parquet: {reason}; write it anew") from error
