"""The `saliency` reporter: saliency.png, where in a few images the model found its answers.

Beside each image stands the same one in grey, with warm colours over the places that spoke for what the model said; see
`Predictions.saliency` for how that is found. Where a model cannot be asked, nothing is drawn.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from artkit import Predictions, ReporterContext, hookimpl
from artkit.drawing.tiles import INK, Caption, Tile, save_sheet, text_line
from artkit_plugins.reporters.gallery import Gallery, check_sheet
from artkit_plugins.reporters.text import titled

Which = Literal["worst", "best", "mixed"]
Heat = Callable[[int, int], NDArray[np.float32]]

TITLE: Final = "Where the model looks"
COLUMNS: Final = 6
"""Tiles in a row, two an image."""


class SaliencyReporter:
    """Draws the sheet once the test is done.

    Args:
        ctx: Where to write, and whom to tell.
        tile: Height and width of an image in pixels.
        num_images: Images to show.
        which: Those of the highest losses, those recognised with the lowest, or some of both.

    Raises:
        RecipeError: if the picture would not fit into memory.
    """

    def __init__(self, ctx: ReporterContext, *, tile: int, num_images: int, which: Which) -> None:
        check_sheet("saliency", "images", 2 * num_images, tile)
        self._dir = ctx.run_dir
        self._publish = ctx.publish
        self._note = ctx.note
        self._tile = tile
        self._num_images = num_images
        self._which = which

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Draw the sheet, if the model can be asked."""
        if predictions.saliency is None:
            self._note("saliency.png is not drawn, since the model is not at hand, or in parts on several processes")
            return
        gallery = Gallery(predictions, tile=self._tile, columns=COLUMNS)
        blocks = [gallery.heading(TITLE, "warm: the places that spoke for what the model said, by Grad-CAM")]
        for title, rows in _chosen(gallery, self._num_images, self._which):
            blocks.append(text_line(title, width=gallery.width, size=13, bold=True))
            blocks.append(gallery.grid(_tiles(gallery, rows, predictions.saliency)))
        path = self._dir / predictions.folder / "saliency.png"
        save_sheet(blocks, path)
        self._publish(path, title=titled(TITLE, predictions), kind="figure")


def _chosen(gallery: Gallery, num_images: int, which: Which) -> list[tuple[str, Sequence[int]]]:
    """The rows to show, in groups with a title; a group without images is left out."""
    by_loss = np.argsort(-gallery.scores.loss, kind="stable")
    right = by_loss[gallery.labels[by_loss] == gallery.predicted[by_loss]][::-1]
    num_worst = {"worst": num_images, "best": 0, "mixed": -(-num_images // 2)}[which]
    groups = (("Highest losses", by_loss[:num_worst]), ("Recognised, lowest losses", right[: num_images - num_worst]))
    return [(title, rows.tolist()) for title, rows in groups if len(rows)]


def _tiles(gallery: Gallery, rows: Sequence[int], heat: Heat) -> list[Tile]:
    tiles = []
    for row in rows:
        true, said = gallery.answer(row)
        overlay = lay_heat(gallery.picture(row), heat(row, gallery.tile_size))
        tiles.append(gallery.tile(row, gallery.file(row), true))
        tiles.append(Tile(overlay, gallery.colour(row), (Caption("", colour=INK), said)))
    return tiles


def lay_heat(picture: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour the hot places of a picture.

    Args:
        picture: RGB, uint8, (S, S, 3).
        heat: From 0 to 1, (S, S).

    Returns:
        The picture in grey, the more of a warm colour over it the hotter a place is: uint8, (S, S, 3).
    """
    grey = np.asarray(Image.fromarray(picture).convert("L"), dtype=np.float64)[..., None]
    strength = 0.65 * heat[..., None].astype(np.float64)
    colours = 255 * colormaps["inferno"](0.25 + 0.65 * heat)[..., :3]
    blended: NDArray[np.uint8] = np.rint(grey * (1 - strength) + colours * strength).astype(np.uint8)
    return blended
