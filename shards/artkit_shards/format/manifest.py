"""The manifest: what a data set is made of. Its presence means that the data set is complete.

`DST/.artkit/manifest.json` is written last, in one step. It names the classes, the splits and their shards with sizes
and checksums, the statistics of the training pixels, and how the data set was made.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

FOLDER: Final = ".artkit"
"""Readers of tar shards skip folders with a dot, so the data set's own files do not disturb them."""
FILE_NAME: Final = "manifest.json"
FORMAT: Final = "artkit-shards"
VERSION: Final = 1
MIXED: Final = "mixed"
"""In place of an image suffix: the samples have images of several, or of one that artkit itself does not write."""

MAKE_AGAIN: Final = (
    "convert the images again (artkit shard SRC DST --force), or index tars of others again "
    "(artkit dataset index DIR --force)"
)
"""What to do about a data set whose files disagree."""

_SHARD_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.tar")
_PLAIN_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Target:
    """What can be predicted: a name, and its classes in the order of their numbers."""

    name: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """A shard, as the manifest lists it."""

    name: str
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SplitEntry:
    """A split: its samples by class of the main target, and its shards in order."""

    name: str
    samples: int
    class_counts: tuple[int, ...]
    shards: tuple[ShardEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that `manifest.json` says."""

    tool: str
    options: Mapping[str, Any]
    image_suffix: str
    """Of the image members: "jpg", "png" or "webp", or `MIXED`."""
    targets: tuple[Target, ...]
    """At least one; the first is the main one."""
    splits: tuple[SplitEntry, ...]
    pixel_mean: tuple[float, ...]
    """Of the training split, RGB in [0, 1]; so is `pixel_std`."""
    pixel_std: tuple[float, ...]
    rejects: Mapping[str, int]
    """Number of rejected files by reason."""

    @property
    def is_indexed(self) -> bool:
        """Whether the shards were there before their index, so that they belong to whoever made them."""
        return self.options.get("indexed") is True

    @property
    def fingerprint(self) -> str:
        """sha256, in hex, of the classes and the contents of all shards: equal for equal data sets only."""
        content = [
            [[target.name, target.classes] for target in self.targets],
            [[split.name, [[shard.name, shard.sha256] for shard in split.shards]] for split in self.splits],
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def is_plain_name(name: str) -> bool:
    """Whether a name of a split or target is fit to be part of a file name."""
    return _PLAIN_NAME.fullmatch(name) is not None


def is_shard_name(name: str) -> bool:
    """Whether a name is that of a tar file right in the data set's folder: no path, no address, not hidden."""
    return _SHARD_NAME.fullmatch(name) is not None


def to_json(manifest: Manifest) -> bytes:
    """The manifest as the bytes of its file; the same manifest gives the same bytes."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "tool": manifest.tool,
        "fingerprint": manifest.fingerprint,
        "options": dict(manifest.options),
        "image_suffix": manifest.image_suffix,
        "targets": [asdict(target) for target in manifest.targets],
        "splits": {
            split.name: {
                "samples": split.samples,
                "class_counts": split.class_counts,
                "shards": [asdict(shard) for shard in split.shards],
            }
            for split in manifest.splits
        },
        "pixel_mean": manifest.pixel_mean,
        "pixel_std": manifest.pixel_std,
        "rejects": dict(manifest.rejects),
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
