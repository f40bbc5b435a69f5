"""Builds the data set that artkit brings along: clip art by sixteen artists, from 145 pictures down to 20.

    apt-get install openclipart-png openclipart-svg
    python tools/build_demo.py

The artists were chosen for having a hand of their own and enough independent drawings; of the many who drew flags of
the world only one is in. Siblings never end up in different splits, so a good result is not mere recognition.
"""

import argparse
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from artkit_shards import Record, Settings, convert, open_dataset
from clipart import PNG_ROOT, SVG_ROOT, Picture, choose_artists, find_pictures, siblings

DEMO = Path(__file__).resolve().parent.parent / "shards" / "artkit_shards" / "demo"

ARTISTS = (
    "Danny Allen",
    "Nicu Buculei",
    "Architetto Francesco Rollandin",
    "Gerald G.",
    "Jose Hevia",
    "Jean-Victor Balin",
    "Andy Fitzsimon",
    "yves GUILLOU",
    "Benji Park",
    "Jarno Vasamaa",
    "Alan Horkan",
    "John Cliff",
    "Patricia Fidi",
    "Nathan Eady",
    "mo",
    "Marko J. Kolehmainen",
)
MOST, FEWEST = 145, 20
FRACTIONS = {"train": 0.65, "val": 0.15, "test": 0.2}
MAX_SIDE = 96
QUALITY = 90
MAX_BYTES = 5_000_000


def main() -> None:
    """Choose the pictures, convert them, check what the demo promises."""
    parser = argparse.ArgumentParser(description="Build the demo shards.")
    parser.add_argument("--directory", type=Path, default=DEMO, help="where to (%(default)s)")
    parser.add_argument("--png", type=Path, default=PNG_ROOT, help="pictures of openclipart-png (%(default)s)")
    parser.add_argument("--svg", type=Path, default=SVG_ROOT, help="drawings of openclipart-svg (%(default)s)")
    options = parser.parse_args()
    by_artist = choose_artists(find_pictures(options.png, options.svg), FEWEST)
    records = []
    for rank, artist in enumerate(ARTISTS):
        records += choose(by_artist[artist], round(MOST * (FEWEST / MOST) ** (rank / (len(ARTISTS) - 1))))
    settings = Settings(fractions=FRACTIONS, max_side=MAX_SIDE, image_format="webp", quality=QUALITY)
    convert(records, options.directory, settings, workers=1, force=True)
    check(options.directory)


def choose(pictures: Sequence[Picture], count: int) -> list[Record]:
    """Choose pictures of one artist: as many independent drawings as there are before a second one of any group."""
    groups: defaultdict[str, list[Picture]] = defaultdict(list)
    group_of = siblings(pictures)
    for picture in sorted(pictures, key=lambda picture: hashlib.sha256(picture.name.encode()).digest()):
        groups[group_of[picture.name]].append(picture)
    rounds = zip_longest(*groups.values())
    chosen = [picture for pictures in rounds for picture in pictures if picture is not None][:count]
    return [
        Record(
            picture.path,
            f"{picture.artist}/{picture.name}",
            {"class": picture.artist},
            group=f"{picture.artist}/{group_of[picture.name]}",
        )
        for picture in chosen
    ]


def check(directory: Path) -> None:
    """Say what was built; leave with an error if a class is missing in a split or the demo is too large."""
    dataset = open_dataset(directory)
    for name in dataset.split_names:
        split = dataset.split(name)
        print(f"{name}: {len(split)} pictures, {split.class_counts.min()} to {split.class_counts.max()} an artist")
        if not split.class_counts.all():
            raise SystemExit(f"an artist has no picture in {name!r}")
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    print(f"{size / 1e6:.2f} MB in {directory}")
    if size > MAX_BYTES:
        raise SystemExit(f"the demo has {size} bytes, more than {MAX_BYTES}")


if __name__ == "__main__":
    main()
