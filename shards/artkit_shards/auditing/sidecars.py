"""Sidecars against the shards they belong to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from artkit_shards.auditing.faults import Fault
from artkit_shards.format.manifest import Manifest
from artkit_shards.format.samples import TarSample
from artkit_shards.format.sidecar_contents import (
    ENERGON_FOLDER,
    HUGGING_FACE_FILE,
    MARK,
    ShardSummary,
    dali_fields,
    dali_name,
    energon_files,
    energon_index,
    energon_name,
    hugging_face_file,
    wids_name,
)

MAX_BYTES: Final = 1 << 30
_WRITE_AGAIN: Final = "write it again: artkit dataset index DIR --sidecars {kind}"


def present_sidecars(directory: Path, manifest: Manifest) -> tuple[str, ...]:
    """Kinds of sidecars of which a data set has any file."""
    shards = [shard.name for split in manifest.splits for shard in split.shards]
    names = {
        "dali": map(dali_name, shards),
        "energon": [*map(energon_name, shards), f"{ENERGON_FOLDER}/.info.json"],
        "wids": [wids_name(split.name) for split in manifest.splits],
    }
    return tuple(kind for kind, files in names.items() if any((directory / name).exists() for name in files))


def shard_sidecar_faults(directory: Path, shard: str, samples: Sequence[TarSample]) -> Iterator[Fault]:
    """What is wrong with the sidecars of a shard; those that are not there are not missed."""
    energon = _read(directory / energon_name(shard))
    if energon is not None and energon != energon_index(samples):
        yield _fault(energon_name(shard), f"does not say where the samples of {shard} begin", "energon")
    dali = _read(directory / dali_name(shard))
    if dali is not None:
        for text in _dali_faults(dali, samples):
            yield _fault(dali_name(shard), f"{text} of {shard}", "dali")


def data_set_sidecar_faults(directory: Path, manifest: Manifest, shards: Sequence[ShardSummary]) -> Iterator[Fault]:
    """What is wrong with the sidecars of a whole data set. Files that people wrote by hand are not judged.

    Args:
        directory: Its folder.
        manifest: What it is made of.
        shards: What its shards really hold.
    """
    counts = {shard.name: shard.num_samples for shard in shards}
    info = f"{ENERGON_FOLDER}/.info.json"
    content = _read(directory / info)
    if content is not None and _json(content, "shard_counts") != counts:
        yield _fault(info, "does not have the numbers of samples of the shards", "energon")
    for name, text in energon_files(shards).items():
        file = f"{ENERGON_FOLDER}/{name}"
        if _differs(directory / file, text):
            yield _fault(file, "does not fit the shards", "energon")
    for split in manifest.splits:
        name = wids_name(split.name)
        content = _read(directory / name)
        if content is not None and not _wids_fits(content, {s.name: (counts[s.name], s.bytes) for s in split.shards}):
            yield _fault(name, f"does not list the shards of {split.name!r} with their samples", "wids")
    if _differs(directory / HUGGING_FACE_FILE, hugging_face_file(manifest)):
        yield _fault(HUGGING_FACE_FILE, "does not list the shards that there are", "dali,energon,wids")


def _differs(path: Path, text: str) -> bool:
    """Whether a file with our mark on it has another text."""
    content = _read(path)
    return content is not None and content.startswith(MARK.encode()) and content != text.encode()


def _dali_faults(content: bytes, samples: Sequence[TarSample]) -> Iterator[str]:
    """The first line of a DALI index, version 1.1 or 1.2, that does not fit the samples."""
    head, *lines = content.decode("utf-8", "replace").splitlines() or [""]
    version, _, number = head.partition(" ")
    if version not in ("v1.1", "v1.2") or number.strip() != str(len(samples)) or len(lines) != len(samples):
        yield f"does not begin with a version and the number {len(samples)} of its lines, the samples"
        return
    fields = 4 if version == "v1.2" else 3
    for line_number, (line, sample) in enumerate(zip(lines, samples, strict=True), 2):
        words = line.split(" ")
        said = {tuple(words[at : at + fields]) for at in range(0, len(words), fields)}
        if said != {dali_fields(member)[:fields] for member in sample.parts.values()}:
            yield f"has other members in line {line_number} than sample {sample.key}"
            return


def _wids_fits(content: bytes, shards: Mapping[str, tuple[int, int]]) -> bool:
    entries = _json(content, "shardlist")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return False
    said = [(entry.get("url"), entry.get("nsamples"), entry.get("filesize")) for entry in entries]
    return said == [(name, samples, size) for name, (samples, size) in shards.items()]


def _json(content: bytes, key: str) -> Any:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return parsed.get(key) if isinstance(parsed, dict) else None


def _read(path: Path) -> bytes | None:
    """A sidecar, empty if it cannot be read or is far too large; None if it is not there."""
    try:
        return path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return b""


def _fault(file: str, text: str, kind: str) -> Fault:
    return Fault(file, None, text, _WRITE_AGAIN.format(kind=kind))
