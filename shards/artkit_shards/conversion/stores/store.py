"""Stores: where a data set is written to. A folder of this machine, or an address such as "s3://bucket/folder".

A store knows files by their names below the data set, with forward slashes, and nothing of what they mean; in which
order they may come and go is the business of `destination`.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

MAX_BYTES_OF_A_NOTE = 1 << 28
"""Files of ours other than shards have no more."""


class Hold(Protocol):
    """That nobody else writes to a store."""

    def check(self) -> None:
        """Raise ConvertError if someone else does, all the same."""
        ...


class Store(Protocol):
    """Files by name, each whole or not there. Can be sent to other processes and used in any thread.

    Every method raises OSError if the system, or whoever serves the files, does not do what it should.
    """

    @property
    def location(self) -> Path | str:
        """What users know it by, without secrets."""
        ...

    def shown(self, name: str) -> Path | str:
        """What users know a file by."""
        ...

    def hold(self) -> AbstractContextManager[Hold]:
        """Keep everyone else from writing here, for the block; raises ConvertError if someone is."""
        ...

    def size(self, name: str) -> int | None:
        """Bytes of a file; None if it is not there."""
        ...

    def read(self, name: str) -> bytes | None:
        """A file of at most `MAX_BYTES_OF_A_NOTE`; None if it is not there or larger."""
        ...

    def names(self, folder: str) -> Sequence[str]:
        """Names of the files right in a folder, sorted; empty if it is not there."""
        ...

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Write a file; what it replaces is there until it is whole.

        Args:
            name: Of the file; folders on the way to it are made.
            data: Its bytes.
            durable: Whether it must last through a crash of the machine from now on. Otherwise it may be cut off or
                empty afterwards.
        """
        ...

    def new_file(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Write a large file: it gets its name at the end of the block, and lasts after `settle`."""
        ...

    def new_folder(self, name: str) -> AbstractContextManager[Path]:
        """Replace a folder by what the block writes into the folder of this machine that it is given."""
        ...

    def settle(self, name: str) -> None:
        """Make what `new_file` or `new_folder` wrote to a file last through a crash of the machine."""
        ...

    def settle_names(self, folder: str) -> None:
        """Make the names of the files right in a folder last through a crash of the machine."""
        ...

    def mark(self, name: str) -> str | None:
        """What changes with every change of a file, as far as it is known without reading it; None if it is not."""
        ...

    def has(self, name: str, num_bytes: int, sha256: str, mark: str | None) -> bool:
        """Whether a file has this content. It is not read if its `mark` tells."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def remove_folder(self, name: str) -> None:
        """Remove a folder and all that is in it, if it is there."""
        ...

    def free_bytes(self) -> int | None:
        """Room that is left; None if it is not known."""
        ...
