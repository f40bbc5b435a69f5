"""What a conversion did, for those who ran it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from artkit_shards.conversion.duplicates.leakage import DuplicateCounts, notes_on_duplicates
from artkit_shards.conversion.plan import Plan, Rejects
from artkit_shards.conversion.writing import WrittenShard
from artkit_shards.wording import counted


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What an earlier conversion had done that was not finished."""

    num_inspections: int
    num_shards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertReport:
    """What a conversion did."""

    directory: Path | str
    """Folder or address of the data set."""
    class_counts: Mapping[str, int]
    """Images of each class, all splits together."""
    split_class_counts: Mapping[str, Mapping[str, int]]
    """By split, images of each class that has any there."""
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
    rejects_file: Path | str
    held_out: Mapping[str, int]
    """Images of each class that is held out; they are in no other count of classes."""
    num_augmented: int
    """Changed copies of training images; the counts of splits include them, those of classes do not."""
    duplicates: DuplicateCounts
    """Images that show the same picture."""
    leakage_file: Path | str | None
    """The page that shows these; None if there are none."""
    taken_over: TakenOver
    notes: Sequence[str]
    """What the user should know, a sentence each."""


def make_report(
    plan: Plan,
    written: Mapping[str, WrittenShard],
    rejects: Rejects,
    rejects_file: Path | str,
    leakage_file: Path | str | None,
    directory: Path | str,
    taken_over: TakenOver,
) -> ConvertReport:
    """Sum up a conversion that is done."""
    samples = [sample for split in plan.shards for sample in plan.samples(split)]
    by_split = {split: _class_counts(plan, split) for split in plan.shards}
    return ConvertReport(
        directory=directory,
        class_counts={name: sum(counts[name] for counts in by_split.values()) for name in plan.class_names},
        split_class_counts=by_split,
        split_counts={split: len(plan.samples(split)) for split in plan.shards},
        num_shards=len(written),
        num_bytes=sum(shard.num_bytes for shard in written.values()),
        image_suffix=plan.suffix,
        num_encoded=sum(sample.encode and not sample.copy for sample in samples),
        encoded=dict(plan.encoded.most_common()),
        rejects=rejects.reasons,
        rejects_file=rejects_file,
        held_out=plan.held_out,
        num_augmented=sum(sample.copy > 0 for sample in samples),
        duplicates=plan.duplicates,
        leakage_file=leakage_file,
        taken_over=taken_over,
        notes=(
            *_notes_on_what_was_there(taken_over, len(written)),
            *plan.notes,
            *notes_on_duplicates(plan.duplicates, leakage_file),
        ),
    )


def _class_counts(plan: Plan, split: str) -> Counter[str]:
    """Images of each class in a split, without changed copies."""
    return Counter(
        plan.class_names[sample.labels[0]]
        for sample in plan.samples(split)
        if sample.labels[0] >= 0 and not sample.copy
    )


def _notes_on_what_was_there(taken_over: TakenOver, num_shards: int) -> list[str]:
    if taken_over.num_shards:
        shards = counted(num_shards, "shard")
        return [f"{taken_over.num_shards} of {shards} were there already, from a conversion that was not finished"]
    if taken_over.num_inspections:
        images = counted(taken_over.num_inspections, "image")
        return [f"{images} had been looked at already, by a conversion that was not finished"]
    return []
