"""Splits that folders, file names and tables tell in words of their own."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from artkit_shards.conversion.sources.names import folded
from artkit_shards.conversion.split_names import check_spelling
from artkit_shards.errors import ConvertError
from artkit_shards.format.manifest import is_plain_name
from artkit_shards.wording import listed

AUTO: Final = "auto"
"""Stands in `split_values` for a split that the conversion is to draw."""
OUT: Final = "out"
"""Stands there for images that the data set is not to have."""

SPLIT_WORDS: Final = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
"""What splits are called, in small letters -> the split."""
_OF_BOOLEAN: Final = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_WORD: Final = re.compile(r"[^\W_]+")


def split_of_name(name: str) -> str | None:
    """The split that a word stands for, such as "val" for "Validation"; None for other words."""
    return SPLIT_WORDS.get(folded(name))


def split_in(name: str) -> str | None:
    """The split that a name has among its words, as "in_train", "isTest" and "painters-val-000001.tar" have."""
    words = _WORD.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", name))
    return next((split for word in words if (split := split_of_name(word))), None)


def read_splits(column: str, values: Collection[str], mapping: Mapping[str, str]) -> dict[str, str | None]:
    """What the values of a table's split column stand for.

    A value that `mapping` has stands for what it says there. Of the others, words such as "train" and "Validation"
    stand for themselves; and true and false (yes and no, 1 and 0) tell whether an image is in the split that the
    column is named for: in a column "in_train", false stands for "test".

    Args:
        column: The column's name.
        values: Its different values, trimmed.
        mapping: Value -> split, "auto" for one that the conversion draws, or "out"; capitals do not matter.

    Returns:
        Split by value, None where the conversion draws it, or `OUT`.

    Raises:
        ConvertError: if a value or an entry of the mapping cannot be used.
    """
    meant = {folded(value): split for value, split in mapping.items()}
    unused = [value for value in mapping if folded(value) not in {folded(value) for value in values}]
    if unused:
        raise ConvertError(
            f"the column {column!r} has no value {listed(list(map(repr, unused)))}; its values are "
            f"{listed(sorted(map(repr, values)))}"
        )
    rest = [value for value in values if folded(value) not in meant]
    splits: dict[str, str | None] = {value: _mapped(meant[folded(value)]) for value in values if value not in rest}
    if rest and all(folded(value) in _OF_BOOLEAN for value in rest) and (named := split_in(column)):
        other = "train" if named != "train" else "test"
        return splits | {value: named if _OF_BOOLEAN[folded(value)] else other for value in rest}
    unknown = [value for value in rest if split_of_name(value) is None and not is_plain_name(value)]
    if unknown or (rest and all(folded(value) in _OF_BOOLEAN for value in rest)):
        raise ConvertError(
            f"the values {listed(sorted(map(repr, rest)))} of the column {column!r} name no split; say what they "
            f"stand for, such as --split-values {_example(rest)}"
        )
    return splits | {value: split_of_name(value) or value for value in rest}


def _mapped(split: str) -> str | None:
    if split == AUTO:
        return None
    if not is_plain_name(split):
        raise ConvertError(
            f"{split!r} cannot be the name of a split; use a name such as 'test', 'auto' where --split is to "
            "decide, or 'out' for images that are to be left out"
        )
    meant = split_of_name(split) or split
    if meant != OUT:
        check_spelling(meant)
    return meant


def _example(values: Collection[str]) -> str:
    splits = ("test", "train", "val")
    return ",".join(f"{value}={split}" for value, split in zip(sorted(values), splits, strict=False))
