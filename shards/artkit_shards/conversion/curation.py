"""Curating: which of the usable images a data set takes, under which labels, and which must stay together.

1. Copies of the same picture are found, and dropped if that is wanted (`duplicates`).
2. Classes are chosen, and at most so many images of each (`selection`).
3. In targets but the main one, classes with too few images become missing labels.
4. Images that show the same picture become one group (unless copies are to be ignored), together with the groups that
   they bring. Classes that are held out leave behind the images that would take images of known classes along.

A pure function of the images, what was found in them, and the settings.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from artkit_shards.conversion.duplicates.finding import Cluster, Links, clusters, find_links, redundant
from artkit_shards.conversion.duplicates.groups import Groups
from artkit_shards.conversion.inspection import Inspection
from artkit_shards.conversion.records import Record
from artkit_shards.conversion.selection import Selection, is_asked_for, limit_images, rare_classes, select_classes
from artkit_shards.conversion.settings import Settings
from artkit_shards.wording import counted, listed

Usable = Sequence[tuple[Record, Inspection]]


@dataclass(frozen=True, slots=True)
class FoundCluster:
    """Images that show the same picture, those that were dropped included."""

    records: tuple[Record, ...]
    """With the labels and splits that they bring."""
    dropped: frozenset[str]
    """Files that the data set does not take."""
    is_exact: bool
    """Whether all have the same bytes."""

    @property
    def has_conflict(self) -> bool:
        """Whether the images do not all have the same class, in one target or another."""
        return any(
            len({record.labels[target] for record in self.records} - {None}) > 1 for target in self.records[0].labels
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """The images of a data set."""

    images: list[tuple[Record, Inspection]]
    """With their final labels and groups; those of held-out classes as well."""
    selection: Selection
    clusters: tuple[FoundCluster, ...]
    num_dropped: int
    """Copies that were dropped."""
    notes: tuple[str, ...]

    def is_held_out(self, record: Record) -> bool:
        """Whether a record is of a class that is held out."""
        return record.label in self.selection.held_out


def curate(listing: Sequence[Record], usable: Usable, settings: Settings) -> Curated:
    """Decide which images a data set takes.

    Args:
        listing: All images, the unusable ones as well: a class that has none but these is told of.
        usable: Those that can be used, of classes that are asked for.
        settings: What is wanted.

    Raises:
        ConvertError: if too little is left.
    """
    records = [record for record, _ in usable]
    inspections = [found for _, found in usable]
    links = find_links(inspections)
    rows = _without_copies(range(len(records)), links, usable, settings)
    counts = _listed_counts(listing, settings)
    counts.update(label for row in rows if (label := records[row].label) is not None)
    selection = select_classes(counts, settings)
    notes = list(selection.notes)
    wanted = {None, *selection.classes, *selection.held_out}
    candidates = [row for row, record in enumerate(records) if record.label in wanted]
    # Once more: no picture must be lost to a larger copy of a class that is left out.
    rows = _without_copies(candidates, links, usable, settings)
    dropped = set(candidates).difference(rows)
    rows = _limited(rows, records, settings, notes)
    found = _found_clusters(links, records, set(rows), dropped)
    labelled = _without_rare_labels([records[row] for row in rows], settings.min_count, notes)
    labelled = _grouped(labelled, found if settings.duplicates != "keep" else ())
    known = _apart(labelled, selection, notes)
    inspection_of = {records[row].file: inspections[row] for row in rows}
    return Curated(
        images=[(record, inspection_of[record.file]) for record in known],
        selection=selection,
        clusters=found,
        num_dropped=sum(len(cluster.dropped) for cluster in found),
        notes=tuple(notes),
    )


def _listed_counts(listing: Sequence[Record], settings: Settings) -> Counter[str]:
    """Images of classes that were not asked for, at which nobody has looked, and 0 of all others."""
    counts: Counter[str] = Counter()
    for record in listing:
        if record.label is not None:
            counts[record.label] += not is_asked_for(record.label, settings)
    return counts


def _without_copies(rows: Sequence[int], links: Links, usable: Usable, settings: Settings) -> list[int]:
    """Rows without those that show the same picture as another of them, if such are to be dropped."""
    if settings.duplicates != "drop":
        return list(rows)
    files = [record.file for record, _ in usable]
    dropped = redundant(links, [found for _, found in usable], files, among=set(rows))
    return [row for row in rows if row not in dropped]


def _limited(rows: list[int], records: Sequence[Record], settings: Settings, notes: list[str]) -> list[int]:
    if settings.max_count is None:
        return rows
    taken = limit_images([records[row] for row in rows], settings.max_count, settings.seed)
    left = [row for row in rows if records[row].file in taken]
    if len(left) < len(rows):
        full = {str(records[row].label) for row in rows if records[row].file not in taken}
        num_left_out = counted(len(rows) - len(left), "image")
        notes.append(f"{num_left_out} left out of classes with more than {settings.max_count}: {listed(sorted(full))}")
    return left


def _without_rare_labels(records: Sequence[Record], min_count: int | None, notes: list[str]) -> list[Record]:
    """Take rare classes of all targets but the main one for missing labels."""
    if min_count is None or not records:
        return list(records)
    _, *others = records[0].labels
    rare: dict[str, set[str]] = {}
    for target in others:
        rare[target] = rare_classes((record.labels[target] for record in records), min_count)
        if rare[target]:
            notes.append(
                f"classes of {target!r} with fewer than {min_count} images are missing labels: "
                f"{listed(sorted(rare[target]))}"
            )
    if not any(rare.values()):
        return list(records)
    return [replace(record, labels=_without(record.labels, rare)) for record in records]


def _without(labels: Mapping[str, str | None], rare: Mapping[str, set[str]]) -> dict[str, str | None]:
    return {target: None if label in rare.get(target, ()) else label for target, label in labels.items()}


def _found_clusters(
    links: Links, records: Sequence[Record], taken: set[int], dropped: set[int]
) -> tuple[FoundCluster, ...]:
    """The clusters, as far as the data set takes their images, or would have."""
    found = []
    for cluster in clusters(links):
        rows = [row for row in cluster.rows if row in taken or row in dropped]
        if len(rows) > 1 and not taken.isdisjoint(rows):
            found.append(_found_cluster(cluster, rows, records, dropped))
    return tuple(found)


def _found_cluster(cluster: Cluster, rows: Sequence[int], records: Sequence[Record], dropped: set[int]) -> FoundCluster:
    return FoundCluster(
        records=tuple(records[row] for row in rows),
        dropped=frozenset(records[row].file for row in rows if row in dropped),
        is_exact=cluster.is_exact,
    )


def _grouped(records: Sequence[Record], found: Iterable[FoundCluster]) -> list[Record]:
    """Make one group of all images that show the same picture, and of the groups that these bring."""
    number = {record.file: row for row, record in enumerate(records)}
    copies = [[number[record.file] for record in cluster.records if record.file in number] for cluster in found]
    brought = _brought_groups(records)
    groups = Groups(len(records))
    chained = [pair for rows in (*copies, *brought.values()) for pair in pairwise(rows)]
    groups.join(np.array(chained, dtype=np.int64).reshape(-1, 2))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in {row for rows in copies if len(rows) > 1 for row in rows}:
        members[int(groups.of(row))].append(row)
    grouped = list(records)
    for row, group in enumerate(groups.of(range(len(records))).tolist()):
        if group in members:
            name = records[group].group
            grouped[row] = replace(records[row], group=f"copies of {records[group].file}" if name is None else name)
    return grouped


def _brought_groups(records: Sequence[Record]) -> dict[str, list[int]]:
    brought: defaultdict[str, list[int]] = defaultdict(list)
    for row, record in enumerate(records):
        if record.group is not None:
            brought[record.group].append(row)
    return brought


def _apart(records: Sequence[Record], selection: Selection, notes: list[str]) -> list[Record]:
    """Leave out images of held-out classes that are in a group with images of known ones: these would be learnt."""
    held_out = set(selection.held_out)
    if not held_out:
        return list(records)
    learnt = {record.group for record in records if record.group is not None and record.label not in held_out}
    left = [record for record in records if record.label not in held_out or record.group not in learnt]
    if len(left) < len(records):
        notes.append(
            f"{counted(len(records) - len(left), 'image')} of held-out classes left out: they are in a group with, or "
            "copies of, images of classes that are learnt"
        )
    return left
