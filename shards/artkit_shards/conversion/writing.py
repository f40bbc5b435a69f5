"""Writing one shard: a whole tar file or none, and what the index needs to know of it."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from artkit_shards.conversion.encoding import encode
from artkit_shards.conversion.layout import Sample, ShardLayout
from artkit_shards.conversion.reading import read_image
from artkit_shards.errors import ConvertError, ImageError
from artkit_shards.format.files import whole_file
from artkit_shards.format.manifest import Target
from artkit_shards.format.tar import BLOCK, Suffix, end_of_archive, sample


@dataclass(frozen=True, slots=True)
class ShardJob:
    """A shard to write, with all that a worker process must know."""

    shard: ShardLayout
    directory: Path
    temporary_folder: Path
    suffix: Suffix
    targets: tuple[Target, ...]
    max_side: int | None
    quality: int


@dataclass(frozen=True, slots=True)
class WrittenShard:
    """A shard that was written. The tuples have one entry a sample and describe its image member."""

    name: str
    num_bytes: int
    sha256: str
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    crc32s: tuple[int, ...]


def write_shard(job: ShardJob) -> WrittenShard:
    """Write a shard to its final name.

    Raises:
        ConvertError: if a source file is no longer what it was when it was inspected.
        OSError: if the shard cannot be written.
    """
    digest = hashlib.sha256()
    offsets, sizes, crc32s = [], [], []
    position = 0
    with whole_file(job.directory / job.shard.name, job.temporary_folder) as file:
        for key, item in zip(job.shard.keys, job.shard.samples, strict=True):
            image = _stored_image(item, job)
            members = sample(key, job.suffix, image, item.labels[0], _fields(item, job.targets))
            file.write(members)
            digest.update(members)
            offsets.append(position + BLOCK)
            sizes.append(len(image))
            crc32s.append(zlib.crc32(image) if item.encode else item.crc32)
            position += len(members)
        end = end_of_archive(position)
        file.write(end)
        digest.update(end)
    return WrittenShard(
        job.shard.name, position + len(end), digest.hexdigest(), tuple(offsets), tuple(sizes), tuple(crc32s)
    )


def _fields(item: Sample, targets: Sequence[Target]) -> dict[str, str | int | None]:
    """What the sample's JSON says."""
    fields: dict[str, str | int | None] = {"file": item.file, "width": item.width, "height": item.height}
    for target, label in zip(targets, item.labels, strict=True):
        fields[target.name] = None if label < 0 else target.classes[label]
    return fields


def _stored_image(item: Sample, job: ShardJob) -> bytes:
    """The bytes of an image as they go into the shard."""
    changed = f"{item.file} changed while it was converted"
    advice = "leave the folder alone until the conversion is done, and run it again"
    try:
        data = read_image(item.image)
    except ImageError as error:
        raise ConvertError(f"{changed}: {error}; {advice}") from error
    if len(data) != item.num_bytes or zlib.crc32(data) != item.crc32:
        raise ConvertError(f"{changed}; {advice}")
    if not item.encode:
        return data
    try:
        return encode(data, job.suffix, max_side=job.max_side, quality=job.quality)
    except ImageError as error:
        raise ConvertError(
            f"{item.file} could be read but not be written as {job.suffix}: {error}; "
            "take the file out and run the conversion again"
        ) from error
