"""What an index will hold: keys, class numbers and the manifest, from the rows of all tars."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from artkit_shards.conversion.inspection import pixel_statistics
from artkit_shards.conversion.split import TRAIN
from artkit_shards.format.manifest import MIXED, Manifest, ShardEntry, SplitEntry, Target
from artkit_shards.format.samples import qualified_key
from artkit_shards.format.tar import SUFFIXES
from artkit_shards.indexing.classes import ClassNames, name_classes
from artkit_shards.indexing.labels import Label, LabelRule
from artkit_shards.indexing.measuring import Reject, count_reasons
from artkit_shards.indexing.scanning import ScannedTar


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitContent:
    """The index of a split; keys and labels have one entry a sample."""

    tars: Sequence[ScannedTar]
    keys: Sequence[str]
    labels: Mapping[str, Sequence[int]]
    """Class numbers by target, -1 where the class is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexContent:
    """All that is written."""

    splits: Mapping[str, SplitContent]
    manifest: Manifest
    keys_are_qualified: bool
    """Whether keys begin with the name of their tar, because several tars use the same keys."""


def make_content(
    scanned: Sequence[ScannedTar],
    rejects: Sequence[Reject],
    rules: tuple[LabelRule, ...],
    given: ClassNames | None,
    options: Mapping[str, Any],
) -> IndexContent:
    """Decide what the index holds.

    Args:
        scanned: Tars with at least one row each, in order.
        rejects: What is left out.
        rules: One a target.
        given: Names of the main target's classes, if there are any.
        options: What the manifest says of how the index was made.

    Raises:
        DatasetError: if labels do not fit the class names.
    """
    targets, numbers = _targets(scanned, rules, given)
    keys = [row.key for one in scanned for row in one.rows]
    qualified = len(set(keys)) < len(keys)
    splits = {
        split: _split([one for one in scanned if one.tar.split == split], targets, numbers, qualified=qualified)
        for split in dict.fromkeys(one.tar.split for one in scanned)
    }
    manifest = _manifest(splits, targets, rejects, options)
    return IndexContent(splits=splits, manifest=manifest, keys_are_qualified=qualified)


def _targets(
    scanned: Sequence[ScannedTar], rules: tuple[LabelRule, ...], given: ClassNames | None
) -> tuple[tuple[Target, ...], list[dict[Label, int]]]:
    """The targets, and for each the class number of every label."""
    targets, numbers = [], []
    for place, rule in enumerate(rules):
        found = {row.labels[place] for one in scanned for row in one.rows}
        names, number_of = name_classes(rule, found, given if place == 0 else None)
        targets.append(Target(rule.target, names))
        numbers.append(number_of)
    return tuple(targets), numbers


def _split(
    tars: Sequence[ScannedTar],
    targets: Sequence[Target],
    numbers: Sequence[Mapping[Label, int]],
    *,
    qualified: bool,
) -> SplitContent:
    keys = [qualified_key(one.tar.path.name, row.key) if qualified else row.key for one in tars for row in one.rows]
    labels = {
        target.name: [numbers[place].get(row.labels[place], -1) for one in tars for row in one.rows]
        for place, target in enumerate(targets)
    }
    return SplitContent(tars=tars, keys=keys, labels=labels)


def _manifest(
    splits: Mapping[str, SplitContent],
    targets: tuple[Target, ...],
    rejects: Sequence[Reject],
    options: Mapping[str, Any],
) -> Manifest:
    everything = [one for split in splits.values() for one in split.tars]
    measured = splits[TRAIN].tars if TRAIN in splits else everything
    mean, std = pixel_statistics(row.pixels for one in measured for row in one.rows)
    return Manifest(
        tool=f"artkit {metadata.version('artkit')}",
        options={"indexed": True, **options},
        image_suffix=_common_suffix(everything),
        targets=targets,
        splits=tuple(_split_entry(name, split, targets[0]) for name, split in splits.items()),
        pixel_mean=mean,
        pixel_std=std,
        rejects=count_reasons(rejects),
    )


def _split_entry(name: str, split: SplitContent, main: Target) -> SplitEntry:
    counts = Counter(split.labels[main.name])
    shards = (ShardEntry(one.tar.path.name, len(one.rows), one.num_bytes, one.sha256) for one in split.tars)
    class_counts = tuple(counts[label] for label in range(len(main.classes)))
    return SplitEntry(name, counts.total(), class_counts, tuple(shards))


def _common_suffix(scanned: Sequence[ScannedTar]) -> str:
    suffixes = {row.suffix for one in scanned for row in one.rows}
    return next((suffix for suffix in SUFFIXES if suffixes == {suffix}), MIXED)
