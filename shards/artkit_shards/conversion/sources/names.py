"""Names that people give to classes, images and columns: trimmed, composed, and told apart from garbled twins.

A name is garbled when its UTF-8 bytes were once read in another encoding, as archives that pass through Windows do:
"Dürer" becomes "DuΓòá├¬rer". The way back is unambiguous, because garbled text is valid UTF-8 only by design.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

_GARBLERS: Final = ("cp437", "cp1252", "latin-1", "cp850", "mac_roman")
_MOST_TIMES_GARBLED: Final = 3
_NOT_PLAIN: Final = re.compile(r"[^a-z0-9_-]+")
_TAKEN: Final = frozenset(("file", "width", "height", "parent", "key"))
"""What a sample's JSON says besides its classes."""


def readable(name: str) -> str:
    """A name of the file system as valid Unicode: bytes that are not UTF-8 are written as escapes."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def composed(text: str) -> str:
    """Text without blanks around it, in Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", text).strip()


def class_name(text: str) -> str:
    """The name of a class: composed, with single blanks inside."""
    return " ".join(composed(text).split())


def folded(text: str) -> str:
    """What names share that differ in case or Unicode form only."""
    alike = unicodedata.normalize("NFC", text.casefold())
    return text if alike == text else alike  # millions of names that stay as they are need no copies


def mended(text: str) -> str:
    """Text that was garbled, as it was before, however often that was done; other text as it is.

    Example:
        "DuΓòá├¬rer" and "DÃ¼rer" give "Dürer"; "Dürer" stays.
    """
    for _ in range(_MOST_TIMES_GARBLED):
        before = next((earlier for codec in _GARBLERS if (earlier := _reread(text, codec)) is not None), None)
        if before is None:
            break
        text = before
    return unicodedata.normalize("NFC", text)


def garbled_twins(names: Iterable[str]) -> dict[str, str]:
    """Names that are garbled forms of others -> those others.

    Example:
        "Albrecht_DuΓòá├¬rer" beside "Albrecht_Dürer" is its twin; alone it has none, and stays.
    """
    present = {folded(name): name for name in names}
    twins = {}
    for name in present.values():
        right = None if name.isascii() else present.get(folded(mended(name)))
        if right is not None and right != name:
            twins[name] = right
    return twins


def look_alikes(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Names that differ in case, accents, blanks or punctuation only; each group and all of them sorted."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        bare = "".join(letter for letter in unicodedata.normalize("NFKD", name.casefold()) if letter.isalnum())
        groups[bare or name].append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def look_alike_notes(names: Iterable[str], most: int = 3) -> list[str]:
    """A sentence on each of the first groups of classes that may be one."""
    return [
        f"the classes {', '.join(map(repr, group))} may be one; give them one name if they are"
        for group in look_alikes(names)[:most]
    ]


def target_name(column: str) -> str:
    """A plain name for what a column tells: small letters, digits, - and _, with a letter first.

    Example:
        "Artist Name" gives "artist_name", "2nd style" gives "target_2nd_style".
    """
    ascii_text = unicodedata.normalize("NFKD", column.casefold()).encode("ascii", "ignore").decode()
    plain = _NOT_PLAIN.sub("_", ascii_text).strip("_-")
    if not plain[:1].isalpha():
        plain = f"target_{plain}".rstrip("_")
    return f"{plain}_class" if plain in _TAKEN else plain


def _reread(text: str, codec: str) -> str | None:
    """Text whose UTF-8 bytes read as `text` in another encoding, or None."""
    try:
        earlier = text.encode(codec).decode("utf-8")
    except UnicodeError:
        return None
    return earlier if earlier != text else None
