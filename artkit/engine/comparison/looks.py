"""How groups of runs are told apart in pictures: by colour, and by marks for those who see colours otherwise."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Look:
    """How the lines of a group look."""

    colour: str
    marker: str
    """As matplotlib has it."""
    sign: str
    """The marker as a character, for legends in text."""
    style: str = "-"
    """Of its lines, as matplotlib has it."""
    dashes: str = ""
    """The same as SVG has it."""


# Okabe and Ito 2008, "Color universal design", without the yellow, which is too pale on white.
_LOOKS: Final = (
    ("#0072b2", "o", "●"),
    ("#d55e00", "s", "■"),
    ("#009e73", "^", "▲"),
    ("#cc79a7", "D", "◆"),
    ("#e69f00", "v", "▼"),
    ("#56b4e9", "P", "✚"),
    ("#5f6770", "X", "✖"),
)
_STYLES: Final = (("-", ""), ("--", "6 3"), (":", "2 2"), ("-.", "6 3 2 3"))
"""After seven groups, the next seven have the same colours and marks with the next style."""


def look_of(number: int) -> Look:
    """The look of the group with this number, from 0."""
    colour, marker, sign = _LOOKS[number % len(_LOOKS)]
    style, dashes = _STYLES[number // len(_LOOKS) % len(_STYLES)]
    return Look(colour, marker, sign, style, dashes)
