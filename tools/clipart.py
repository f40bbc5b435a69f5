"""Clip art by artist, from Debian's packages openclipart-png and openclipart-svg (version 0.18, public domain).

The PNG package has the pictures; the SVG package has, at the same path, the drawing that each was made from, with the
artist in its metadata (dc:creator). Three traps of this collection are dealt with here, because each of them makes
results look better than they are:

- Exact duplicates (the same picture filed under several topics): one of them is kept.
- The generated series of stars (star_05pt02step and 1374 more), which any method recognises: left out.
- Siblings (rose_01, rose_02; a drawing and its variant in another colour): `siblings` tells which belong together, so
  that a split need not tear them apart.
"""

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit_shards.images import open_image, to_rgb

PNG_ROOT = Path("/usr/share/openclipart/png")
SVG_ROOT = Path("/usr/share/openclipart/svg")

_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_GENERATED = re.compile(r"star_\d+pt\d+step")
_REMARK = re.compile(r"\s*[\[(].*?[\])]")  # e-mail addresses and the like
_COLOURS = (
    "black|blue|brown|gray|green|grey|orange|pink|purple|red|seagreen|silver|white|yellow|bw|b_amp_w|color|colour"
)
_COLOUR = re.compile(rf"(?<![a-z])({_COLOURS})(?![a-z])")

_HASH_SIDE = 16
_NEAR = 2
"""Of 240 bits, how many may differ between pictures that count as variants of one drawing."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the collection."""

    path: Path
    name: str
    """Its path below the collection, with "-" for "/"; unique."""
    artist: str


def find_pictures(png_root: Path, svg_root: Path) -> list[Picture]:
    """All pictures with a known artist, sorted, without exact duplicates and generated series."""
    pictures: dict[bytes, Picture] = {}
    for path in sorted(png_root.rglob("*.png")):
        if path.is_symlink() or _GENERATED.fullmatch(path.stem):
            continue
        below = path.relative_to(png_root)
        artist = _artist(svg_root / below.with_suffix(".svg"))
        if artist:
            digest = hashlib.sha256(path.read_bytes()).digest()
            pictures.setdefault(digest, Picture(path, "-".join(below.parts), artist))
    return _one_spelling(pictures.values())


def choose_artists(pictures: Iterable[Picture], min_count: int) -> dict[str, list[Picture]]:
    """Artists with at least `min_count` pictures that are not all one series, with their pictures, sorted by name."""
    by_artist: defaultdict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        by_artist[picture.artist].append(picture)
    return {
        artist: works
        for artist, works in sorted(by_artist.items())
        if len(works) >= min_count and len({series(picture) for picture in works}) > 1
    }


def series(picture: Picture) -> str:
    """What the names of a series share: the name without topic, numbers, single letters, colours and the artist."""
    stem = _COLOUR.sub("", picture.path.stem.lower())
    words = [word for word in re.split(r"[^a-z]+", stem) if len(word) > 1]
    artist = _letters(picture.artist)
    # Names were cut at some length when the collection was made, so the artist's name at the end may be a piece of it.
    while len(words) > 1 and words[-1] in artist:
        words.pop()
    return "-".join(words) or picture.path.parent.name


def siblings(pictures: Sequence[Picture]) -> dict[str, str]:
    """Group the pictures of one artist that belong together: those of one series, and those that look nearly the same.

    Returns:
        A name of the group for each `Picture.name`.
    """
    parent = list(range(len(pictures)))

    def root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    first_of: dict[str, int] = {}
    for index, picture in enumerate(pictures):
        parent[root(index)] = root(first_of.setdefault(series(picture), index))
    bits = np.stack([_difference_hash(picture.path) for picture in pictures])
    for index in range(1, len(pictures)):
        for near in np.flatnonzero((bits[:index] != bits[index]).sum(axis=1) <= _NEAR).tolist():
            parent[root(index)] = root(near)
    return {picture.name: pictures[root(index)].name for index, picture in enumerate(pictures)}


def _artist(svg: Path) -> str:
    """The artist that a drawing names, or nothing."""
    for creator in ElementTree.parse(svg).iter(_CREATOR):
        name = " ".join(" ".join(creator.itertext()).split())
        name = _REMARK.sub("", name).strip()
        if name:
            return name
    return ""


def _one_spelling(pictures: Iterable[Picture]) -> list[Picture]:
    """Write each artist in the commonest of the spellings that differ in case, accents or punctuation only."""
    pictures = list(pictures)
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for picture in pictures:
        spellings[_letters(picture.artist)][picture.artist] += 1
    chosen = {letters: counts.most_common(1)[0][0] for letters, counts in spellings.items()}
    return [Picture(picture.path, picture.name, chosen[_letters(picture.artist)]) for picture in pictures]


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum() and letter.isascii())


def _difference_hash(path: Path) -> NDArray[np.bool_]:
    """Which of two neighbouring pixels of a small gray version is lighter: equal for near-equal pictures."""
    image = to_rgb(open_image(path.read_bytes())).convert("L")
    small = np.asarray(image.resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.BOX), dtype=np.int16)
    return (small[:, 1:] - small[:, :-1]).ravel() > 4
