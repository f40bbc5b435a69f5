"""What a data set records of its shards, so that they can be opened: the index of each split, and the manifest."""

from collections import Counter
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from artkit_shards.conversion.plan import Plan, Rejects
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.writing import WrittenShard
from artkit_shards.format.files import sync_folder
from artkit_shards.format.index import write_index
from artkit_shards.format.manifest import Manifest, ShardEntry, SplitEntry


def record_index(plan: Plan, written: Mapping[str, WrittenShard], folder: Path) -> None:
    """Write the index of each split into a folder of its name."""
    for split, shards in plan.shards.items():
        split_folder = folder / split
        split_folder.mkdir(parents=True)
        samples = plan.samples(split)
        numbers = {
            "offset": [offset for shard in shards for offset in written[shard.name].offsets],
            "size": [size for shard in shards for size in written[shard.name].sizes],
            "width": [sample.width for sample in samples],
            "height": [sample.height for sample in samples],
            "crc32": [crc32 for shard in shards for crc32 in written[shard.name].crc32s],
        }
        labels = {
            target.name: [sample.labels[number] for sample in samples] for number, target in enumerate(plan.targets)
        }
        texts = {"key": plan.keys(split), "file": [sample.file for sample in samples]}
        write_index(split_folder, numbers, labels, texts)
        sync_folder(split_folder)


def make_manifest(plan: Plan, written: Mapping[str, WrittenShard], rejects: Rejects, settings: Settings) -> Manifest:
    """The manifest of a data set whose shards are all written."""
    return Manifest(
        tool=f"artkit {metadata.version('artkit')}",
        options=settings.recorded(),
        image_suffix=plan.suffix,
        targets=plan.targets,
        splits=tuple(_split_entry(split, plan, written) for split in plan.shards),
        pixel_mean=plan.pixel_mean,
        pixel_std=plan.pixel_std,
        rejects=rejects.reasons,
    )


def _split_entry(split: str, plan: Plan, written: Mapping[str, WrittenShard]) -> SplitEntry:
    counts = Counter(sample.labels[0] for sample in plan.samples(split) if sample.labels[0] >= 0)
    shards = tuple(
        ShardEntry(shard.name, len(shard.samples), written[shard.name].num_bytes, written[shard.name].sha256)
        for shard in plan.shards[split]
    )
    num_samples = sum(shard.samples for shard in shards)
    return SplitEntry(split, num_samples, tuple(counts[label] for label in range(len(plan.class_names))), shards)
