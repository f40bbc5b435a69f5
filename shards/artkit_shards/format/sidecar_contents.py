"""What stands in sidecars, as bytes: each function follows the rules of the reader it is named for."""

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from artkit_shards.errors import DatasetError
from artkit_shards.format.manifest import Manifest
from artkit_shards.format.samples import TarSample, is_image
from artkit_shards.format.tar_reader import Member

ENERGON_FOLDER: Final = ".nv-meta"
ENERGON_FILES: Final = (".info.json", "split.yaml", "dataset.yaml")
HUGGING_FACE_FILE: Final = ".huggingface.yaml"
MARK: Final = "# written by artkit; without this line artkit leaves the file alone\n"
"""First line of files that people also write by hand."""


class ShardSummary(NamedTuple):
    """What sidecars of a whole data set tell of a shard."""

    split: str
    name: str
    num_bytes: int
    num_samples: int
    suffixes: frozenset[str]
    """Of all its members, in small letters."""
    has_classes: bool
    """Whether every sample has a `.cls` member."""


def summarise_shard(split: str, name: str, num_bytes: int, samples: Sequence[TarSample]) -> ShardSummary:
    """What sidecars of a whole data set tell of a shard with these samples."""
    suffixes = frozenset(suffix for sample in samples for suffix in sample.parts)
    has_classes = all("cls" in sample.parts for sample in samples)
    return ShardSummary(split, name, num_bytes, len(samples), suffixes, has_classes)


# --- DALI -----------------------------------------------------------------------------------------------------------


def dali_name(shard: str) -> str:
    """Name of a shard's index for DALI."""
    return f"{shard.removesuffix('.tar')}.idx"


def dali_index(shard: str, samples: Sequence[TarSample]) -> bytes:
    """The index that DALI's `wds2idx` would write, version 1.2: suffix, offset, size and name of each member.

    Raises:
        DatasetError: if a name has blanks, which part the fields of this index.
    """
    lines = [f"v1.2 {len(samples)}"]
    for sample in samples:
        for member in sample.parts.values():
            if len(member.name.split()) != 1:
                raise DatasetError(
                    f"{shard} cannot have an index for DALI: the name {member.name!r} has blanks; "
                    "leave 'dali' out of the sidecars"
                )
        lines.append(" ".join(" ".join(dali_fields(member)) for member in sample.parts.values()))
    return ("\n".join(lines) + "\n").encode()


def dali_fields(member: Member) -> tuple[str, str, str, str]:
    """What an index for DALI says of a member; the suffix keeps its capitals, for DALI compares exactly."""
    suffix = member.name.rpartition("/")[2].partition(".")[2]
    return suffix, str(member.offset), str(member.size), member.name


# --- Energon --------------------------------------------------------------------------------------------------------


def energon_name(shard: str) -> str:
    """Name of a shard's index for Energon."""
    return f"{shard}.idx"


def energon_index(samples: Sequence[TarSample]) -> bytes:
    """Where each sample begins, and where the last one ends: uint64, little endian, N + 1 numbers."""
    starts = [sample.header for sample in samples]
    return np.array([*starts, *(sample.end for sample in samples[-1:])], dtype="<u8").tobytes()


def energon_files(shards: Sequence[ShardSummary]) -> dict[str, str]:
    """The files of `.nv-meta` by name: number of samples of each shard, splits, and what a sample is."""
    counts = {shard.name: shard.num_samples for shard in shards}
    parts: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for shard in shards:
        parts.setdefault(shard.split, []).append(shard.name)
    split_lines = ["split_parts:"]
    for split, names in parts.items():
        split_lines.append(f"  {split}: {json.dumps(names)}")
    return {
        ".info.json": json.dumps({"energon_version": None, "shard_counts": counts}, indent=1) + "\n",
        "split.yaml": MARK + "\n".join([*split_lines, "exclude: []"]) + "\n",
        "dataset.yaml": MARK + _energon_dataset(shards),
    }


def _energon_dataset(shards: Sequence[ShardSummary]) -> str:
    """What a sample is to Energon: an image, and its class if every sample says it in a `.cls` member."""
    images = sorted({suffix for shard in shards for suffix in shard.suffixes if is_image(suffix)})
    lines = [
        "sample_type:",
        "  __module__: megatron.energon",
        "  __class__: ImageClassificationSample",
        "field_map:",
        f"  image: {json.dumps(','.join(images))}",
    ]
    if all(shard.has_classes for shard in shards):
        lines.append("  label: cls")
    return "\n".join(lines) + "\n"


# --- wids -----------------------------------------------------------------------------------------------------------


def wids_name(split: str) -> str:
    """Name of a split's list of shards for wids."""
    return f"shardindex-{split}.json"


def wids_index(split: str, shards: Sequence[ShardSummary]) -> bytes:
    """The shards of a split with their numbers of samples, as JSON; addresses are relative to the file."""
    entries = [
        {"url": shard.name, "nsamples": shard.num_samples, "filesize": shard.num_bytes}
        for shard in shards
        if shard.split == split
    ]
    return (json.dumps({"wids_version": 1, "name": split, "shardlist": entries}, indent=1) + "\n").encode()


# --- Hugging Face ---------------------------------------------------------------------------------------------------


def hugging_face_file(manifest: Manifest) -> str:
    """Which files are data, for Hugging Face datasets: without it, indexes would be opened as tars."""
    lines = ["configs:", "- config_name: default", "  data_files:"]
    for split in manifest.splits:
        lines += [f"  - split: {_hugging_face_split(split.name)}", "    path:"]
        lines += [f"    - {json.dumps(shard.name)}" for shard in split.shards]
    return MARK + "\n".join(lines) + "\n"


def _hugging_face_split(name: str) -> str:
    """A name that Hugging Face datasets accepts for a split: it has no hyphens."""
    return {"val": "validation"}.get(name, name.replace("-", "_"))
