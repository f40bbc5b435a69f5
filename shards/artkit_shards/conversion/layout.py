"""The layout of a data set: which sample gets which key and stands in which shard.

Samples of a split are shuffled by a seeded hash of their names, numbered, and cut into shards of equal counts (within
one). A shard's content is a pure function of the list of images and the seed, so shards can be written in any order, by
any number of processes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from artkit_shards.conversion.records import ImageSource
from artkit_shards.conversion.split import seeded_order
from artkit_shards.format.tar import sample_key

_MANY_SHARDS: Final = 128
_SAMPLES_OF_A_SMALL_SHARD: Final = 100
_TAR_OVERHEAD: Final = 5 * 512
"""Bytes that headers, class and JSON add to an image."""

_FIRST_SPLITS: Final = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Sample:
    """An image that was inspected and chosen, and how it will be stored."""

    image: ImageSource
    file: str
    labels: tuple[int, ...]
    """Number of its class in each target, -1 where it is not known or held out."""
    num_bytes: int
    """Of the source file; so is `crc32`."""
    crc32: int
    width: int
    """Stored, in pixels; so is `height`."""
    height: int
    stored_bytes: int
    """Exact if the bytes are kept, an estimate if the image is written anew."""
    encode: bool
    """Whether the image is written anew."""
    header_only: bool = False
    """Whether `crc32` is of the first bytes of the file only, because no more was read."""
    held_out: str | None = None
    """Name of its class in the main target, if that is held out."""
    copy: int = 0
    """Number of this changed copy of the image, from 1; 0 for the image itself."""
    copy_seed: int = 0
    """Of the random numbers by which the copy is changed."""
    parent: str | None = None
    """Key of the image of which this is a copy."""


@dataclass(frozen=True, slots=True)
class ShardLayout:
    """What goes into one shard, in order."""

    name: str
    keys: tuple[str, ...]
    samples: tuple[Sample, ...]


def split_order(names: Iterable[str]) -> list[str]:
    """Names of splits in the order in which they are numbered and listed: train, val, test, then the others."""
    present = set(names)
    known = [name for name in _FIRST_SPLITS if name in present]
    return known + sorted(present.difference(known))


def num_shards(num_samples: int, num_bytes: int, shard_bytes: int) -> int:
    """Number of shards of a split.

    As many as their size asks for; and enough for many readers to share, up to 128, as long as none gets fewer than a
    hundred samples; and at least one, and never more than samples.
    """
    wanted = max(-(-num_bytes // shard_bytes), min(_MANY_SHARDS, num_samples // _SAMPLES_OF_A_SMALL_SHARD), 1)
    return min(wanted, num_samples)


def lay_out(
    split: str, samples: Sequence[Sample], *, first_number: int, seed: int, shard_bytes: int
) -> list[ShardLayout]:
    """Lay out one split.

    Args:
        split: Its name, with which the names of its shards begin.
        samples: At least one; their order has no influence. Copies come with the images they are of.
        first_number: Number of the first key; keys are unique in the whole data set.
        seed: Of the shuffle.
        shard_bytes: Wanted size of a shard.
    """
    shuffled = sorted(samples, key=lambda sample: seeded_order(seed, "order", _name(sample)))
    num_bytes = sum(sample.stored_bytes + _TAR_OVERHEAD for sample in shuffled)
    count = num_shards(len(shuffled), num_bytes, shard_bytes)
    bounds = [index * len(shuffled) // count for index in range(count + 1)]
    keys = [sample_key(first_number + row) for row in range(len(shuffled))]
    key_of = {sample.file: key for sample, key in zip(shuffled, keys, strict=True) if not sample.copy}
    placed = [replace(sample, parent=key_of[sample.file]) if sample.copy else sample for sample in shuffled]
    return [
        ShardLayout(f"{split}-{index:06d}.tar", tuple(keys[start:stop]), tuple(placed[start:stop]))
        for index, (start, stop) in enumerate(pairwise(bounds))
    ]


def _name(sample: Sample) -> str:
    return f"{sample.file}\0{sample.copy}" if sample.copy else sample.file
