"""The manifest: what a data set is made of. Its presence means that the data set is complete.

`DST/.artkit/manifest.json` is written last, in one step. It names the classes, the splits and their shards with sizes
and checksums, the statistics of the training pixels, and how the data set was made.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from artkit_shards.errors import DatasetError

FOLDER: Final = ".artkit"
"""Readers of tar shards skip folders with a dot, so the data set's own files do not disturb them."""
FILE_NAME: Final = "manifest.json"
FORMAT: Final = "artkit-shards"
VERSION: Final = 1

_MAX_BYTES: Final = 1 << 26
_SHARD_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.tar")
_PLAIN_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")

Value = TypeVar("Value")


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
    targets: tuple[Target, ...]
    """At least one; the first is the main one."""
    splits: tuple[SplitEntry, ...]
    pixel_mean: tuple[float, ...]
    """Of the training split, RGB in [0, 1]; so is `pixel_std`."""
    pixel_std: tuple[float, ...]
    rejects: Mapping[str, int]
    """Number of rejected files by reason."""

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


def read_manifest(directory: Path) -> Manifest:
    """Read and check the manifest of a data set.

    Args:
        directory: The folder of the data set.

    Raises:
        DatasetError: if the file is missing, too large, or breaks a rule; the message says which.
    """
    path = directory / FOLDER / FILE_NAME
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DatasetError(f"{path} has more than {_MAX_BYTES >> 20} MiB; this is no manifest")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not JSON ({error}); {_ADVICE}") from error
    return _Reader(path).manifest(content)


_ADVICE: Final = "the manifest was damaged or changed: convert the images again (artkit shard SRC DST --force)"


class _Reader:
    """Turns parsed JSON into a manifest and trusts none of it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def manifest(self, content: Any) -> Manifest:
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise DatasetError(f"{self._path} is not the manifest of an artkit data set; {_ADVICE}")
        if content.get("version") != VERSION:
            raise DatasetError(
                f"{self._path} has format version {content.get('version')!r}, this artkit reads version {VERSION}; "
                "use the artkit that wrote it, or convert the images again"
            )
        suffix = self._get(content, "image_suffix", str)
        self._require(suffix in ("jpg", "png", "webp"), f"has image_suffix {suffix!r}")
        targets = tuple(self._target(entry) for entry in self._get(content, "targets", list))
        self._require(len(targets) > 0, "has no targets")
        splits = self._get(content, "splits", dict)
        manifest = Manifest(
            tool=self._get(content, "tool", str),
            options=self._get(content, "options", dict),
            image_suffix=suffix,
            targets=targets,
            splits=tuple(self._split(name, entry, len(targets[0].classes)) for name, entry in splits.items()),
            pixel_mean=self._channels(content, "pixel_mean"),
            pixel_std=self._channels(content, "pixel_std"),
            rejects=self._get(content, "rejects", dict),
        )
        names = [shard.name for split in manifest.splits for shard in split.shards]
        self._require(len(set(names)) == len(names), "lists a shard twice")
        self._require(content.get("fingerprint") == manifest.fingerprint, "does not have the fingerprint it should")
        return manifest

    def _target(self, entry: Any) -> Target:
        name = self._get(entry, "name", str)
        self._require(is_plain_name(name), f"has a target named {name!r}")
        return Target(name, self._list(entry, "classes", str))

    def _split(self, name: str, entry: Any, num_classes: int) -> SplitEntry:
        self._require(is_plain_name(name), f"has a split named {name!r}")
        shards = tuple(self._shard(shard) for shard in self._get(entry, "shards", list))
        split = SplitEntry(name, self._count(entry, "samples"), self._list(entry, "class_counts", int), shards)
        self._require(len(split.class_counts) == num_classes, f"has no count for each class of split {name!r}")
        self._require(split.samples >= sum(split.class_counts), f"has class counts of {name!r} that do not add up")
        self._require(split.samples > 0, f"has no samples in split {name!r}")
        self._require(
            split.samples == sum(shard.samples for shard in shards), f"has shards of {name!r} that do not add up"
        )
        return split

    def _shard(self, entry: Any) -> ShardEntry:
        name = self._get(entry, "name", str)
        self._require(is_shard_name(name), f"names a shard {name!r}, which is no plain file name such as a-000000.tar")
        sha256 = self._get(entry, "sha256", str)
        self._require(_SHA256.fullmatch(sha256) is not None, f"has no sha256 for {name}")
        samples = self._count(entry, "samples")
        self._require(samples > 0, f"lists {name} without samples")
        return ShardEntry(name, samples, self._count(entry, "bytes"), sha256)

    def _channels(self, entry: Any, key: str) -> tuple[float, ...]:
        values = tuple(self._get(entry, key, list))
        good = len(values) == 3 and all(isinstance(value, float | int) and math.isfinite(value) for value in values)
        self._require(good, f"has no three numbers in {key!r}")
        return tuple(float(value) for value in values)

    def _count(self, entry: Any, key: str) -> int:
        value = self._get(entry, key, int)
        self._require(0 <= value < 2**53, f"has {key!r} = {value}")
        return value

    def _list(self, entry: Any, key: str, kind: type[Value]) -> tuple[Value, ...]:
        values: Sequence[Any] = self._get(entry, key, list)
        self._require(
            all(type(value) is kind for value in values), f"has {key!r} that is not a list of {kind.__name__}"
        )
        return tuple(values)

    def _get(self, entry: Any, key: str, kind: type[Value]) -> Value:
        value = entry.get(key) if isinstance(entry, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise DatasetError(f"{self._path} has no {key!r} of the right kind; {_ADVICE}")
        return value

    def _require(self, good: bool, fault: str) -> None:
        if not good:
            raise DatasetError(f"{self._path} {fault}; {_ADVICE}")
