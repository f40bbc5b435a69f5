"""The shards of a split that lie elsewhere: fetched whole when first needed, or before, and read from the cache."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.format.ahead import Ahead
from artkit_shards.format.download import fetch_shard
from artkit_shards.format.file_cache import FileCache
from artkit_shards.format.manifest import ShardEntry, SplitEntry
from artkit_shards.format.pinned import PinnedImages
from artkit_shards.format.reading import MAX_OPEN_FILES, Check, OpenFile, OpenFiles, PinnedImage, Place
from artkit_shards.format.remote import RemoteFolder
from artkit_shards.format.transfer import NoPartsError

MOST_AHEAD: Final = 16
"""Shards fetched before they are needed, if the cache has room for as many."""
_SHARD_THREADS: Final = 4
_IMAGES_AHEAD: Final = 256
_IMAGE_THREADS: Final = 8


class RemoteFiles:
    """Implements `ShardFiles`.

    Open files cannot be removed from the cache, so few are kept open: a quarter of the budget at most.

    Args:
        folder: Where the data set lies.
        cache: Where shards are kept.
        fingerprint: Of the data set.
        entry: The split.
        check: See `Check`.
        index: Open as long as this is, so that the index stays in the cache.
    """

    def __init__(
        self, folder: RemoteFolder, cache: FileCache, fingerprint: str, entry: SplitEntry, check: Check, index: OpenFile
    ) -> None:
        self._folder = folder
        self.room_bytes: int | None = cache.budget
        self._cache = cache
        self._fingerprint = fingerprint
        self._shards = entry.shards
        self._index = index
        self._sends_parts = True
        fitting = cache.budget // max(1, 4 * max(shard.bytes for shard in entry.shards))
        self._most_ahead = min(MOST_AHEAD, max(1, fitting))
        self._files = OpenFiles(self._open, check, min(MAX_OPEN_FILES, max(1, fitting)))
        self._pinned = PinnedImages(self._read_alone, lambda place: folder.address.shown(self._shards[place[0]].name))
        self._shards_ahead: Ahead[int] = Ahead([], self._ensure, most=0, threads=1)
        self._images_ahead: Ahead[Place] = Ahead([], self._pinned.read, most=0, threads=1)

    def read(self, number: int, offset: int, size: int) -> bytes:
        """See `ShardFiles.read`."""
        place = (number, offset)
        self._images_ahead.reached(place)
        pinned = self._pinned.read(place)
        if pinned is not None:
            return pinned
        self._shards_ahead.reached(number)
        return self._files.read(number, offset, size)

    def want(self, numbers: NDArray[np.int64], pinned: Mapping[Place, PinnedImage]) -> None:
        """See `ShardFiles.want`."""
        self._shards_ahead.stop()
        self._images_ahead.stop()
        self._pinned.want(pinned)
        order = _by_first_use(numbers, len(self._shards))
        self._shards_ahead = Ahead(order, self._ensure, most=self._most_ahead, threads=_SHARD_THREADS)
        self._images_ahead = Ahead(list(pinned), self._pinned.read, most=_IMAGES_AHEAD, threads=_IMAGE_THREADS)
        self._shards_ahead.start()
        self._images_ahead.start()

    def _path(self, shard: ShardEntry) -> Path:
        return self._cache.shard_path(self._fingerprint, shard.name)

    def _open(self, number: int) -> OpenFile:
        shard = self._shards[number]
        return self._cache.open(self._path(shard), shard.bytes, lambda file: fetch_shard(self._folder, shard, file))

    def _ensure(self, number: int) -> None:
        shard = self._shards[number]
        self._cache.ensure(self._path(shard), shard.bytes, lambda file: fetch_shard(self._folder, shard, file))

    def _read_alone(self, place: Place, size: int) -> bytes:
        number, offset = place
        shard = self._shards[number]
        if self._sends_parts and not self._path(shard).exists():
            try:
                return self._folder.read_at(shard.name, offset, size)
            except NoPartsError:
                self._sends_parts = False
        return self._files.read(number, offset, size)


def _by_first_use(numbers: NDArray[np.int64], num_shards: int) -> list[int]:
    """Shards that are used, in the order of their first use."""
    first = np.full(num_shards, -1, dtype=np.int64)
    # Of several values for one place, the last stays: backwards, that is the first use.
    first[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1)
    used = np.flatnonzero(first >= 0)
    return [int(number) for number in used[np.argsort(first[used])]]
