"""Reading a manifest that may have been damaged, or made by someone who means harm: nothing in it is taken on trust."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from artkit_shards.errors import DatasetError
from artkit_shards.format.manifest import (
    FILE_NAME,
    FOLDER,
    FORMAT,
    MAKE_AGAIN,
    MIXED,
    VERSION,
    Manifest,
    ShardEntry,
    SplitEntry,
    Target,
    is_plain_name,
    is_shard_name,
)
from artkit_shards.format.tar import SUFFIXES

MAX_BYTES: Final = 1 << 26
"""A manifest above 64 MiB is refused."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ADVICE: Final = f"the manifest was damaged or changed: {MAKE_AGAIN}"

Value = TypeVar("Value")


def read_manifest(directory: Path) -> Manifest:
    """Read and check the manifest of a data set.

    Args:
        directory: The folder of the data set.

    Raises:
        DatasetError: if the file is missing, too large, or breaks a rule; the message says which.
    """
    path = directory / FOLDER / FILE_NAME
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DatasetError(f"{path} has more than {MAX_BYTES >> 20} MiB; this is no manifest")
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    return parse_manifest(data, str(path))


def parse_manifest(data: bytes, path: str) -> Manifest:
    """Check the bytes of a manifest.

    Args:
        data: The whole file, at most `MAX_BYTES`.
        path: Where it lies, for messages.

    Raises:
        DatasetError: if it breaks a rule; the message says which.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not JSON ({error}); {_ADVICE}") from error
    return _Reader(path).manifest(content)


class _Reader:
    """Turns parsed JSON into a manifest and trusts none of it."""

    def __init__(self, path: str) -> None:
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
        self._require(suffix in (*SUFFIXES, MIXED), f"has image_suffix {suffix!r}")
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
        good = len(values) == 3 and all(type(value) in (float, int) and 0 <= value <= 1 for value in values)
        self._require(good, f"has no three numbers from 0 to 1 in {key!r}")
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
