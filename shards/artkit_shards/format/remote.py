"""Reading the files of a folder that has an address, with bounded patience.

What comes is taken piece by piece and never trusted. A transfer that breaks goes on at the byte where it broke.
Messages name file and byte and show no secret.
"""

import os
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Final, TypeVar

from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import Address
from artkit_shards.format.patience import DEFAULT_PATIENCE, Patience
from artkit_shards.format.stores import Store, open_store
from artkit_shards.format.transfer import TransferError
from artkit_shards.wording import counted

_MOST_SKIPPED: Final = 1 << 22
"""Bytes that come in vain at most for a part of a file: all images of a tar would else bring it again and again."""
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
        self._opened_store = open_store(address, patience)
        self._process = os.getpid()

    @property
    def _store(self) -> Store:
        if self._process != os.getpid():
            # Neither connections nor the thread that serves them live on in a process that was forked.
            self._opened_store = open_store(self.address, self._patience)
            self._process = os.getpid()
        return self._opened_store

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
            NoPartsError: if the server sends whole files only, and the part begins far from the beginning.
            DatasetError: if the file ends before, or cannot be fetched.
        """
        return b"".join(self.stream(name, start=offset, end=offset + size, most_skipped=_MOST_SKIPPED))

    def stream(
        self,
        name: str,
        *,
        start: int = 0,
        end: int | None = None,
        most: int | None = None,
        most_skipped: int | None = None,
    ) -> Generator[bytes]:
        """Yield the bytes of a file from `start` on, in order, each once, in pieces of any size.

        Args:
            name: Name of the file, or its path from the folder.
            start: First byte wanted.
            end: Byte before which to stop; by default the end of the file.
            most: Most bytes accepted when the end is not known.
            most_skipped: Most bytes that may come before `start`, in vain, from a server that sends whole files only.

        Raises:
            MissingFileError: if there is no such file.
            DatasetError: if they do not come in spite of all patience; it names file and byte.
        """
        position = mark = start
        failures = 0
        while end is None or position < end:
            try:
                for piece in self._pieces(name, position, end, most_skipped):
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
                    raise self._error(name, error, position, end) from None
                self._patience.wait(failures)

    def _pieces(self, name: str, start: int, end: int | None, most_skipped: int | None) -> Generator[bytes]:
        """What one request brings, and never more than was asked for."""
        with closing(self._store.pieces(self.address.file(name), start, end, most_skipped)) as pieces:
            for piece in pieces:
                yield piece if end is None else piece[: end - start]
                start += len(piece)
                if end is not None and start >= end:
                    return

    def _insist(self, name: str, ask: Callable[[], Result]) -> Result:
        try:
            return self._patience.insist(ask, lambda error: not isinstance(error, TransferError) or error.lasting)
        except TransferError as error:
            raise self._error(name, error, None, None) from None

    def _check_size(self, name: str, size: int, most: int | None) -> None:
        if most is not None and size > most:
            raise DatasetError(
                f"{self.address.shown(name)} has more than {most} bytes, which is more than a file of this kind has; "
                "check that the address is that of a data set"
            )

    def _error(self, name: str, error: TransferError, position: int | None, end: int | None) -> DatasetError:
        where = "" if position is None else f" from byte {position}{'' if end is None else f' of {end}'} on"
        tries = "" if error.lasting else f" after {counted(self._patience.attempts, 'attempt')} in a row"
        return error.error(
            f"{self.address.shown(name)} cannot be fetched{where}{tries}: {self.address.scrub(str(error))}; "
            f"{error.advice}"
        )
