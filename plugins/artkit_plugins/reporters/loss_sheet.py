"""The `top-losses` reporter: the images that the model got most wrong.

top_losses.csv          what they are, what the model said, the probabilities of both, the loss
mosaics/top_losses.png  the first of them
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit import Predictions, ReporterContext, hookimpl
from artkit.drawing.tiles import Caption, save_sheet
from artkit_plugins.reporters.files import write_table
from artkit_plugins.reporters.gallery import Gallery, check_sheet
from artkit_plugins.reporters.text import titled

HEADER: Final = ("file", "true", "predicted", "p_true", "p_predicted", "loss")
TITLE: Final = "Highest losses"


class TopLossesReporter:
    """Lists and shows the images to whose true class the model gave the least probability.

    Args:
        ctx: Where to write, and whom to tell.
        tile: Height and width of an image in pixels.
        columns: Images in a row.
        num_tiles: Images in the picture.
        num_rows: Images in the table.

    Raises:
        RecipeError: if the picture would not fit into memory.
    """

    redraws = True

    def __init__(self, ctx: ReporterContext, *, tile: int, columns: int, num_tiles: int, num_rows: int) -> None:
        check_sheet("top-losses", "tiles", max(num_tiles, columns), tile)
        self._dir = ctx.run_dir
        self._publish = ctx.publish
        self._tile = tile
        self._columns = columns
        self._num_tiles = num_tiles
        self._num_rows = num_rows

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Write the table and draw the picture."""
        gallery = Gallery(predictions, tile=self._tile, columns=self._columns)
        rows = np.argsort(-gallery.scores.loss, kind="stable")
        path = self._dir / predictions.folder / "top_losses.csv"
        write_table(path, HEADER, _table_rows(gallery, predictions, rows[: self._num_rows]))
        self._publish(path, title=titled(TITLE, predictions), kind="table")
        if not predictions.has_images:
            return
        path = self._dir / predictions.folder / "mosaics" / "top_losses.png"
        save_sheet(_sheet(gallery, rows[: self._num_tiles]), path)
        self._publish(path, title=titled(TITLE, predictions), kind="mosaic")


def _table_rows(gallery: Gallery, predictions: Predictions, rows: NDArray[np.int64]) -> Iterator[tuple[object, ...]]:
    names, scores = gallery.names, gallery.scores
    for row in rows.tolist():
        numbers = (scores.p_true[row], scores.p_predicted[row], scores.loss[row])
        words = (predictions.files[row], names[gallery.labels[row]], names[gallery.predicted[row]])
        yield *words, *(f"{number:.6g}" for number in numbers)


def _sheet(gallery: Gallery, rows: NDArray[np.int64]) -> list[Image.Image]:
    tiles = []
    for row in rows.tolist():
        loss = Caption("loss", f"{gallery.scores.loss[row]:.2f}")
        tiles.append(gallery.tile(row, gallery.file(row), *gallery.answer(row), loss))
    note = "what it is and the probability given to that; what the model said instead; loss"
    return [gallery.heading(TITLE, note), gallery.grid(tiles)]
