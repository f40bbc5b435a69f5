"""The names of all classes of a target, and the number of each, from what all samples say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artkit_shards.errors import DatasetError
from artkit_shards.indexing.labels import Label, LabelRule
from artkit_shards.wording import listed

CLASS_FILES: Final = ("classes.txt", "classnames.txt", "class_names.txt", "labels.txt")
"""Files beside the tars that are taken for names of classes, the first that is there."""
_MAX_FILE_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Names of classes from a file, one a line; the first line names class 0."""

    file: str
    """Where they stand, as users know it."""
    names: tuple[str, ...]


def read_class_names(path: Path, shown: str) -> ClassNames:
    """Read names of classes, one a line. Names that come twice get their number behind them.

    Args:
        path: Of the file.
        shown: The file as users know it.

    Raises:
        DatasetError: if the file cannot be read, or has no names or an empty line among them.
    """
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise DatasetError(f"{shown} has more than {_MAX_FILE_BYTES >> 20} MiB; this is no list of class names")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"the class names {shown} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"the class names {shown} are not UTF-8 text; save the file as UTF-8") from error
    lines = [" ".join(line.split()) for line in text.rstrip().splitlines()]
    if not lines or "" in lines:
        where = f"line {lines.index('') + 1} of it is empty" if lines else "it is empty"
        raise DatasetError(f"{shown} must name one class a line, from class 0 on, but {where}")
    taken: set[str] = set()
    names = []
    for number, line in enumerate(lines):
        names.append(f"{line} ({number})" if line in taken else line)
        taken.add(line)
    return ClassNames(shown, tuple(names))


def name_classes(
    rule: LabelRule, labels: Iterable[Label], given: ClassNames | None
) -> tuple[tuple[str, ...], dict[Label, int]]:
    """Names of the classes of a target, and the class number of each label.

    Numbers in `.cls` stay what they are. Numbers and texts elsewhere are names, sorted: numbers by value, then texts.

    Args:
        rule: Where the labels come from.
        labels: All that occur.
        given: Names from a file, if there is one; then numbers count its lines, and texts must stand in it.

    Raises:
        DatasetError: if labels do not fit the names of the file, or there are none.
    """
    found = {label for label in labels if label is not None}
    if not found:
        raise DatasetError(f"no sample says its class by {rule.text!r}; name the field that does with --label FIELD")
    numbers = sorted(label for label in found if isinstance(label, int))
    texts = sorted(label for label in found if isinstance(label, str))
    if given is not None:
        return given.names, _from_file(rule, numbers, texts, given)
    if rule.member == "cls" and not texts:
        return tuple(map(str, range(numbers[-1] + 1))), {number: number for number in numbers}
    if rule.member == "cls" and numbers:
        raise DatasetError(
            f"some .cls members are numbers ({numbers[0]}) and some are not ({texts[0]!r}); make them alike"
        )
    names = tuple(dict.fromkeys([*map(str, numbers), *texts]))
    number_of = {name: number for number, name in enumerate(names)}
    return names, {label: number_of[str(label)] for label in found}


def _from_file(rule: LabelRule, numbers: Sequence[int], texts: Sequence[str], given: ClassNames) -> dict[Label, int]:
    if numbers and not 0 <= numbers[0] <= numbers[-1] < len(given.names):
        raise DatasetError(
            f"{rule.text!r} has classes from {numbers[0]} to {numbers[-1]}, but {given.file} names {len(given.names)}, "
            "from 0 on; give the right file with --classes"
        )
    number_of = {name: number for number, name in enumerate(given.names)}
    missing = [text for text in texts if text not in number_of]
    if missing:
        raise DatasetError(f"{given.file} does not name the classes {listed(missing, 5)}; add them, one a line")
    return {number: number for number in numbers} | {text: number_of[text] for text in texts}
