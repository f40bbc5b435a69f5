"""Writing one shard: a whole tar file or none, and what the index needs to know of it."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit_shards.conversion.augmenting import ImageAugmenter, changed
from artkit_shards.conversion.encoding import decode_fitted, write_image
from artkit_shards.conversion.inspection import HEAD_BYTES
from artkit_shards.conversion.layout import Sample, ShardLayout
from artkit_shards.conversion.reading import read_ahead, read_image, threads_to_read
from artkit_shards.conversion.shard_file import open_shard_file
from artkit_shards.conversion.stores.store import Store
from artkit_shards.errors import ConvertError, ImageError
from artkit_shards.format.files import read_image_into
from artkit_shards.format.manifest import Target
from artkit_shards.format.tar import BLOCK, Suffix, around_image


class SourceChangedError(ConvertError):
    """A source file is no longer what it was when it was inspected."""


@dataclass(frozen=True, slots=True, eq=False)
class WrittenShard:
    """A shard that was written. The arrays have one entry a sample and describe its image member."""

    name: str
    num_bytes: int
    sha256: str
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint32]
    crc32s: NDArray[np.uint32]
    mark: str | None = None
    """See `Store.mark`."""


@dataclass(frozen=True, slots=True, eq=False)
class ShardJob:
    """A shard to write, with all that a worker process must know."""

    shard: ShardLayout
    store: Store
    suffix: Suffix
    targets: tuple[Target, ...]
    max_side: int | None
    quality: int
    augmenter: ImageAugmenter | None = None
    """What changes copies of images; its description decides what is written."""
    finished: WrittenShard | None = None
    """What an earlier conversion says that it has written: exactly what this job would write."""
    settle: bool = False
    """Whether the shard must be on the disk when the job is done, because nobody else can see to that."""


@dataclass(frozen=True, slots=True, eq=False)
class DoneShard:
    """A shard that is there."""

    shard: WrittenShard
    was_there: bool
    """Whether an earlier conversion had written it."""


def finish_shard(job: ShardJob) -> DoneShard:
    """Write a shard, unless an earlier conversion has and its bytes are still those that it wrote; errors as there."""
    there = job.finished
    if there is not None and job.store.has(there.name, there.num_bytes, there.sha256, there.mark):
        return DoneShard(there, was_there=True)
    return DoneShard(write_shard(job), was_there=False)


def write_shard(job: ShardJob) -> WrittenShard:
    """Write a shard to its final name.

    Raises:
        SourceChangedError: if a source file is no longer what it was when it was inspected.
        ConvertError: if an image cannot be written in the format of the data set.
        OSError: if the shard cannot be written.
    """
    offsets, sizes = [], []
    samples = job.shard.samples
    with job.store.new_file(job.shard.name) as file, open_shard_file(file) as tar:
        threads = threads_to_read(item.image for item in samples)
        images = read_ahead(partial(_stored_image, job=job), samples, threads)
        for key, item, image_of in zip(job.shard.keys, samples, images, strict=True):
            size, fill = image_of()
            offsets.append(tar.num_bytes + BLOCK)
            sizes.append(size)
            before, after = around_image(key, job.suffix, size, item.labels[0], _fields(item, job.targets))
            tar.add(before, size, fill, after, head_bytes=HEAD_BYTES)
        sha256 = tar.finish()
        _check_unchanged(samples, tar.crc32s, tar.head_crc32s)
    if job.settle:
        job.store.settle(job.shard.name)
    written = WrittenShard(
        name=job.shard.name,
        num_bytes=tar.num_bytes,
        sha256=sha256,
        offsets=np.array(offsets, dtype=np.uint64),
        sizes=np.array(sizes, dtype=np.uint32),
        crc32s=np.array(tar.crc32s, dtype=np.uint32),
    )
    return replace(written, mark=job.store.mark(job.shard.name))


def _fields(item: Sample, targets: Sequence[Target]) -> dict[str, str | int | None]:
    """What the sample's JSON says."""
    fields: dict[str, str | int | None] = {"file": item.file, "width": item.width, "height": item.height}
    for target, label in zip(targets, item.labels, strict=True):
        fields[target.name] = None if label < 0 else target.classes[label]
    if item.held_out is not None:
        fields[targets[0].name] = item.held_out
    if item.copy:
        fields |= {"copy": item.copy, "parent": item.parent}
    return fields


def _stored_image(item: Sample, job: ShardJob) -> tuple[int, Callable[[memoryview], None]]:
    """Size of an image as it goes into the shard, and what puts it into a buffer."""
    if isinstance(item.image, Path) and not item.encode:
        return item.num_bytes, partial(_read_into, item, item.image)
    data = _read(item)
    if item.encode:
        data = _encoded(data, item, job)
    return len(data), partial(_copy_into, data)


def _read_into(item: Sample, path: Path, buffer: memoryview) -> None:
    try:
        read_image_into(path, buffer)
    except ImageError as error:
        raise _changed(item, error) from error


def _copy_into(data: bytes, buffer: memoryview) -> None:
    buffer[:] = data


def _read(item: Sample) -> bytes:
    try:
        data = read_image(item.image)
    except ImageError as error:
        raise _changed(item, error) from error
    if len(data) != item.num_bytes:
        raise _changed(item)
    return data


def _encoded(data: bytes, item: Sample, job: ShardJob) -> bytes:
    if zlib.crc32(data[:HEAD_BYTES] if item.header_only else data) != item.crc32:
        raise _changed(item)
    try:
        image = decode_fitted(data, job.max_side)
        if item.copy and job.augmenter is not None:
            image = Image.fromarray(changed(np.asarray(image), item.copy_seed, job.augmenter))
        return write_image(image, job.suffix, job.quality)
    except ImageError as error:
        raise ConvertError(
            f"{item.file} could be read but not be written as {job.suffix}: {error}; "
            "take the file out and run the conversion again"
        ) from error


def _check_unchanged(samples: Sequence[Sample], crc32s: Sequence[int], head_crc32s: Sequence[int]) -> None:
    """Compare the images that were kept as they are, once their checksums are known."""
    for item, crc32, head_crc32 in zip(samples, crc32s, head_crc32s, strict=True):
        if not item.encode and item.crc32 != (head_crc32 if item.header_only else crc32):
            raise _changed(item)


def _changed(item: Sample, error: ImageError | None = None) -> SourceChangedError:
    why = "" if error is None else f": {error}"
    return SourceChangedError(
        f"{item.file} changed while it was converted{why}; "
        "leave the folder alone until the conversion is done, and run it again"
    )
