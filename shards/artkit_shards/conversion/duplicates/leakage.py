"""Leakage: how many copies there are of one picture, and what is wrong with them.

Copies with different classes mean that one of the labels is wrong. Copies in several splits mean that a test asks for
what was learnt by heart; that happens only if images bring splits of their own, or copies are to be ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from artkit_shards.conversion.curation import Curated, FoundCluster
from artkit_shards.wording import counted


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
    num_crossing: int
    """Clusters with images in different splits."""
    num_dropped: int
    """Images that were left out because another shows the same."""


def count_duplicates(curated: Curated, splits: Mapping[str, str]) -> DuplicateCounts:
    """Sum up the clusters.

    Args:
        curated: What the data set takes.
        splits: Split of each file that it takes.
    """
    clusters = curated.clusters
    return DuplicateCounts(
        num_clusters=len(clusters),
        num_exact=sum(cluster.is_exact for cluster in clusters),
        num_images=sum(len(cluster.records) for cluster in clusters),
        num_conflicts=sum(cluster.has_conflict for cluster in clusters),
        num_crossing=sum(len(splits_of(cluster, splits)) > 1 for cluster in clusters),
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
    facts = [f"{counted(counts.num_clusters, 'picture')} more than once among {counts.num_images} images"]
    if counts.num_exact:
        facts.append(f"{counts.num_exact} with equal bytes")
    if counts.num_conflicts:
        facts.append(f"{counts.num_conflicts} WITH DIFFERENT CLASSES")
    if counts.num_crossing:
        facts.append(f"{counts.num_crossing} IN SEVERAL SPLITS")
    if counts.num_dropped:
        facts.append(f"{counted(counts.num_dropped, 'image')} dropped")
    return [f"{', '.join(facts)}; {page} shows them"]


def splits_of(cluster: FoundCluster, splits: Mapping[str, str]) -> set[str]:
    """The splits that hold an image of a cluster."""
    return {splits[record.file] for record in cluster.records if record.file in splits}


def worst_first(clusters: tuple[FoundCluster, ...], splits: Mapping[str, str]) -> list[FoundCluster]:
    """Clusters with conflicts first, then those in several splits, then the largest."""

    def badness(cluster: FoundCluster) -> tuple[bool, bool, int, str]:
        crossing = len(splits_of(cluster, splits)) > 1
        return not cluster.has_conflict, not crossing, -len(cluster.records), cluster.records[0].file

    return sorted(clusters, key=badness)
