"""What the index says of a sample: where its image lies, how large it is, and what its members say of its class."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from artkit_shards.conversion.inspection import Pixels, inspect
from artkit_shards.errors import DatasetError, ImageError
from artkit_shards.format.files import MAX_IMAGE_BYTES
from artkit_shards.format.samples import TarSample, is_image
from artkit_shards.format.tar_reader import Member, ReadAt
from artkit_shards.images import IMAGE_ENDINGS
from artkit_shards.indexing.labels import Label, LabelError, LabelRule, read_labels
from artkit_shards.wording import listed


class Row(NamedTuple):
    """A sample that can be used."""

    key: str
    member: str
    """Name of the image member."""
    suffix: str
    offset: int
    size: int
    width: int
    height: int
    crc32: int
    labels: tuple[Label, ...]
    pixels: Pixels
    """Means and mean squares; without a thumbnail."""


class Reject(NamedTuple):
    """A sample that cannot be used, and a short reason."""

    file: str
    reason: str


def measure(
    sample: TarSample, *, shard: str, image: str | None, rules: tuple[LabelRule, ...], read_at: ReadAt
) -> Row | Reject:
    """Decode the image of a sample, measure it, and read its labels.

    Args:
        sample: Its members.
        shard: File name of the tar.
        image: Suffix of the image, for samples that have several.
        rules: How the members say the class, one rule a target.
        read_at: Reads the tar.

    Raises:
        DatasetError: if a sample has several images and none is chosen.
    """

    def read(member: Member) -> bytes:
        return read_at(member.offset, member.size)

    suffix = image_suffix(sample, shard, image)
    if suffix is None:
        return Reject(f"{shard}/{sample.key}", "no image" if image is None else f"no image: {image}")
    member = sample.parts[suffix]
    try:
        if member.size > MAX_IMAGE_BYTES:
            raise ImageError(f"file too large: {member.size >> 20} MiB")
        found = inspect(read(member))
        labels = read_labels(sample, rules, read)
    except (ImageError, LabelError) as error:
        return Reject(f"{shard}/{member.name}", str(error))
    assert found.pixels is not None  # only reading headers alone leaves them out
    return Row(
        key=sample.key,
        member=member.name,
        suffix=suffix,
        offset=member.offset,
        size=member.size,
        width=found.width,
        height=found.height,
        crc32=found.crc32,
        labels=labels,
        pixels=Pixels(found.pixels.mean, found.pixels.mean_square, b""),
    )


def image_suffix(sample: TarSample, shard: str, wanted: str | None) -> str | None:
    """Which member of a sample is its image: the wanted one, else the one named plainly as an image; None if none is.

    Raises:
        DatasetError: if there are several.
    """
    if wanted is not None:
        return wanted if wanted in sample.parts else None
    images = [suffix for suffix in sample.parts if is_image(suffix)]
    plain = [suffix for suffix in images if f".{suffix}" in IMAGE_ENDINGS]
    candidates = plain or images
    if len(candidates) > 1:
        raise DatasetError(
            f"sample {sample.key} of {shard} has several images ({listed(candidates, 5)}); choose one with "
            f"--image {candidates[0]}"
        )
    return candidates[0] if candidates else None


def count_reasons(rejects: Sequence[Reject]) -> dict[str, int]:
    """How many by reason, without details; the commonest first."""
    counts = Counter(reject.reason.partition(":")[0] for reject in rejects)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
