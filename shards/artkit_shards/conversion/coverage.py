"""Coverage: which classes have no image in which split, and which groups are torn apart, and why."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from artkit_shards.conversion.layout import split_order
from artkit_shards.conversion.records import Record
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.split import TRAIN
from artkit_shards.errors import ConvertError
from artkit_shards.wording import counted, listed


def check_training(known: Sequence[Record], splits: Mapping[str, str], class_names: Sequence[str]) -> None:
    """Raise ConvertError if a class has no image in the split "train", with what keeps its images out of it.

    Args:
        known: Images, those of held-out classes left out, with their final groups.
        splits: Split of each file.
        class_names: Classes that are to be learnt.
    """
    lacking = _lacking(TRAIN, known, splits, class_names)
    if not lacking:
        return
    fault = f"there are no usable training images of {listed(lacking)}; every class needs one in the split 'train'"
    drawn = {record.group for record in known if record.label in lacking and record.split is None} - {None}
    if not drawn:
        raise ConvertError(f"{fault}: add some, or take these classes out of the other splits")
    # What is drawn always has an image in "train", unless a group takes it elsewhere.
    where = sorted({f"{record.group!r} ({splits[record.file]})" for record in known if record.group in drawn})
    raise ConvertError(
        f"{fault}. Images of a group stay in one split, and these groups took theirs elsewhere: {listed(where, 5)}. "
        "Give another --group column, or none; groups of copies are not formed with --duplicates keep"
    )


def split_notes(
    known: Sequence[Record], splits: Mapping[str, str], class_names: Sequence[str], settings: Settings
) -> list[str]:
    """Which splits or classes will have nothing to be validated or tested on, and why."""
    notes = []
    for split in split_order([*settings.fractions, *(splits[record.file] for record in known)]):
        lacking = _lacking(split, known, splits, class_names)
        if len(lacking) == len(class_names):
            notes.append(f"there is no image in {split!r}: {_why(known, lacking)}")
        elif lacking:
            notes.append(f"there is no image in {split!r} of {listed(lacking)}: {_why(known, lacking)}")
    return notes


def group_notes(listing: Sequence[Record], splits: Mapping[str, str]) -> list[str]:
    """Which of the groups that images bring are torn apart by the splits that they bring."""
    splits_of: defaultdict[str, set[str]] = defaultdict(set)
    for record in listing:
        if record.group is not None and record.file in splits:
            splits_of[record.group].add(splits[record.file])
    torn = [f"{group!r} ({', '.join(split_order(names))})" for group, names in splits_of.items() if len(names) > 1]
    if not torn:
        return []
    groups = counted(len(torn), "group")
    return [f"{groups} torn apart by the splits that the images bring: {listed(torn, 3)}"]


def _why(known: Sequence[Record], lacking: Collection[str]) -> str:
    """What keeps images of classes out of a split."""
    if any(record.split is not None for record in known):
        return "the images bring splits of their own"
    if any(record.group is not None for record in known if record.label in lacking):
        return "too few images, or too few groups, which stay whole"
    return "too few images"


def _lacking(split: str, known: Sequence[Record], splits: Mapping[str, str], class_names: Sequence[str]) -> list[str]:
    """Classes without an image in a split."""
    present = {record.label for record in known if splits[record.file] == split}
    return [name for name in class_names if name not in present]
