"""The file that a table is in, here or behind a URL: its bytes, its lines, and what is wrong with them."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path, PurePosixPath
from typing import IO, Final

from artkit_shards.conversion.sources.listing import read_address
from artkit_shards.conversion.stores.url_files import file_system, insist
from artkit_shards.errors import ConvertError
from artkit_shards.format.addresses import Address, is_address

_LONGEST_LINE: Final = 1 << 24
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_ZIP: Final = b"PK"
"""Archives, and the sheets of spreadsheets, which are archives."""


class TableFile:
    """A file with a table.

    Args:
        path: The file, or its URL.
        encoding: Of its text.

    Attributes:
        name: The file's name, for messages.
    """

    def __init__(self, path: Path | str, *, encoding: str = "utf-8") -> None:
        self.path = path
        self._address = read_address(path) if isinstance(path, str) and is_address(path) else None
        self.name = PurePosixPath(str(path) if self._address is None else str(self._address)).name
        try:
            "".encode(encoding)  # knows encodings of text only
            is_utf_8 = codecs.lookup(encoding).name == "utf-8"
        except (LookupError, ValueError) as error:
            raise ConvertError(f"the encoding {encoding!r} is unknown; use one such as utf-8 or latin-1") from error
        self._encoding = "utf-8-sig" if is_utf_8 else encoding

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The file, open.

        Raises:
            ConvertError: if it cannot be opened or read.
        """
        if self._address is not None:
            with self._opened_far(self._address) as file:
                yield file
            return
        try:
            with open(self.path, "rb") as file:
                yield file
        except OSError as error:
            reason = error.strerror or error
            raise ConvertError(f"{self.path} cannot be read: {reason}; check path and rights") from error

    def lines(self) -> Iterator[str]:
        """Its lines, with their ends; none is longer than 16 million characters.

        Raises:
            ConvertError: if the text has another encoding, with the line.
        """
        with self.opened() as file:
            self._check_start(file.read(2))
            file.seek(0)
            text = TextIOWrapper(file, encoding=self._encoding, newline="")
            try:
                while line := text.readline(_LONGEST_LINE):
                    if len(line) == _LONGEST_LINE:
                        raise ConvertError(f"{self.name} has a line of more than {_LONGEST_LINE >> 20} million letters")
                    yield line
            except UnicodeDecodeError as error:
                raise self._encoding_error(error) from error
            except UnicodeError as error:
                raise ConvertError(
                    f"{self.name} is not written in {self._encoding.upper()}: {error}; name its encoding, for example "
                    "--set source.encoding=latin-1"
                ) from error

    @contextmanager
    def _opened_far(self, address: Address) -> Iterator[IO[bytes]]:
        try:
            system, path = file_system(address)
            with insist(lambda: system.open(path, "rb"), address) as file:
                yield file
        except OSError as error:
            reason = "not found" if isinstance(error, FileNotFoundError) else address.scrub(str(error))
            raise ConvertError(f"{address} cannot be read: {reason}; check the address and the rights") from error

    def _check_start(self, start: bytes) -> None:
        if start in _UTF_16:
            raise ConvertError(f"{self.name} is written in UTF-16; save it as UTF-8")
        if start == _ZIP:
            raise ConvertError(f"{self.name} is an archive or a spreadsheet; save the sheet as CSV")

    def _encoding_error(self, error: UnicodeDecodeError) -> ConvertError:
        byte = error.object[error.start]
        with self.opened() as file:
            # The reader decodes ahead, so its own count of lines would be too low.
            number = next((number for number, line in enumerate(file, 1) if not _decodes(line, error.encoding)), 0)
        return ConvertError(
            f"{self.name} is not written in {error.encoding.upper()}: line {number} has the byte 0x{byte:02x}; save it "
            "as UTF-8, or name its encoding, for example --set source.encoding=latin-1"
        )


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
