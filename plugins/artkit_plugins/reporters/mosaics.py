"""The `mosaic` reporter: the images behind the numbers, class by class.

    mosaics/by_true/<class>.png       images of a class: which were recognised, what the others were taken for
    mosaics/by_predicted/<class>.png  what was taken for a class, rightly or wrongly

A number is the probability that the model gave to its answer. Sheets are drawn and written one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit import Predictions, ReporterContext, hookimpl
from artkit.drawing.tiles import Caption, save_sheet
from artkit_plugins.reporters.files import file_stems
from artkit_plugins.reporters.gallery import NUMBER, Gallery, check_sheet
from artkit_plugins.reporters.statistics import class_scores, worst_first


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicLayout:
    """How mosaics look; the options of the reporter."""

    tile: int
    columns: int
    tiles: int
    classes: int


class MosaicReporter:
    """Draws the mosaics once the test is done.

    Args:
        ctx: Where to write, and whom to tell.
        layout: Sizes and limits.

    Raises:
        RecipeError: if a picture would not fit into memory.
    """

    redraws = True

    def __init__(self, ctx: ReporterContext, layout: MosaicLayout) -> None:
        check_sheet("mosaic", "tiles", max(layout.tiles, layout.columns), layout.tile)
        self._dir = ctx.run_dir
        self._publish = ctx.publish
        self._layout = layout

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Draw the mosaics of every class."""
        if not predictions.has_images:
            return
        layout = self._layout
        sheets = _Sheets(Gallery(predictions, tile=layout.tile, columns=layout.columns), layout.tiles)
        folder = self._dir / predictions.folder / "mosaics"
        names = predictions.class_names
        stems = file_stems(names)
        for k in _classes_to_show(predictions)[: layout.classes]:
            self._save(sheets.by_true(k), folder / "by_true" / f"{stems[k]}.png", f"Images of {names[k]}")
            self._save(sheets.by_predicted(k), folder / "by_predicted" / f"{stems[k]}.png", f"Taken for {names[k]}")

    def _save(self, blocks: Sequence[Image.Image], path: Path, title: str) -> None:
        save_sheet(blocks, path)
        self._publish(path, title=title, kind="mosaic")


def _classes_to_show(predictions: Predictions) -> list[int]:
    """The worst classes first, those without test images last."""
    scores = class_scores(predictions.labels, predictions.predicted, predictions.class_names, predictions.train_counts)
    return [*worst_first(scores), *(k for k, score in enumerate(scores) if not score.support)]


class _Sheets:
    """Chooses the images of each sheet; gives blocks to be set below each other."""

    def __init__(self, gallery: Gallery, most_tiles: int) -> None:
        self._gallery = gallery
        self._most_tiles = most_tiles

    def by_true(self, k: int) -> list[Image.Image]:
        """Show what became of the images of a class."""
        gallery = self._gallery
        rows = np.flatnonzero(gallery.labels == k)
        right = int((gallery.predicted[rows] == k).sum())
        note = f"{right} of {len(rows)} recognised" if len(rows) else "no such image in this split"
        return self._sheet(rows, f"Images of {gallery.names[k]}", note, "said", gallery.predicted)

    def by_predicted(self, k: int) -> list[Image.Image]:
        """Show what was taken for a class."""
        gallery = self._gallery
        rows = np.flatnonzero(gallery.predicted == k)
        right = int((gallery.labels[rows] == k).sum())
        note = f"{right} of {len(rows)} rightly" if len(rows) else "no image was"
        return self._sheet(rows, f"Taken for {gallery.names[k]}", note, "is", gallery.labels)

    def _sheet(
        self, rows: NDArray[np.int64], title: str, note: str, verb: str, other: NDArray[np.int64]
    ) -> list[Image.Image]:
        gallery = self._gallery
        shown = self._fair_part(rows)
        if len(shown) < len(rows):
            note += f"; {len(shown)} shown, in the same proportion"
        if len(shown):
            note += f"; {NUMBER}"
        tiles = []
        for row in shown.tolist():
            text = "right" if gallery.is_right(row) else f"{verb} {gallery.names[other[row]]}"
            answer = Caption(text, f"{gallery.scores.p_predicted[row]:.2f}", gallery.colour(row))
            tiles.append(gallery.tile(row, gallery.file(row), answer))
        return [gallery.heading(title, note), gallery.grid(tiles)]

    def _fair_part(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Choose what fits: mistakes first, and no larger a part of the picture than of the rows."""
        gallery = self._gallery
        wrong = gallery.labels[rows] != gallery.predicted[rows]
        mistakes, rest = gallery.surest(rows[wrong]), gallery.surest(rows[~wrong])
        room = min(self._most_tiles, len(rows))
        num_mistakes = -(-room * len(mistakes) // max(len(rows), 1))
        return np.concatenate([mistakes[:num_mistakes], rest[: room - num_mistakes]])
