r"""Builds a folder of clip art by artist, ready for `artkit shard`, and a table of which pictures belong together.

    apt-get install openclipart-png openclipart-svg
    python tools/build_clipart_folder.py clipart
    artkit shard clipart clipart-shards --max-side 128 \
        --labels clipart/pictures.csv --image-column file --label artist --group series

What is left out, and why, stands in `tools/clipart.py`.
"""

import argparse
import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from clipart import PNG_ROOT, SVG_ROOT, Picture, choose_artists, find_pictures, siblings


def write_table(path: Path, artists: Mapping[str, Sequence[Picture]]) -> None:
    """Write file, artist and series of each picture; those of one series must not be torn apart by a split."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("file", "artist", "series"))
        for artist, pictures in artists.items():
            group_of = siblings(pictures)
            table.writerows((f"{artist}/{picture.name}", artist, group_of[picture.name]) for picture in pictures)


def main() -> None:
    """Read the options, copy the pictures, say what there is."""
    parser = argparse.ArgumentParser(description="Build a folder of clip art by artist.")
    parser.add_argument("directory", type=Path, help="folder to make; it must not exist or be empty")
    parser.add_argument("--png", type=Path, default=PNG_ROOT, help="pictures of openclipart-png (%(default)s)")
    parser.add_argument("--svg", type=Path, default=SVG_ROOT, help="drawings of openclipart-svg (%(default)s)")
    parser.add_argument("--min-count", type=int, default=15, help="leave out artists with fewer pictures (%(default)s)")
    options = parser.parse_args()
    if options.directory.exists() and any(options.directory.iterdir()):
        parser.error(f"{options.directory} is not empty; name a new folder")
    for root in (options.png, options.svg):
        if not root.is_dir():
            parser.error(f"{root} is not there; install openclipart-png and openclipart-svg, or use --png and --svg")
    artists = choose_artists(find_pictures(options.png, options.svg), options.min_count)
    for artist, pictures in artists.items():
        folder = options.directory / artist
        folder.mkdir(parents=True)
        for picture in pictures:
            shutil.copyfile(picture.path, folder / picture.name)
    write_table(options.directory / "pictures.csv", artists)
    counts = sorted(((len(pictures), artist) for artist, pictures in artists.items()), reverse=True)
    print(f"{sum(count for count, _ in counts)} pictures by {len(counts)} artists in {options.directory}")
    print(f"most: {counts[0][1]} ({counts[0][0]}); fewest: {counts[-1][1]} ({counts[-1][0]})")


if __name__ == "__main__":
    main()
