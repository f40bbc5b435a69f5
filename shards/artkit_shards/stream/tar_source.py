"""Tars that are read once from the beginning to the end, wherever they lie: their members, with what is in them.

Opening and reading are ours, not webdataset's: its way to an address leads through a shell. Only plain files and the
addresses of `artkit_shards.format.addresses` are opened, members are checked as `artkit_shards.format.tar_reader` does,
and none is read that is larger than it may be.
"""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import is_address, local_path, parse_address
from artkit_shards.format.patience import Patience
from artkit_shards.format.remote import RemoteFolder
from artkit_shards.format.samples import split_name
from artkit_shards.format.tar_reader import ReadAt, walk_tar


class TarMember(NamedTuple):
    """A file of a tar."""

    tar: str
    """Name of the tar, as it may be shown."""
    name: str
    data: bytes | None
    """What is in it; None if it was not wanted or is too large."""


def read_members(
    tar: Path | str, most_bytes: Callable[[str], int], patience: Patience
) -> Generator[TarMember, None, None]:
    """Yield the files of a tar that belong to samples, in order.

    Args:
        tar: Path or address.
        most_bytes: For a suffix in small letters, the largest size that is read; -1 if it is not wanted at all.
        patience: How long to insist on a file that has an address.

    Raises:
        DatasetError: if it cannot be opened or fetched; a `TarError` if it is damaged or not safe, with the byte.
    """
    with _opened(tar, patience) as (shown, num_bytes, read_at):
        for member in walk_tar(read_at, num_bytes, shown):
            names = split_name(member.name) if member.is_file else None
            if names is None:
                continue
            wanted = member.size <= most_bytes(names[1])
            yield TarMember(shown, member.name, read_at(member.offset, member.size) if wanted else None)


@contextmanager
def _opened(tar: Path | str, patience: Patience) -> Iterator[tuple[str, int, ReadAt]]:
    """Name, size and reader of a tar."""
    path = Path(tar)
    if isinstance(tar, str) and is_address(tar):
        address = parse_address(tar)
        there = local_path(address)
        if there is None:
            folder, name = address.split()
            remote = RemoteFolder(folder, patience)
            num_bytes = remote.size(name)
            with closing(remote.stream(name, end=num_bytes)) as pieces:
                yield folder.shown(name), num_bytes, ForwardReader(pieces).read_at
            return
        path = there
    if not path.is_file():
        raise DatasetError(f"there is no tar file {path}; give paths or addresses of tar files")
    with path.open("rb", buffering=0) as file:
        descriptor = file.fileno()
        yield str(path), os.fstat(descriptor).st_size, lambda offset, size: os.pread(descriptor, size, offset)


class ForwardReader:
    """Reads at rising offsets of what comes as a stream.

    Args:
        pieces: The stream, in pieces of any size.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._window = bytearray()
        self._start = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`, which is never below that of an earlier call; fewer only at the end."""
        self._drop(offset)
        while len(self._window) < size + offset - self._start:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._window += piece
            self._drop(offset)
        return bytes(self._window[offset - self._start : offset - self._start + size])

    def _drop(self, offset: int) -> None:
        """Forget what lies before an offset."""
        surplus = min(offset - self._start, len(self._window))
        del self._window[:surplus]
        self._start += surplus
