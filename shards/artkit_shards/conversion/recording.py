"""What a data set records of its shards, so that they can be opened: the index of each split, and the manifest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from artkit_shards.conversion.augmenting import ImageAugmenter
from artkit_shards.conversion.inspection import Pixels, pixel_statistics
from artkit_shards.conversion.plan import Plan, Rejects
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.writing import WrittenShard
from artkit_shards.format.index import write_index
from artkit_shards.format.manifest import Manifest, ShardEntry, SplitEntry


def record_index(plan: Plan, written: Mapping[str, WrittenShard], folder: Path) -> list[str]:
    """Write the index of each split into a folder of its name.

    Returns:
        Names of the files, below `folder`. They are not yet on the disk.
    """
    for split, shards in plan.shards.items():
        split_folder = folder / split
        split_folder.mkdir(parents=True)
        samples = plan.samples(split)
        numbers = {
            "offset": np.concatenate([written[shard.name].offsets for shard in shards]),
            "size": np.concatenate([written[shard.name].sizes for shard in shards]),
            "width": np.array([sample.width for sample in samples]),
            "height": np.array([sample.height for sample in samples]),
            "crc32": np.concatenate([written[shard.name].crc32s for shard in shards]),
        }
        labels = {
            target.name: [sample.labels[number] for sample in samples] for number, target in enumerate(plan.targets)
        }
        texts = {"key": plan.keys(split), "file": [sample.file for sample in samples]}
        write_index(split_folder, numbers, labels, texts, sync=False)
    return [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.*"))]


def make_manifest(
    plan: Plan,
    written: Mapping[str, WrittenShard],
    pixels: Sequence[Pixels],
    rejects: Rejects,
    settings: Settings,
    augmenter: ImageAugmenter | None,
) -> Manifest:
    """The manifest of a data set whose shards are all written, and of whose training images `pixels` are known."""
    pixel_mean, pixel_std = pixel_statistics(pixels)
    augmented = {} if augmenter is None else {"augmenter": augmenter.description}
    return Manifest(
        tool=f"artkit {metadata.version('artkit')}",
        options=settings.recorded() | augmented,
        image_suffix=plan.suffix,
        targets=plan.targets,
        splits=tuple(_split_entry(split, plan, written) for split in plan.shards),
        pixel_mean=pixel_mean,
        pixel_std=pixel_std,
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
