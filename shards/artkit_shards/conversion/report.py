"""What a conversion did, for those who ran it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from artkit_shards.conversion.plan import Plan, Rejects
from artkit_shards.conversion.writing import WrittenShard


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertReport:
    """What a conversion did."""

    directory: Path
    class_counts: Mapping[str, int]
    """Images of each class, all splits together."""
    split_counts: Mapping[str, int]
    num_shards: int
    num_bytes: int
    """Of all shards."""
    image_suffix: str
    num_encoded: int
    """Images that were written anew; the bytes of all others were kept."""
    encoded: Mapping[str, int]
    """Images that were written anew, by reason; an image can have several."""
    rejects: Mapping[str, int]
    """Files that could not be used, by reason, the commonest first."""
    rejects_file: Path
    notes: Sequence[str]
    """What the user should know, a sentence each."""


def make_report(
    plan: Plan, written: Mapping[str, WrittenShard], rejects: Rejects, rejects_file: Path, directory: Path
) -> ConvertReport:
    """Sum up a conversion that is done."""
    samples = [sample for split in plan.shards for sample in plan.samples(split)]
    class_counts = dict.fromkeys(plan.class_names, 0)
    for sample in samples:
        if sample.labels[0] >= 0:
            class_counts[plan.class_names[sample.labels[0]]] += 1
    return ConvertReport(
        directory=directory,
        class_counts=class_counts,
        split_counts={split: len(plan.samples(split)) for split in plan.shards},
        num_shards=len(written),
        num_bytes=sum(shard.num_bytes for shard in written.values()),
        image_suffix=plan.suffix,
        num_encoded=sum(sample.encode for sample in samples),
        encoded=dict(plan.encoded.most_common()),
        rejects=rejects.reasons,
        rejects_file=rejects_file,
        notes=plan.notes,
    )
