"""Test images as tiles of a sheet, with what the model said of them: what all reporters that show images share.

Right is framed green, wrong red. Pictures are read when a sheet shows them; a sheet is one image in memory, and of
pictures a few are kept, however many images there are.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit import Predictions, RecipeError
from artkit.drawing.tiles import FAINT, RIGHT, WRONG, Caption, Tile, below, grid, grid_width, text_line
from artkit_plugins.reporters.statistics import sample_scores

NUMBER: Final = "number: probability the model gave to its answer"
KEPT_PICTURES: Final = 512
"""Most pictures kept: most images of a class appear again among those taken for it."""
KEPT_BYTES: Final = 64_000_000
MOST_PIXELS: Final = 100_000_000
"""Pixels of all images of a sheet; its file is made of three such arrays at once, 1 GB."""


class Gallery:
    """Shows images of a split.

    Args:
        predictions: What the model said of them.
        tile: Height and width of an image in pixels.
        columns: Images in a row.
    """

    def __init__(self, predictions: Predictions, *, tile: int, columns: int) -> None:
        self.names = predictions.class_names
        self.labels = predictions.labels
        self.predicted = predictions.predicted
        self.scores = sample_scores(predictions.probabilities, predictions.labels)
        self.tile_size = tile
        self.columns = columns
        self.width = grid_width(columns, tile)
        """Of a sheet, in pixels."""
        self._files = predictions.files
        self.picture: Callable[[int], NDArray[np.uint8]] = lru_cache(num_kept(tile))(
            lambda row: predictions.image(row, tile)
        )
        """The picture of a row, RGB, uint8, (tile, tile, 3)."""

    def is_right(self, row: int) -> bool:
        """Whether the model recognised an image."""
        return bool(self.labels[row] == self.predicted[row])

    def colour(self, row: int) -> str:
        """Of the frame of an image, and of what the model said."""
        return RIGHT if self.is_right(row) else WRONG

    def tile(self, row: int, *captions: Caption) -> Tile:
        """An image in its frame."""
        return Tile(self.picture(row), self.colour(row), captions)

    def file(self, row: int, number: str = "") -> Caption:
        """The name of an image's file, as a line below it."""
        return Caption(PurePosixPath(self._files[row]).name, number, FAINT, is_file=True)

    def answer(self, row: int) -> tuple[Caption, Caption]:
        """What an image is and what the model said, each with its probability, as lines below it."""
        said = "right" if self.is_right(row) else f"said {self.names[self.predicted[row]]}"
        return (
            Caption(f"is {self.names[self.labels[row]]}", f"{self.scores.p_true[row]:.2f}"),
            Caption(said, f"{self.scores.p_predicted[row]:.2f}", self.colour(row)),
        )

    def surest(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows in the order of the model's certainty, the surest first."""
        return rows[np.argsort(-self.scores.p_predicted[rows], kind="stable")]

    def grid(self, tiles: Sequence[Tile], columns: int | None = None) -> Image.Image:
        """Tiles in rows; as many in a row as the gallery has, unless it is said otherwise."""
        return grid(tiles, columns=columns or self.columns, size=self.tile_size)

    def heading(self, title: str, note: str) -> Image.Image:
        """The title of a sheet, with a line below it."""
        lines = [
            text_line(title, width=self.width, size=20, bold=True),
            text_line(note, width=self.width, size=12, colour=FAINT),
        ]
        return below(lines, gap=0)


def num_kept(tile: int) -> int:
    """How many pictures of a size are kept, at most."""
    return min(KEPT_PICTURES, KEPT_BYTES // (3 * tile * tile))


def check_sheet(reporter: str, option: str, tiles: int, tile: int) -> None:
    """Raise RecipeError if a sheet of so many images of this size would not fit into memory."""
    if tiles * tile * tile > MOST_PIXELS:
        most = MOST_PIXELS // (tile * tile)
        raise RecipeError(
            f"reporter.{reporter}: {tiles:,} images of {tile} x {tile} pixels in one picture take more memory than a "
            f"picture may; at this size it can have {most:,}: lower {option} or tile"
        )
