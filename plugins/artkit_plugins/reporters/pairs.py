"""The `confused-pairs` reporter: the classes that are taken for one another, and the images in question.

confused_pairs.csv          every confused pair: how many, of how many, and how many images of each to learn from
mosaics/confused_pairs.png  a row a pair: class A, A taken for B, class B
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit import Predictions, ReporterContext, hookimpl
from artkit.drawing.tiles import FAINT, GAP, below, beside, grid_width, save_sheet, text_line
from artkit_plugins.reporters.files import write_table
from artkit_plugins.reporters.gallery import NUMBER, Gallery, check_sheet
from artkit_plugins.reporters.statistics import ConfusedPair, confused_pairs, confusion_counts
from artkit_plugins.reporters.text import percent, titled

HEADER: Final = ("true", "predicted", "n", "of", "share", "train_true", "train_predicted")
TITLE: Final = "Most confused pairs"


class ConfusedPairsReporter:
    """Lists the pairs and shows those confused most often.

    Args:
        ctx: Where to write, and whom to tell.
        tile: Height and width of an image in pixels.
        columns: Images in a row, a third of them for each part of it.
        num_pairs: Pairs in the picture; 0 for no picture.

    Raises:
        RecipeError: if the picture would not fit into memory.
    """

    redraws = True

    def __init__(self, ctx: ReporterContext, *, tile: int, columns: int, num_pairs: int) -> None:
        check_sheet("confused-pairs", "pairs", num_pairs * columns, tile)
        self._dir = ctx.run_dir
        self._publish = ctx.publish
        self._tile = tile
        self._columns = columns
        self._num_pairs = num_pairs

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Write the table, and draw the picture."""
        counts = confusion_counts(predictions.labels, predictions.predicted, len(predictions.class_names))
        pairs = confused_pairs(counts)
        self._write_table(predictions, pairs)
        if self._num_pairs and predictions.has_images:
            path = self._dir / predictions.folder / "mosaics" / "confused_pairs.png"
            gallery = Gallery(predictions, tile=self._tile, columns=self._columns)
            save_sheet(_sheet(gallery, pairs[: self._num_pairs], predictions), path)
            self._publish(path, title=titled(TITLE, predictions), kind="mosaic")

    def _write_table(self, predictions: Predictions, pairs: list[ConfusedPair]) -> None:
        names, train = predictions.class_names, predictions.train_counts
        path = self._dir / predictions.folder / "confused_pairs.csv"
        rows = (
            (names[p.true], names[p.predicted], p.n, p.of, f"{p.share:.6g}", train[p.true], train[p.predicted])
            for p in pairs
        )
        write_table(path, HEADER, rows)
        self._publish(path, title=titled("Confused pairs", predictions), kind="table")


def _sheet(gallery: Gallery, pairs: list[ConfusedPair], predictions: Predictions) -> list[Image.Image]:
    note = f"left and right: images of the two classes; between them: the mistakes; {NUMBER}" if pairs else "none"
    return [gallery.heading(TITLE, note), *(_pair(gallery, pair, predictions) for pair in pairs)]


def _pair(gallery: Gallery, pair: ConfusedPair, predictions: Predictions) -> Image.Image:
    true, predicted = gallery.names[pair.true], gallery.names[pair.predicted]
    mistakes = np.flatnonzero((gallery.labels == pair.true) & (gallery.predicted == pair.predicted))
    groups = (
        (true, _examples(gallery, pair.true, mistakes)),
        (f"{true} called {predicted}", gallery.surest(mistakes)),
        (predicted, _examples(gallery, pair.predicted, mistakes)),
    )
    train = predictions.train_counts
    trained = f"{train[pair.true]:,} and {train[pair.predicted]:,} images in training"
    title = f"{true} taken for {predicted}: {pair.n} of {pair.of} ({percent(pair.share)}); {trained}"
    blocks = [_group(gallery, heading, rows) for heading, rows in groups]
    line = text_line(title, width=gallery.width, size=13, bold=True)
    return below([text_line("", width=1, size=2), line, beside(blocks, gap=2 * GAP)], gap=6)


def _group(gallery: Gallery, heading: str, rows: NDArray[np.int64]) -> Image.Image:
    columns = max(gallery.columns // 3, 1)
    tiles = [
        gallery.tile(row, gallery.file(row, f"{gallery.scores.p_predicted[row]:.2f}"))
        for row in rows[:columns].tolist()
    ]
    width = grid_width(columns, gallery.tile_size)
    lines = [text_line(heading, width=width, colour=FAINT)]
    if not tiles:
        lines.append(text_line("no other image in this split", width=width, colour=FAINT))
    return below([*lines, gallery.grid(tiles, columns)], gap=2)


def _examples(gallery: Gallery, k: int, but: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order images that show what a class looks like, without the mistakes in question: those recognised first."""
    rows = np.setdiff1d(np.flatnonzero(gallery.labels == k), but)
    recognised = gallery.predicted[rows] == k
    return np.concatenate([gallery.surest(rows[recognised]), gallery.surest(rows[~recognised])])
