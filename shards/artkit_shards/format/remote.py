"""Reading the files of a folder that has an address, with bounded patience.

What comes is taken piece by piece and never trusted. A transfer that breaks goes on at the byte where it broke.
Messages name file and byte and show no secret.
"""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Final, TypeVar

from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import Address
from artkit_shards.format.patience import DEFAULT_PATIENCE, Patience
from artkit_shards.format.stores import TransferError, open_store
from artkit_shards.wording import counted

_PROGRESS_PARTS: Final = 64
"""Failures in a row are counted anew when one such part of a file has come since."""

Result = TypeVar("Result")


class RemoteFolder:
    """The files right in a folder that has an address, or in folders below it. Thread-safe.

    Args:
        address: Of the folder.
        patience: How long to insist.

    Raises:
        DatasetError: if a package is missing that this kind of address needs.
    """

    def __init__(self, address: Address, patience: Patience = DEFAULT_PATIENCE) -> None:
        self.address = address
        self._patience = patience
        self._store = open_store(address, patience)

    def names(self) -> list[str]:
        """Names of the files right in the folder, sorted; of web servers, those that their page of the folder links.

        Raises:
            DatasetError: if the folder cannot be listed.
        """
        return sorted(self._insist("", lambda: self._store.names(self.address.folder)))

    def size(self, name: str) -> int:
        """Size of a file in bytes.

        Raises:
            DatasetError: if it is not there, cannot be asked, or its server does not tell.
        """
        size = self._insist(name, lambda: self._store.size(self.address.file(name)))
        if size is None:
            raise DatasetError(
                f"the server does not say how large {self.address.shown(name)} is; copy the folder to this machine"
            )
        return size

    def read(self, name: str, *, most: int) -> bytes:
        """Read a whole file.

        Args:
            name: Its name, or its path from the folder.
            most: Largest size accepted, in bytes.

        Raises:
            DatasetError: if it is larger, or cannot be fetched.
        """
        return b"".join(self.stream(name, most=most))

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """Read a part of a file, exactly as large as asked for.

        Raises:
            DatasetError: if the file ends before, or cannot be fetched.
        """
        return b"".join(self.stream(name, start=offset, end=offset + size))

    def stream(self, name: str, *, start: int = 0, end: int | None = None, most: int | None = None) -> Generator[bytes]:
        """Yield the bytes of a file from `start` on, in order, each once, in pieces of any size.

        Args:
            name: Name of the file, or its path from the folder.
            start: First byte wanted.
            end: Byte before which to stop; by default the end of the file.
            most: Most bytes accepted when the end is not known.

        Raises:
            MissingFileError: if there is no such file.
            DatasetError: if they do not come in spite of all patience; it names file and byte.
        """
        position = mark = start
        failures = 0
        while end is None or position < end:
            try:
                for piece in self._pieces(name, position, end):
                    position += len(piece)
                    self._check_size(name, position - start, most)
                    yield piece
                if end is None:
                    return
                if position < end:
                    raise TransferError("the connection ended early")
            except TransferError as error:
                if position - mark >= max(1, ((end or position) - start) // _PROGRESS_PARTS):
                    failures, mark = 0, position
                failures += 1
                if error.lasting or failures >= self._patience.attempts:
                    raise self._error(name, error, failures, position, end) from None
                time.sleep(self._patience.wait_s(failures))

    def _pieces(self, name: str, start: int, end: int | None) -> Generator[bytes]:
        """What one request brings, and never more than was asked for."""
        with closing(self._store.pieces(self.address.file(name), start, end)) as pieces:
            for piece in pieces:
                yield piece if end is None else piece[: end - start]
                start += len(piece)
                if end is not None and start >= end:
                    return

    def _insist(self, name: str, ask: Callable[[], Result]) -> Result:
        failures = 0
        while True:
            try:
                return ask()
            except TransferError as error:
                failures += 1
                if error.lasting or failures >= self._patience.attempts:
                    raise self._error(name, error, failures, None, None) from None
                time.sleep(self._patience.wait_s(failures))

    def _check_size(self, name: str, size: int, most: int | None) -> None:
        if most is not None and size > most:
            raise DatasetError(
                f"{self.address.shown(name)} has more than {most} bytes, which is more than a file of this kind has; "
                "check that the address is that of a data set"
            )

    def _error(
        self, name: str, error: TransferError, failures: int, position: int | None, end: int | None
    ) -> DatasetError:
        where = "" if position is None else f" from byte {position}{'' if end is None else f' of {end}'} on"
        tries = "" if error.lasting else f" after {counted(failures, 'attempt')} in a row"
        return error.error(
            f"{self.address.shown(name)} cannot be fetched{where}{tries}: {self.address.scrub(str(error))}; "
            f"{error.advice}"
        )
