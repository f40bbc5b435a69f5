"""One shard against manifest and index: it is there, whole and unchanged, and every row is one of its samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from artkit_shards.auditing.faults import COPY_AGAIN, Fault
from artkit_shards.auditing.readers import Complaint, ShardFacts, shard_complaints, shard_facts
from artkit_shards.auditing.rows import IndexRow
from artkit_shards.errors import DatasetError, TarError
from artkit_shards.format.manifest import ShardEntry
from artkit_shards.format.samples import TarSample, group_samples, qualified_key, read_members
from artkit_shards.format.sidecar_contents import ShardSummary, summarise_shard
from artkit_shards.format.tar_reader import Member
from artkit_shards.indexing.scanning import sha256_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedShard:
    """What was found in a shard."""

    faults: list[Fault]
    complaints: list[Complaint]
    samples: tuple[TarSample, ...]
    """All that can be read, up to where it is damaged."""
    pairs: list[tuple[IndexRow, TarSample]]
    """Rows of the index with the samples they stand for."""
    facts: ShardFacts
    summary: ShardSummary
    is_whole: bool
    """Whether all of it could be read."""


def check_shard(
    directory: Path, split: str, entry: ShardEntry, rows: Sequence[IndexRow] | None, *, is_indexed: bool, again: str
) -> CheckedShard:
    """Check a shard but for the data of its samples.

    Args:
        directory: The folder of the data set.
        split: The split it belongs to.
        entry: What the manifest says of the shard.
        rows: What the index says of its samples; None if the index cannot be read.
        is_indexed: Whether the tar was there before its index, which may then lack samples.
        again: What to do if the index is wrong.
    """
    path = directory / entry.name
    faults = list(_file_faults(path, entry))
    members: list[Member] = []
    samples: list[TarSample] = []
    is_whole = path.is_file()
    if is_whole:
        try:
            # One by one, so that those before the damage are kept.
            members.extend(read_members(path))
            samples.extend(group_samples(members, entry.name))
        except DatasetError as error:
            is_whole = False
            faults.append(_damage(entry.name, error))
    pairs, misfits = _paired(entry, rows or (), samples, is_indexed=is_indexed, again=again)
    if is_whole and rows is not None:
        faults += misfits
    return CheckedShard(
        faults=faults,
        complaints=shard_complaints(entry.name, members),
        samples=tuple(samples),
        pairs=pairs,
        facts=shard_facts(entry.name, samples),
        summary=summarise_shard(split, entry.name, entry.bytes, samples),
        is_whole=is_whole,
    )


def _file_faults(path: Path, entry: ShardEntry) -> Iterator[Fault]:
    """Whether a shard is there, with the size and bytes that the manifest tells."""
    try:
        if not path.exists():
            yield Fault(entry.name, None, "is missing", COPY_AGAIN)
        elif not path.is_file():
            yield Fault(entry.name, None, "is no regular file", COPY_AGAIN)
        elif (size := path.stat().st_size) != entry.bytes:
            yield Fault(entry.name, None, f"has {size} bytes, the manifest says {entry.bytes}", COPY_AGAIN)
        elif sha256_of(path) != entry.sha256:
            yield Fault(entry.name, None, "its sha256 is not that of the manifest", COPY_AGAIN)
    except (OSError, DatasetError) as error:
        yield Fault(entry.name, None, f"cannot be read ({error})", COPY_AGAIN)


def _paired(
    entry: ShardEntry, rows: Sequence[IndexRow], samples: Sequence[TarSample], *, is_indexed: bool, again: str
) -> tuple[list[tuple[IndexRow, TarSample]], list[Fault]]:
    """Rows with their samples, and what does not fit."""
    by_key = {sample.key: sample for sample in samples}
    pairs, faults = [], []
    for row in rows:
        sample = by_key.get(row.key) or by_key.get(row.key.removeprefix(qualified_key(entry.name, "")))
        if sample is None:
            faults.append(Fault(entry.name, row.key, "is in the index but not in the shard", again))
        else:
            pairs.append((row, sample))
    if not is_indexed and len(samples) != len(rows):
        text = f"holds {len(samples)} samples, the index has {len(rows)}"
        faults.append(Fault(entry.name, None, text, again))
    return pairs, faults


def _damage(shard: str, error: DatasetError) -> Fault:
    text = f"at byte {error.position}: {error.fault}" if isinstance(error, TarError) else str(error)
    return Fault(shard, None, text, COPY_AGAIN)
