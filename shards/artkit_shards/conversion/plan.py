"""The plan of a conversion: every decision between looking at the images and writing them.

A pure function of the list of images, what was found in them, and the settings; no file is touched here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from artkit_shards.conversion.augmenting import with_copies
from artkit_shards.conversion.coverage import check_training, group_notes, split_notes
from artkit_shards.conversion.curation import FoundCluster, curate
from artkit_shards.conversion.duplicates.leakage import DuplicateCounts, count_duplicates
from artkit_shards.conversion.encoding import fitted_size
from artkit_shards.conversion.inspection import Inspection, Pixels
from artkit_shards.conversion.layout import Sample, ShardLayout, lay_out, split_order
from artkit_shards.conversion.records import Record
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.split import TRAIN, UNKNOWN, assign_splits, seeded_order
from artkit_shards.conversion.split_names import unusual_notes
from artkit_shards.conversion.storage import choose_suffix, reasons_to_encode, too_large_for
from artkit_shards.format.manifest import Target
from artkit_shards.format.tar import Suffix

Usable = Sequence[tuple[Record, Inspection]]

_LEAST_MEASURED: Final = 64
_SHARE_MEASURED: Final = 64
_MOST_MEASURED: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejects:
    """Files that cannot be used, each with a short reason."""

    files: tuple[tuple[str, str], ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How many by reason, without details; the commonest first."""
        counts = Counter(reason.partition(":")[0] for _, reason in self.files)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be written."""

    suffix: Suffix
    targets: tuple[Target, ...]
    """The first is the main one."""
    shards: dict[str, list[ShardLayout]]
    """By split, in order; splits without samples are not there."""
    measured: tuple[Pixels, ...]
    """What is known of the pixels of training images."""
    to_measure: tuple[Record, ...]
    """Training images that are to be decoded to know more, because their header alone was read."""
    encoded: Counter[str]
    """Images that are written anew, by reason; an image can have several."""
    clusters: tuple[FoundCluster, ...]
    """Images that show the same picture."""
    splits: Mapping[str, str]
    """Split of each file that the data set holds."""
    duplicates: DuplicateCounts
    held_out: Mapping[str, int]
    """Images of each class that is held out."""
    notes: tuple[str, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes of the main target."""
        return self.targets[0].classes

    @property
    def shard_names(self) -> list[str]:
        """Names of all shards, in order."""
        return [shard.name for shards in self.shards.values() for shard in shards]

    def samples(self, split: str) -> list[Sample]:
        """The samples of a split in order."""
        return [sample for shard in self.shards[split] for sample in shard.samples]

    def keys(self, split: str) -> list[str]:
        """The keys of a split's samples in order."""
        return [key for shard in self.shards[split] for key in shard.keys]


def sort_out(
    listing: Sequence[Record], findings: Sequence[Inspection | str], settings: Settings
) -> tuple[Usable, Rejects, Suffix]:
    """Part usable images from rejects, and choose the format in which all are stored."""
    found = [finding for finding in findings if isinstance(finding, Inspection)]
    suffix = choose_suffix(found, settings.image_format)
    usable, rejects = [], []
    for record, finding in zip(listing, findings, strict=True):
        if isinstance(finding, str):
            rejects.append((record.file, finding))
        elif reason := too_large_for(finding, suffix, settings.max_side):
            rejects.append((record.file, reason))
        else:
            usable.append((record, finding))
    return usable, Rejects(files=tuple(rejects)), suffix


def plan_conversion(listing: Sequence[Record], usable: Usable, suffix: Suffix, settings: Settings) -> Plan:
    """Choose images and classes, draw the split, add copies, shuffle, and lay out the shards.

    Args:
        listing: All images.
        usable: Those that can be used, and what was found in them.
        suffix: Format in which they are stored.
        settings: What is wanted.

    Raises:
        ConvertError: if classes have too few images, or none for training.
    """
    curated = curate(listing, usable, settings)
    chosen, class_names = curated.images, curated.selection.classes
    known = [record for record, _ in chosen if not curated.is_held_out(record)]
    splits = assign_splits(known, settings.fractions, settings.seed)
    splits.update({record.file: UNKNOWN for record, _ in chosen if curated.is_held_out(record)})
    check_training(known, splits, class_names)
    duplicates = count_duplicates(curated, splits)
    notes = [
        *curated.notes,
        *unusual_notes(splits.values()),
        *split_notes(known, splits, class_names, settings),
        *group_notes(listing, splits),
    ]
    targets = _targets(known, class_names)
    numbers: list[dict[str | None, int]] = [
        {name: number for number, name in enumerate(target.classes)} for target in targets
    ]
    measured, to_measure = _measured(chosen, splits, settings.seed)
    samples: dict[str, list[Sample]] = {split: [] for split in split_order(splits.values())}
    for record, inspection in chosen:
        samples[splits[record.file]].append(_sample(record, inspection, numbers, suffix, settings.max_side))
    if settings.augments:
        samples[TRAIN] = with_copies(samples[TRAIN], settings)
    return Plan(
        suffix=suffix,
        targets=targets,
        shards=_lay_out_splits(samples, settings),
        measured=measured,
        to_measure=to_measure,
        encoded=Counter(
            reason for _, found in chosen for reason in reasons_to_encode(found, suffix, settings.max_side)
        ),
        clusters=curated.clusters,
        splits=splits,
        duplicates=duplicates,
        held_out=Counter(str(record.label) for record, _ in chosen if curated.is_held_out(record)),
        notes=tuple(notes),
    )


def _measured(chosen: Usable, splits: Mapping[str, str], seed: int) -> tuple[tuple[Pixels, ...], tuple[Record, ...]]:
    """What is known of the pixels of training images, and images of which more should be known.

    If there are such whose header alone was read, a sample of all is drawn: one in 64, at least 64 and at most 2000.
    """
    training = [(record, found) for record, found in chosen if splits[record.file] == TRAIN]
    if any(found.pixels is None for _, found in training):
        count = min(max(_LEAST_MEASURED, len(training) // _SHARE_MEASURED), _MOST_MEASURED)
        training = sorted(training, key=lambda image: seeded_order(seed, "measure", image[0].file))[:count]
    known = tuple(found.pixels for _, found in training if found.pixels is not None)
    return known, tuple(record for record, found in training if found.pixels is None)


def _lay_out_splits(samples: Mapping[str, Sequence[Sample]], settings: Settings) -> dict[str, list[ShardLayout]]:
    shards = {}
    first_number = 0
    for split, members in samples.items():
        shards[split] = lay_out(
            split, members, first_number=first_number, seed=settings.seed, shard_bytes=settings.shard_bytes
        )
        first_number += len(members)
    return shards


def _targets(known: Sequence[Record], class_names: Sequence[str]) -> tuple[Target, ...]:
    """All targets; the classes of the main one were selected, those of the others are what occurs."""
    main, *others = known[0].labels
    return (
        Target(main, tuple(class_names)),
        *(
            Target(name, tuple(sorted({label for record in known if (label := record.labels[name]) is not None})))
            for name in others
        ),
    )


def _sample(
    record: Record,
    inspection: Inspection,
    numbers: Sequence[Mapping[str | None, int]],
    suffix: Suffix,
    max_side: int | None,
) -> Sample:
    labels = tuple(number_of.get(name, -1) for name, number_of in zip(record.labels.values(), numbers, strict=True))
    width, height = fitted_size(inspection.width, inspection.height, max_side)
    shrunk = (width * height) / (inspection.width * inspection.height)
    return Sample(
        image=record.image,
        file=record.file,
        labels=labels,
        num_bytes=inspection.num_bytes,
        crc32=inspection.crc32,
        width=width,
        height=height,
        stored_bytes=round(inspection.num_bytes * shrunk),
        encode=bool(reasons_to_encode(inspection, suffix, max_side)),
        header_only=inspection.pixels is None,
        held_out=record.label if labels[0] < 0 else None,
    )
