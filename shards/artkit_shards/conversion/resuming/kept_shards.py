"""Shards that were finished, kept by a conversion that was killed.

A shard is a pure function of what its fingerprint covers: which images it holds, where, in which state, and how they
are written. An entry with another fingerprint is that of another plan and is not used. An entry says what was written,
not that it still is there: whoever uses it compares the shard's checksum first (see `writing.finish_shard`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import metadata
from operator import attrgetter
from typing import Any, Final

import numpy as np

from artkit_shards.conversion.layout import Sample
from artkit_shards.conversion.resuming.journal import Journal
from artkit_shards.conversion.writing import ShardJob, WrittenShard

_FOLDER: Final = "shards"
_COLUMNS: Final = {"offsets": "<u8", "sizes": "<u4", "crc32s": "<u4"}
_facts_of_sample: Final = attrgetter(*(field.name for field in fields(Sample) if field.name != "image"))


class KeptShards:
    """Shards of this conversion and of one that was not finished."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._names = frozenset(journal.names(_FOLDER))

    def find(self, name: str, fingerprint: str) -> WrittenShard | None:
        """A shard that was finished, as it was written then."""
        content = self._journal.read(_FOLDER, f"{name}.json") if f"{name}.json" in self._names else None
        if not isinstance(content, dict) or content.get("fingerprint") != fingerprint:
            return None
        try:
            columns = {column: np.array(content[column], dtype=dtype) for column, dtype in _COLUMNS.items()}
            return WrittenShard(name, content["bytes"], content["sha256"], mark=content["mark"], **columns)
        except (KeyError, TypeError, ValueError, OverflowError):  # not as we would have written it
            return None

    def add(self, written: WrittenShard, fingerprint: str) -> None:
        """Keep a shard that was just finished."""
        content: dict[str, Any] = {
            "fingerprint": fingerprint,
            "bytes": written.num_bytes,
            "sha256": written.sha256,
            "mark": written.mark,
        }
        content |= {column: getattr(written, column).tolist() for column in _COLUMNS}
        self._journal.write(_FOLDER, f"{written.name}.json", content)


def fingerprint_of(job: ShardJob, states: Mapping[str, tuple[int, ...] | None]) -> str:
    """sha256, in hex, of all that decides what a job writes.

    Args:
        job: A shard to write.
        states: What each file was when it was inspected; see `source_state`.
    """
    augmenter = None if job.augmenter is None else job.augmenter.description
    facts = (_versions(), job.suffix, job.targets, job.max_side, job.quality, augmenter)
    digest = hashlib.sha256(repr(facts).encode())
    digest.update(repr((job.shard.name, job.shard.keys)).encode())
    for item in job.shard.samples:
        digest.update(repr((_facts_of_sample(item), states.get(item.file))).encode())
    return digest.hexdigest()


@cache
def _versions() -> tuple[str, ...]:
    return tuple(metadata.version(name) for name in ("artkit", "pillow"))
