"""Selecting: which classes a data set has, and how many images of each.

Choices are made in this order, each on what the one before has left:

1. `classes`: those that are named;
2. `min_count`: those with enough images;
3. `top`: the largest;
4. `hold_out`: some of these go to the split "unknown" instead. Classes that are held out by name need not pass 1 to 3;
5. `max_count`: not too many images of any.

Images that have no class in the main target are not affected.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from artkit_shards.conversion.records import Record
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.sources.names import look_alikes
from artkit_shards.conversion.split import seeded_order
from artkit_shards.errors import ConvertError
from artkit_shards.wording import listed


@dataclass(frozen=True, slots=True)
class Selection:
    """The classes of a data set."""

    classes: tuple[str, ...]
    """Those that can be learnt, sorted."""
    held_out: tuple[str, ...]
    """Those of the split "unknown", sorted."""
    notes: tuple[str, ...]
    """What was left out, a sentence each."""


def select_classes(class_counts: Mapping[str, int], settings: Settings) -> Selection:
    """Choose the classes of a data set.

    Args:
        class_counts: Usable images of each class that was found, 0 included.
        settings: Of which `classes`, `min_count`, `top` and `hold_out` count.

    Raises:
        ConvertError: if a class that is named is not there, a class has too few images and nobody said what to do with
            it, or fewer than two classes are left.
    """
    named = () if settings.hold_out is None or isinstance(settings.hold_out, int) else settings.hold_out
    check_class_names(class_counts, settings)
    counts = {name: count for name, count in class_counts.items() if name not in named}
    notes: list[str] = []
    if settings.classes is not None:
        counts = _keep(counts, set(settings.classes), notes, "classes that were not asked for")
    if settings.min_count is not None:
        counts = _with_enough(counts, settings.min_count, notes)
    if settings.top is not None:
        largest = sorted(counts, key=lambda name: (-counts[name], name))[: settings.top]
        counts = _keep(counts, set(largest), notes, f"classes that are not among the {settings.top} largest")
    if settings.min_count is None:
        # Only now: what the largest leave out may well have a single image.
        counts = _with_enough(counts, None, notes)
    held_out = list(named)
    if isinstance(settings.hold_out, int):
        drawn = sorted(counts, key=lambda name: seeded_order(settings.seed, "hold out", name))
        held_out = drawn[: settings.hold_out]
    held_out = sorted(name for name in held_out if class_counts[name] > 0)
    classes = sorted(set(counts) - set(held_out))
    if len(classes) < 2:
        raise ConvertError(_too_few(len(classes), class_counts, held_out, settings.min_count))
    if held_out:
        notes.append(
            f"held out for the split 'unknown': {_with_counts({name: class_counts[name] for name in held_out})}"
        )
    return Selection(tuple(classes), tuple(held_out), tuple(notes))


def is_asked_for(label: str | None, settings: Settings) -> bool:
    """Whether images of a class may be taken at all, going by the names that are given; those without a class may."""
    if settings.classes is None or label is None:
        return True
    return label in settings.classes or (isinstance(settings.hold_out, tuple) and label in settings.hold_out)


def check_class_names(present: Collection[str], settings: Settings) -> None:
    """Raise ConvertError if `settings` name a class that is not among those that are present."""
    held_out = () if isinstance(settings.hold_out, int) else settings.hold_out or ()
    _check_names(held_out, present, "hold_out")
    _check_names(settings.classes or (), present, "classes")


def limit_images(records: Sequence[Record], max_count: int, seed: int) -> set[str]:
    """Draw at most `max_count` images of each class.

    Images of a group stay together as far as possible: groups are taken in the order of a hash of their names, those
    that no longer fit are passed over, and what is missing in the end is filled up from the first of these. So it
    depends on an image's own name whether it is taken, and little on which others there are.

    Args:
        records: The images; those without a class are all taken.
        max_count: At least 1.
        seed: Another seed draws others.

    Returns:
        Names of the files that are taken.
    """
    taken = {record.file for record in records if record.label is None}
    units: defaultdict[str, defaultdict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record.label is not None:
            unit = ("file", record.file) if record.group is None else ("group", record.group)
            units[record.label][unit].append(record.file)
    for members in units.values():
        in_order = sorted(members, key=lambda unit: seeded_order(seed, f"limit {unit[0]}", unit[1]))
        taken.update(_fill([members[unit] for unit in in_order], max_count, seed))
    return taken


def rare_classes(labels: Iterable[str | None], min_count: int) -> set[str]:
    """Classes of which there are fewer than `min_count`."""
    counts: defaultdict[str, int] = defaultdict(int)
    for label in labels:
        if label is not None:
            counts[label] += 1
    return {name for name, count in counts.items() if count < min_count}


def _fill(units: Sequence[Sequence[str]], room: int, seed: int) -> list[str]:
    """Files of as many whole units as there is room for, and part of one more."""
    taken: list[str] = []
    passed_over: Sequence[str] = ()
    for unit in units:
        if len(unit) <= room - len(taken):
            taken += unit
        elif not passed_over:
            passed_over = unit
    in_order = sorted(passed_over, key=lambda file: seeded_order(seed, "limit file", file))
    return taken + in_order[: room - len(taken)]


def _with_enough(counts: Mapping[str, int], min_count: int | None, notes: list[str]) -> dict[str, int]:
    least = 2 if min_count is None else min_count
    enough = {name for name, count in counts.items() if count >= least}
    if min_count is not None:
        return _keep(counts, enough, notes, f"classes with fewer than {least} usable images")
    short = {name: count for name, count in sorted(counts.items()) if name not in enough}
    if short:
        raise ConvertError(
            f"{_with_counts(short)}: too few usable images to have one for training and one for testing. Add images, "
            "leave such classes out with --min-count 2, or keep those with one image, for training only, with "
            f"--min-count 1{_spellings(counts, short)}"
        )
    return dict(counts)


def _spellings(counts: Iterable[str], short: Collection[str]) -> str:
    """A sentence on the small classes that may be others, written in another way; "" if there are none."""
    groups = [group for group in look_alikes(counts) if not set(short).isdisjoint(group)]
    names = listed([" and ".join(map(repr, group)) for group in groups], 3)
    return f". Some may be one class in two spellings: {names}" if groups else ""


def _keep(counts: Mapping[str, int], names: set[str], notes: list[str], what: str) -> dict[str, int]:
    """Keep some classes and tell of the others."""
    others = {name: count for name, count in sorted(counts.items()) if name not in names}
    if others:
        notes.append(f"{what} left out: {_with_counts(others)}")
    return {name: count for name, count in counts.items() if name in names}


def _too_few(num_left: int, class_counts: Mapping[str, int], held_out: Sequence[str], min_count: int | None) -> str:
    rule = "and a data set needs at least two"
    if held_out:
        return f"only {num_left} of {len(class_counts)} classes are not held out, {rule}; hold out fewer"
    if min_count is not None:
        return (
            f"{num_left} of {len(class_counts)} classes have {min_count} or more usable images, {rule}; "
            "add images or ask for a lower --min-count"
        )
    return (
        f"{num_left} of {len(class_counts)} classes would be left, {rule}; add images of others, or name more classes"
    )


def _check_names(names: Sequence[str], present: Collection[str], what: str) -> None:
    for name in names:
        if name not in present:
            from difflib import get_close_matches

            near = get_close_matches(name, present, n=3)
            others = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there is {listed(sorted(present))}"
            raise ConvertError(f"{what} names {name!r}, but there is no such class; {others}")


def _with_counts(counts: Mapping[str, int]) -> str:
    return listed([f"{name!r} ({count})" for name, count in counts.items()])
