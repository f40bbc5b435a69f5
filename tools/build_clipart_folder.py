"""Builds a folder of clip art by artist, ready for `artkit shard`.

    apt-get install openclipart-png openclipart-svg
    python tools/build_clipart_folder.py clipart
    artkit shard clipart clipart-shards --max-side 128

What is left out, and why, stands in `tools/clipart.py`.
"""

import argparse
import shutil
from pathlib import Path

from clipart import PNG_ROOT, SVG_ROOT, choose_artists, find_pictures


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
    counts = sorted(((len(pictures), artist) for artist, pictures in artists.items()), reverse=True)
    print(f"{sum(count for count, _ in counts)} pictures by {len(counts)} artists in {options.directory}")
    print(f"most: {counts[0][1]} ({counts[0][0]}); fewest: {counts[-1][1]} ({counts[-1][0]})")


if __name__ == "__main__":
    main()
