"""Fetching a whole shard: goes on where an earlier attempt ended, and believes nothing but the checksum."""

import hashlib
from typing import BinaryIO, Final

from artkit_shards.errors import DatasetError
from artkit_shards.format.manifest import ShardEntry
from artkit_shards.format.remote import RemoteFolder

_PIECE_BYTES: Final = 1 << 20
_ATTEMPTS: Final = 2
"""A part that was left behind, or that a proxy served, may be damaged: it is worth to begin again once."""


def fetch_shard(folder: RemoteFolder, shard: ShardEntry, file: BinaryIO) -> None:
    """Complete the file of a shard.

    Args:
        folder: Where the data set lies.
        shard: As the manifest lists it.
        file: Open for reading and writing; holds the beginning of the shard, or nothing.

    Raises:
        DatasetError: if it does not come, or if what comes is not what the manifest says.
        OSError: if the file cannot be written.
    """
    for _ in range(_ATTEMPTS):
        digest = _complete(folder, shard, file)
        if digest == shard.sha256:
            return
        file.seek(0)
        file.truncate()
    raise DatasetError(
        f"{folder.address.shown(shard.name)} holds other bytes than the manifest says: of bytes 0 to {shard.bytes}, "
        f"sha256 is {digest}, not {shard.sha256}; it was changed or damaged there: upload the whole data set again"
    )


def _complete(folder: RemoteFolder, shard: ShardEntry, file: BinaryIO) -> str:
    """Fetch what is missing; sha256 of the whole, in hex."""
    digest = hashlib.sha256()
    file.seek(0)
    start = 0
    while piece := file.read(min(_PIECE_BYTES, shard.bytes - start)):
        digest.update(piece)
        start += len(piece)
    file.truncate(start)
    for piece in folder.stream(shard.name, start=start, end=shard.bytes):
        file.write(piece)
        digest.update(piece)
    return digest.hexdigest()
