"""Measures how well copies of pictures are found: which share of copies, and what is taken for a copy that is none.

    python tools/measure_duplicates.py FOLDER [--images 400]

Copies of a sample of the images are made in memory: smaller, of lower quality, darker, cropped and so on; the share
that is found is printed for each kind. Then the clusters among all images of the folder are counted, as they are:
whoever knows the folder can tell which of them are none; `artkit shard` shows them in `.artkit/leakage.html`.
"""

import argparse
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageEnhance

from artkit_shards import ImageError
from artkit_shards.conversion.duplicates.finding import MUCH_ALIKE, SAME_PICTURE, clusters, find_links
from artkit_shards.conversion.inspection import Inspection, inspect
from artkit_shards.images import IMAGE_ENDINGS, read_rgb


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=400, help="how many are copied (default: %(default)s)")
    given = parser.parse_args()
    paths = sorted(path for path in given.folder.rglob("*") if path.suffix.lower() in IMAGE_ENDINGS)
    with ProcessPoolExecutor() as pool:
        _print_recall(pool, random.Random(0).sample(paths, min(given.images, len(paths))))
        _print_clusters([found for found in pool.map(_inspected, paths, chunksize=32) if found is not None])


def _print_recall(pool: ProcessPoolExecutor, paths: list[Path]) -> None:
    originals = list(pool.map(_inspected, paths, chunksize=8))
    print(f"{len(paths)} images; share of their copies that is found, and that may be dropped")
    for kind in COPIES:
        copies = list(pool.map(_inspected_copy, paths, [kind] * len(paths), chunksize=8))
        pairs = [(one, copy) for one, copy in zip(originals, copies, strict=True) if one and copy]
        links = [find_links(pair).differences.min(initial=1.0) for pair in pairs]
        shares = [sum(difference <= bound for difference in links) / len(links) for bound in (MUCH_ALIKE, SAME_PICTURE)]
        print(f"  {kind:36s} {shares[0]:6.1%} {shares[1]:6.1%}")


def _print_clusters(inspections: list[Inspection]) -> None:
    links = find_links(inspections)
    print(f"clusters among {len(inspections)} images as they are")
    for bound in (SAME_PICTURE, MUCH_ALIKE):
        sizes = sorted((len(cluster.rows) for cluster in clusters(links, bound)), reverse=True)
        print(f"  difference up to {bound:g}: {len(sizes)} clusters of {sum(sizes)} images, the largest {sizes[:5]}")


def _inspected(path: Path) -> Inspection | None:
    try:
        return inspect(path.read_bytes())
    except ImageError:
        return None


def _inspected_copy(path: Path, kind: str) -> Inspection | None:
    try:
        image = Image.fromarray(read_rgb(path.read_bytes()))
    except ImageError:
        return None
    return inspect(COPIES[kind](image))


def _jpeg(image: Image.Image, quality: int = 90) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, left: float, other: float) -> Image.Image:
    width, height = image.size
    right, bottom = round((1 - other) * width), round((1 - other) * height)
    return image.crop((round(left * width), round(other * height), right, bottom))


COPIES: Final[Mapping[str, Callable[[Image.Image], bytes]]] = {
    "quality 75": lambda image: _jpeg(image, 75),
    "quality 30": lambda image: _jpeg(image, 30),
    "half the size": lambda image: _jpeg(_scaled(image, 0.5)),
    "a quarter of the size, quality 80": lambda image: _jpeg(_scaled(image, 0.25), 80),
    "one and a half times the size": lambda image: _jpeg(_scaled(image, 1.5)),
    "15 % lighter": lambda image: _jpeg(ImageEnhance.Brightness(image).enhance(1.15)),
    "15 % darker": lambda image: _jpeg(ImageEnhance.Brightness(image).enhance(0.85)),
    "less contrast": lambda image: _jpeg(ImageEnhance.Contrast(image).enhance(0.85)),
    "paler": lambda image: _jpeg(ImageEnhance.Color(image).enhance(0.7)),
    "gray": lambda image: _jpeg(image.convert("L")),
    "1 % cut off at each side": lambda image: _jpeg(_cropped(image, 0.01, 0.01)),
    "2 % cut off at each side": lambda image: _jpeg(_cropped(image, 0.02, 0.02)),
    "4 % cut off at each side": lambda image: _jpeg(_cropped(image, 0.04, 0.04)),
    "5 % cut off at the left": lambda image: _jpeg(_cropped(image, 0.05, 0.0)),
}

if __name__ == "__main__":
    main()
