"""A sheet with some images of each class, each shown whole."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit.drawing.tiles import FAINT, GAP, Tile, below, beside, grid, grid_width, text_line

MOST_CLASSES: Final = 36
"""More classes than this would make a picture too large to look at: then a part is shown, from large to small."""
TILE: Final = 112
"""Width and height of an image in pixels."""
_FRAME: Final = "#e3e6ea"

GetImage = Callable[[int, int], NDArray[np.uint8]]
"""`get_image(row, size)` gives RGB, uint8, (size, size, 3), the whole image on white."""


def draw_samples(names: Sequence[str], labels: NDArray[np.int64], get_image: GetImage, *, split: str) -> Image.Image:
    """Draw some images of each class, largest class first.

    Args:
        names: Names of the classes.
        labels: Class of each row of a split, (N,).
        get_image: Gives the image of a row.
        split: Name of the split, for the heading.
    """
    counts = np.bincount(labels[labels >= 0], minlength=len(names))
    ranked = [k for k in np.argsort(-counts, kind="stable").tolist() if counts[k]]
    shown = _spread(ranked, MOST_CLASSES)
    num_columns, num_images = _layout(len(shown))
    blocks = []
    for k in shown:
        rows = _spread(np.flatnonzero(labels == k).tolist(), num_images)
        tiles = [Tile(get_image(row, TILE), _FRAME, ()) for row in rows]
        width = grid_width(num_images, TILE)
        heading = text_line(names[k], width=width, number=f"{counts[k]:,}", size=13, bold=True)
        blocks.append(below([heading, grid(tiles, columns=num_images, size=TILE)], gap=2))
    lines = [beside(blocks[i : i + num_columns], gap=3 * GAP) for i in range(0, len(blocks), num_columns)]
    width = max(line.width for line in lines)
    note = f"the number is that of all its images in {split}"
    if len(shown) < len(ranked):
        note += f"; {len(shown)} of {len(ranked):,} classes, from the largest to the smallest"
    title = text_line("Some images of each class", width=width, size=18, bold=True)
    return below([below([title, text_line(note, width=width, size=13, colour=FAINT)], gap=0), *lines])


def _layout(num_classes: int) -> tuple[int, int]:
    """Columns of classes, and images of each, so that the sheet is neither a tower nor a ribbon."""
    if num_classes <= 4:
        return 1, 9
    return (2, 5) if num_classes <= 16 else (3, 4)


def _spread(items: Sequence[int], most: int) -> list[int]:
    """At most so many items, evenly spread over all of them, the first and last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
