"""Leakage: how many copies there are of one picture, and what is wrong with them.

Copies with different classes mean that one of the labels is wrong. Copies in several splits, one of them "train", mean
that a test asks for what was learnt by heart; in others, as "val" and "test", that these are no independent judges.
Copies get into several splits only if images bring splits of their own, or copies are to be ignored.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from artkit_shards.conversion.curation import Curated, FoundCluster
from artkit_shards.conversion.layout import split_order
from artkit_shards.conversion.split import TRAIN
from artkit_shards.wording import counted, joined

Splits = tuple[str, ...]
"""Names of splits in their usual order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateCounts:
    """What was found of images that show the same picture."""

    num_clusters: int
    num_exact: int
    """Clusters of equal bytes; the others are much alike."""
    num_images: int
    """In all clusters."""
    num_conflicts: int
    """Clusters with images of different classes."""
    crossing: Mapping[Splits, int]
    """Clusters with images in several splits, by these splits; those that share pictures with training first."""
    num_dropped: int
    """Images that were left out because another shows the same."""

    @property
    def num_crossing(self) -> int:
        """Clusters with images in several splits."""
        return sum(self.crossing.values())

    @property
    def num_learnt(self) -> int:
        """Clusters with images in training and in another split."""
        return sum(count for splits, count in self.crossing.items() if TRAIN in splits)


def count_duplicates(curated: Curated, splits: Mapping[str, str]) -> DuplicateCounts:
    """Sum up the clusters.

    Args:
        curated: What the data set takes.
        splits: Split of each file that it takes.
    """
    clusters = curated.clusters
    crossing = Counter(found for cluster in clusters if len(found := splits_of(cluster, splits)) > 1)
    worst = sorted(crossing.items(), key=lambda item: (TRAIN not in item[0], -item[1], item[0]))
    return DuplicateCounts(
        num_clusters=len(clusters),
        num_exact=sum(cluster.is_exact for cluster in clusters),
        num_images=sum(len(cluster.records) for cluster in clusters),
        num_conflicts=sum(cluster.has_conflict for cluster in clusters),
        crossing=dict(worst),
        num_dropped=curated.num_dropped,
    )


def notes_on_duplicates(counts: DuplicateCounts, page: Path | str | None) -> list[str]:
    """What the user should know of duplicates, in one sentence; nothing if there are none.

    Args:
        counts: What was found.
        page: Where it is shown.
    """
    if not counts.num_clusters:
        return []
    facts = [f"{counted(counts.num_clusters, 'picture')} found more than once, in {counts.num_images} images"]
    if counts.num_exact:
        facts.append(f"{counts.num_exact} with equal bytes")
    if counts.num_conflicts:
        facts.append(f"{counts.num_conflicts} WITH DIFFERENT CLASSES")
    if counts.num_crossing:
        facts.append(f"{counts.num_crossing} IN SEVERAL SPLITS ({crossing_text(counts)})")
    if counts.num_dropped:
        facts.append(f"{counted(counts.num_dropped, 'image')} dropped")
    return [f"{'; '.join(facts)}; {page} shows them"]


def crossing_text(counts: DuplicateCounts) -> str:
    """How many pictures which splits share, such as "train and test: 3; val and test: 1"."""
    return "; ".join(f"{joined(splits)}: {count}" for splits, count in counts.crossing.items())


def splits_of(cluster: FoundCluster, splits: Mapping[str, str]) -> Splits:
    """The splits that hold an image of a cluster, in order."""
    return tuple(split_order(splits[record.file] for record in cluster.records if record.file in splits))


def worst_first(clusters: tuple[FoundCluster, ...], splits: Mapping[str, str]) -> list[FoundCluster]:
    """Clusters with conflicts first, then those in training and other splits, in several others, then the largest."""

    def badness(cluster: FoundCluster) -> tuple[bool, bool, bool, int, str]:
        found = splits_of(cluster, splits)
        crossing = len(found) > 1
        learnt = crossing and TRAIN in found
        return not cluster.has_conflict, not learnt, not crossing, -len(cluster.records), cluster.records[0].file

    return sorted(clusters, key=badness)
