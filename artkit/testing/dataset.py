"""A data set of coloured shapes: real PNG files, really converted, yet made and learned within seconds."""

import math
import random
from pathlib import Path

from PIL import Image, ImageDraw

from artkit_shards import ClassFolders, Settings, convert

_COLOURS = ("crimson", "royalblue", "seagreen", "darkorange", "purple", "teal", "black", "goldenrod")
_FRACTIONS = {"train": 0.5, "val": 0.25, "test": 0.25}


def tiny_dataset(directory: Path | str, *, classes: int = 3, images: int = 8, size: int = 32, seed: int = 0) -> Path:
    """Draw and convert a data set in which colour and number of corners tell the class, and place and size do not.

    Args:
        directory: Where to put it: pictures in `images/<class>/`, the data set in `shards/`.
        classes: Number of classes, at least 2; they are named "shape-0", "shape-1", ...
        images: Images of each class, at least 4. Half of them are for training, a quarter each for "val" and "test".
        size: Height and width of the images in pixels.
        seed: The same seed draws the same pixels.

    Returns:
        The folder of the data set, for `artkit_shards.open_dataset` or `artkit run --data`.
    """
    pictures, shards = Path(directory) / "images", Path(directory) / "shards"
    for label in range(classes):
        folder = pictures / f"shape-{label}"
        folder.mkdir(parents=True)
        for number in range(images):
            # A generator for each image: more images or classes leave the others as they were.
            _draw(label, size, random.Random(f"{seed}/{label}/{number}")).save(folder / f"{number:03d}.png")
    convert(ClassFolders(pictures), shards, Settings(fractions=_FRACTIONS, seed=seed), workers=1)
    return shards


def _draw(label: int, size: int, rng: random.Random) -> Image.Image:
    """A polygon with `label + 3` corners on white."""
    image = Image.new("RGB", (size, size), "white")
    radius = size * rng.uniform(0.2, 0.35)
    x, y = (rng.uniform(radius, size - radius) for _ in range(2))
    turn, corners = rng.uniform(0, math.tau), label + 3
    angles = [turn + math.tau * corner / corners for corner in range(corners)]
    outline = [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]
    ImageDraw.Draw(image).polygon(outline, fill=_COLOURS[label % len(_COLOURS)])
    return image
