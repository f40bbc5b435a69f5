"""Splitting: which image goes to training, validation or test; a pure function of (seed, file names, labels, groups).

Each class is split on its own. Its share of a split is exact, by largest remainder, as far as groups allow: a group of
images that belong together is never torn apart. Which images go where is decided by hashes of their names, so neither
the order of the records nor other classes have a say.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from artkit_shards.conversion.records import Record
from artkit_shards.errors import ConvertError

TRAIN: Final = "train"
TEST: Final = "test"
UNKNOWN: Final = "unknown"
"""Holds the images of classes that are held out."""

Counts = dict[str, dict[str, int]]
"""Number of images by class and split."""


@dataclass(slots=True)
class _Unit:
    """Images that stay together: a group, or a single image."""

    order: bytes
    records: list[Record] = field(default_factory=list)
    class_counts: dict[str, int] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        self.records.append(record)
        self.class_counts[record.stratum] = self.class_counts.get(record.stratum, 0) + 1


def seeded_order(seed: int, purpose: str, name: str) -> bytes:
    """A hash to sort by: a random order of names that depends on the seed and the names alone."""
    return hashlib.blake2b(f"{seed}\0{purpose}\0{name}".encode(), digest_size=16).digest()


def check_fractions(fractions: Mapping[str, float]) -> None:
    """Raise ConvertError if split fractions are not positive numbers with a sum of 1, one of them for "train"."""
    given = ",".join(f"{name}={fraction:g}" for name, fraction in fractions.items())
    example = "for example train=0.7,val=0.1,test=0.2"
    if TRAIN not in fractions:
        raise ConvertError(f"the split {given!r} has no 'train'; name the splits and their shares, {example}")
    for name, fraction in fractions.items():
        if not (math.isfinite(fraction) and fraction > 0):
            raise ConvertError(f"the split {given!r} gives {name!r} no positive share; leave it out, {example}")
    if not math.isclose(sum(fractions.values()), 1, abs_tol=1e-6):
        total = sum(fractions.values())
        raise ConvertError(f"the shares of the split {given!r} have a sum of {total:g}; it must be 1, {example}")


def assign_splits(records: Sequence[Record], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """Give each record a split.

    A record that brings a split keeps it, and takes the rest of its group along. Every class with an image has one in
    "train", and with two or more one in "test", if there is a test split.

    Args:
        records: Each with a `file` of its own.
        fractions: Share of each split, as `check_fractions` wants them.
        seed: Another seed gives another split.

    Returns:
        Split of each `Record.file`.
    """
    splits = {record.file: record.split for record in records if record.split is not None}
    free = []
    for unit in _units(records, seed):
        given = next((record.split for record in unit.records if record.split is not None), None)
        if given is None:
            free.append(unit)
        else:
            splits.update({record.file: given for record in unit.records if record.split is None})
    wanted = _wanted_counts(free, fractions)
    splits.update(_assign_units(free, wanted))
    return splits


def share_out(count: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """How many of a class's images each split gets, by largest remainder.

    Ties go to the split with fewer. "train" gets at least one, and then "test", if there are that many.

    Example:
        With train=0.7, val=0.1, test=0.2: 1 image gives 1, 0, 0; 2 give 1, 0, 1; 5 give 3, 1, 1; 10 give 7, 1, 2.
    """
    # Rounding keeps 0.1 * 30 = 3.0000000000000004 from counting as a remainder.
    exact = {name: round(count * fraction, 9) for name, fraction in fractions.items()}
    shares = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(shares, key=lambda name: (-round(exact[name] - shares[name], 9), shares[name]))
    for name in by_remainder[: count - sum(shares.values())]:
        shares[name] += 1
    for needed, at_least in ((TRAIN, 1), (TEST, 2)):
        if count >= at_least and shares.get(needed) == 0:
            # Training does not give away its only image.
            spare = {name: share - (name == TRAIN) for name, share in shares.items()}
            shares[max(spare, key=lambda name: spare[name])] -= 1
            shares[needed] = 1
    return shares


def _units(records: Sequence[Record], seed: int) -> list[_Unit]:
    """Groups and single images, large ones first, else in seeded order."""
    units: dict[tuple[str, str], _Unit] = {}
    for record in records:
        key = ("file", record.file) if record.group is None else ("group", record.group)
        if key not in units:
            units[key] = _Unit(seeded_order(seed, f"split {key[0]}", key[1]))
        units[key].add(record)
    return sorted(units.values(), key=lambda unit: (-len(unit.records), unit.order))


def _wanted_counts(units: Iterable[_Unit], fractions: Mapping[str, float]) -> Counts:
    class_counts: Counter[str] = Counter()
    for unit in units:
        class_counts.update(unit.class_counts)
    return {label: share_out(count, fractions) for label, count in class_counts.items()}


def _assign_units(units: Sequence[_Unit], wanted: Counts) -> dict[str, str]:
    """Give each unit to the split that lacks most of its classes; exact for units of one image."""
    missing = {label: dict(shares) for label, shares in wanted.items()}
    units_left: Counter[str] = Counter(label for unit in units for label in unit.class_counts)
    held: defaultdict[str, Counter[str]] = defaultdict(Counter)
    splits: dict[str, str] = {}
    for unit in units:
        counts = unit.class_counts
        split = _neediest(counts, wanted, missing, held, units_left)
        for label, count in counts.items():
            missing[label][split] -= count
            held[label][split] += count
            units_left[label] -= 1
        splits.update({record.file: split for record in unit.records})
    return splits


def _neediest(
    counts: Mapping[str, int],
    wanted: Counts,
    missing: Counts,
    held: Mapping[str, Counter[str]],
    units_left: Counter[str],
) -> str:
    """The split that lacks most images of the unit's classes; of equal ones the one that holds fewest.

    When a class has only as many units left as it has splits that still hold nothing and should, one of these gets the
    unit, so that large groups do not leave a split without the class; if there are not enough for all, training comes
    first and testing second.
    """
    names = list(next(iter(wanted.values())))
    for label in counts:
        empty = [name for name in names if wanted[label][name] > 0 and held[label][name] == 0]
        if len(empty) > units_left[label]:
            return next(name for name in (TRAIN, TEST, *empty) if name in empty)
        if len(empty) == units_left[label]:
            names = empty
            break

    def lack(name: str) -> tuple[int, int]:
        lacking = sum(count * missing[label][name] for label, count in counts.items())
        return lacking, -sum(held[label][name] for label in counts)

    return max(names, key=lack)
