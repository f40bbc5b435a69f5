"""Make a folder of photograph-like JPEG files for benchmarks of loading, from the JPEG wallpapers of Debian packages.

    apt-get install mate-backgrounds plasma-workspace-wallpapers lomiri-wallpapers-16.04
    python tools/build_photographs.py /tmp/photographs

Each file is a random crop of 650 to 1300 pixels a side, JPEG quality 92 with 4:2:0 subsampling: about the size and the
cost of decoding of a set of painting photographs. Classes mean nothing here; there are 50 of equal size, or of sizes
from one number to another in equal ratios:

    python tools/build_photographs.py /tmp/uneven-photographs --class-sizes 25 800
"""

import argparse
import random
import sys
from pathlib import Path

from PIL import Image

ROOTS = [Path("/usr/share/backgrounds"), Path("/usr/share/wallpapers")]
SIDES = (650, 1300)


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("destination", type=Path)
    parser.add_argument("--count", type=int, default=2000, help="files to write")
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--class-sizes", type=int, nargs=2, metavar=("LEAST", "MOST"), help="instead of --count")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    wallpapers = [path for path in find_wallpapers(ROOTS) if min(image_size(path)) > SIDES[1]]
    if not wallpapers:
        sys.exit(
            f"no JPEG wallpapers above {SIDES[1]} px under {ROOTS[0]} and {ROOTS[1]}; install the packages named above"
        )
    rng = random.Random(args.seed)
    if args.class_sizes is None:
        labels = [number % args.classes for number in range(args.count)]
    else:
        labels = uneven_labels(args.class_sizes[0], args.class_sizes[1], args.classes)
        rng.shuffle(labels)
    write_crops(wallpapers, args.destination, labels, rng)
    sizes = [path.stat().st_size for path in args.destination.glob("*/*.jpg")]
    print(f"{len(sizes)} files, {sum(sizes) / len(sizes) / 1000:.0f} kB each on average, in {args.destination}")


def find_wallpapers(roots: list[Path]) -> list[Path]:
    """Every JPEG file below the roots, sorted."""
    return sorted(path for root in roots for path in root.rglob("*.jp*g") if path.is_file())


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header."""
    with Image.open(path) as image:
        return image.size


def uneven_labels(least: int, most: int, classes: int) -> list[int]:
    """Class of each image, for classes whose sizes grow in equal ratios."""
    sizes = [round(least * (most / least) ** (label / (classes - 1))) for label in range(classes)]
    return [label for label, size in enumerate(sizes) for _ in range(size)]


def write_crops(wallpapers: list[Path], destination: Path, labels: list[int], rng: random.Random) -> None:
    """Write a crop for each label, as evenly over the wallpapers as possible."""
    count = len(labels)
    for number, label in enumerate(labels):
        wallpaper = wallpapers[number * len(wallpapers) // count]
        if number == 0 or wallpaper != wallpapers[(number - 1) * len(wallpapers) // count]:
            image = Image.open(wallpaper).convert("RGB")
        width, height = rng.randint(*SIDES), rng.randint(*SIDES)
        left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
        folder = destination / f"class-{label:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        crop = image.crop((left, top, left + width, top + height))
        crop.save(folder / f"photo-{number:05d}.jpg", quality=92, subsampling="4:2:0")


if __name__ == "__main__":
    main()
