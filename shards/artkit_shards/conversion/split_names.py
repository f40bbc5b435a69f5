"""Names of splits: those that artkit trains, selects and tests on, others, and others that are misspelt."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from artkit_shards.conversion.layout import split_order
from artkit_shards.conversion.split import TEST, TRAIN, UNKNOWN
from artkit_shards.errors import ConvertError

USUAL_SPLITS: Final = (TRAIN, "val", TEST, UNKNOWN)
_ALIKE: Final = 0.8


def check_spelling(name: str) -> None:
    """Raise ConvertError if a name that someone typed is one of the usual ones but for a slip.

    Names with digits or other signs, such as "test_2", are meant as they are.
    """
    near = _near(name)
    if near and name.isalpha():
        raise ConvertError(
            f"{name!r} is none of the usual splits {', '.join(USUAL_SPLITS)}; did you mean {near!r}? If not, choose a "
            "name that is less like it"
        )


def unusual_notes(names: Iterable[str]) -> list[str]:
    """A sentence on each split that is none of the usual ones, with the one that may be meant."""
    return [
        f"the split {name!r} is none of the usual {', '.join(USUAL_SPLITS)}: nothing is trained or tested on it unless "
        f"it is asked for{f'; if {near!r} is meant, say --split-values {name}={near}' if (near := _near(name)) else ''}"
        for name in split_order(names)
        if name not in USUAL_SPLITS
    ]


def _near(name: str) -> str | None:
    """The usual name that this one has the letters of in another order, or most of them; None for a usual one."""
    if name in USUAL_SPLITS:
        return None
    mixed_up = (usual for usual in USUAL_SPLITS if sorted(usual) == sorted(name))
    return next(mixed_up, next(iter(get_close_matches(name, USUAL_SPLITS, 1, _ALIKE)), None))
