"""Pieces of messages: counted nouns, and lists that stay short however long they are."""

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """A number with its noun, which takes an s in the plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names in a row; of many, the first and the number of the others."""
    others = len(names) - most
    return ", ".join(names[:most]) + (f" and {others} more" if others > 0 else "")


def joined(names: Sequence[str]) -> str:
    """Names as they are said: "train, val and test"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
