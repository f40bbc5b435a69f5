"""A shard while it is written: in large blocks, each hashed in another thread while the next one is filled.

Images are read straight into the block that will be written: no memory is asked for, and none is copied.
"""

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO, Final

from artkit_shards.format.tar import end_of_archive

_BLOCK_BYTES: Final = 1 << 20
_NUM_BLOCKS: Final = 3
"""One is filled, one is hashed, and one is spare for when either takes longer."""


class ShardFile:
    """A tar that grows by samples; see `open_shard_file`."""

    def __init__(self, file: BinaryIO, hasher: ThreadPoolExecutor) -> None:
        self._descriptor = file.fileno()
        self._hasher = hasher
        self._digest = hashlib.sha256()
        self._block = memoryview(bytearray(_BLOCK_BYTES))
        self._used = 0
        self._hashing: deque[tuple[Future[None], memoryview]] = deque()
        self.num_bytes = 0
        """Size of the tar so far."""
        self.crc32s: list[int] = []
        """Of each image."""
        self.head_crc32s: list[int] = []
        """Of the first bytes of each image; see `add`."""

    def add(
        self, before: bytes, size: int, fill: Callable[[memoryview], None], after: bytes, *, head_bytes: int
    ) -> None:
        """Append a sample: an image, and what stands around it.

        Args:
            before: What stands before the image.
            size: Of the image, in bytes.
            fill: Puts the image into a buffer of its size.
            after: What stands after the image.
            head_bytes: How many of the first bytes get a checksum of their own.
        """
        needed = len(before) + size + len(after)
        if needed > len(self._block) - self._used:
            self._write()
        if needed > len(self._block):
            self._block = memoryview(bytearray(needed))
        start = self._put(before)
        image = self._block[start : start + size]
        fill(image)
        # Here, not beside: hashing the whole takes longer than all else that is done here.
        head_crc32 = zlib.crc32(image[:head_bytes])
        self.head_crc32s.append(head_crc32)
        self.crc32s.append(zlib.crc32(image[head_bytes:], head_crc32))
        self._used += size
        self._put(after)
        self.num_bytes += needed

    def finish(self) -> str:
        """End the archive; returns its sha256 in hex."""
        self._write()
        while self._hashing:
            self._hashing.popleft()[0].result()
        end = end_of_archive(self.num_bytes)
        _write_whole(self._descriptor, memoryview(end))
        self._digest.update(end)
        self.num_bytes += len(end)
        return self._digest.hexdigest()

    def _put(self, data: bytes) -> int:
        """Append to the block; returns where the data ends."""
        end = self._used + len(data)
        self._block[self._used : end] = data
        self._used = end
        return end

    def _write(self) -> None:
        """Write the block, and go on with another one."""
        content, self._used = self._block[: self._used], 0
        self._hashing.append((self._hasher.submit(self._digest.update, content), self._block))
        _write_whole(self._descriptor, content)
        if len(self._hashing) < _NUM_BLOCKS:
            self._block = memoryview(bytearray(_BLOCK_BYTES))
            return
        hashed, self._block = self._hashing.popleft()
        hashed.result()
        if len(self._block) > _BLOCK_BYTES:
            self._block = memoryview(bytearray(_BLOCK_BYTES))


@contextmanager
def open_shard_file(file: BinaryIO) -> Iterator[ShardFile]:
    """Write a shard to a file that is open for writing, unbuffered or with nothing in its buffer."""
    with ThreadPoolExecutor(1, "sha256") as hasher:
        yield ShardFile(file, hasher)


def _write_whole(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
