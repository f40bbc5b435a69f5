"""The plan of a conversion: every decision between looking at the images and writing them.

A pure function of the list of images, what was found in them, and the settings; no file is touched here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from artkit_shards.conversion.encoding import fitted_size
from artkit_shards.conversion.inspection import Channels, Inspection, pixel_statistics
from artkit_shards.conversion.layout import Sample, ShardLayout, lay_out, split_order
from artkit_shards.conversion.records import Record
from artkit_shards.conversion.selection import select_classes
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.split import TRAIN, assign_splits
from artkit_shards.conversion.storage import choose_suffix, reasons_to_encode, too_large_for
from artkit_shards.errors import ConvertError
from artkit_shards.format.manifest import Target
from artkit_shards.format.tar import Suffix
from artkit_shards.wording import listed

Usable = list[tuple[Record, Inspection]]


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
    pixel_mean: Channels
    pixel_std: Channels
    encoded: Counter[str]
    """Images that are written anew, by reason; an image can have several."""
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
    """Choose classes, draw the split, shuffle, and lay out the shards.

    Raises:
        ConvertError: if classes have too few images, or none for training.
    """
    class_counts = Counter(dict.fromkeys((record.label for record in listing if record.label is not None), 0))
    class_counts.update(record.label for record, _ in usable if record.label is not None)
    class_names, notes = select_classes(class_counts, settings.min_count)
    kept = set(class_names)
    chosen = [(record, found) for record, found in usable if record.label is None or record.label in kept]
    targets = _targets(chosen, class_names)
    label_of = [{name: label for label, name in enumerate(target.classes)} for target in targets]
    splits = assign_splits([record for record, _ in chosen], settings.fractions, settings.seed)
    _check_training(chosen, splits, class_names)
    notes += _split_notes(chosen, splits, class_names, settings)
    mean, std = pixel_statistics(inspection for record, inspection in chosen if splits[record.file] == TRAIN)
    samples: dict[str, list[Sample]] = {split: [] for split in split_order(splits.values())}
    for record, inspection in chosen:
        named = zip(record.labels.values(), label_of, strict=True)
        labels = tuple(-1 if name is None else numbers[name] for name, numbers in named)
        sample = _sample(record, inspection, labels, suffix, settings.max_side)
        samples[splits[record.file]].append(sample)
    return Plan(
        suffix=suffix,
        targets=targets,
        shards=_lay_out_splits(samples, settings),
        pixel_mean=mean,
        pixel_std=std,
        encoded=Counter(
            reason for _, found in chosen for reason in reasons_to_encode(found, suffix, settings.max_side)
        ),
        notes=tuple(notes),
    )


def _lay_out_splits(samples: Mapping[str, Sequence[Sample]], settings: Settings) -> dict[str, list[ShardLayout]]:
    shards = {}
    first_number = 0
    for split, members in samples.items():
        shards[split] = lay_out(
            split, members, first_number=first_number, seed=settings.seed, shard_bytes=settings.shard_bytes
        )
        first_number += len(members)
    return shards


def _targets(chosen: Usable, class_names: Sequence[str]) -> tuple[Target, ...]:
    """All targets; the classes of the main one were selected, those of the others are what occurs."""
    main, *others = chosen[0][0].labels
    return (
        Target(main, tuple(class_names)),
        *(
            Target(name, tuple(sorted({label for record, _ in chosen if (label := record.labels[name]) is not None})))
            for name in others
        ),
    )


def _sample(
    record: Record, inspection: Inspection, labels: tuple[int, ...], suffix: Suffix, max_side: int | None
) -> Sample:
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
    )


def _check_training(chosen: Usable, splits: dict[str, str], class_names: Sequence[str]) -> None:
    lacking = _lacking(TRAIN, chosen, splits, class_names)
    if lacking:
        raise ConvertError(
            f"there are no usable training images of {listed(lacking)}; every class needs one in the split 'train': "
            "add some, or take these classes out of the other splits"
        )


def _split_notes(chosen: Usable, splits: dict[str, str], class_names: Sequence[str], settings: Settings) -> list[str]:
    """Which splits or classes will have nothing to be validated or tested on, and why."""
    given = any(record.split is not None for record, _ in chosen)
    why = "the images bring splits of their own" if given else "too few images, or groups of them"
    notes = []
    for split in split_order([*settings.fractions, *splits.values()]):
        lacking = _lacking(split, chosen, splits, class_names)
        if len(lacking) == len(class_names):
            notes.append(f"there is no image in {split!r}: {why}")
        elif lacking:
            notes.append(f"there is no image in {split!r} of {listed(lacking)}: {why}")
    return notes


def _lacking(split: str, chosen: Usable, splits: dict[str, str], class_names: Sequence[str]) -> list[str]:
    """Classes without an image in a split."""
    present = {record.label for record, _ in chosen if splits[record.file] == split}
    return [name for name in class_names if name not in present]
