"""The `mosaic` reporter: the images behind the numbers.

    mosaics/by_true/<class>.png       images of a class: which were recognised, what the others were taken for
    mosaics/by_predicted/<class>.png  what was taken for a class, rightly or wrongly
    mosaics/confused_pairs.png        a row a pair: class A, A taken for B, class B
    mosaics/top_losses.png            the images that the model got most wrong

Right is framed green, wrong red. A number is the probability that the model gave to its answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit import Predictions, ReporterContext, hookimpl
from artkit.drawing.tiles import (
    FAINT,
    GAP,
    RIGHT,
    WRONG,
    Caption,
    Tile,
    below,
    beside,
    grid,
    grid_width,
    save_sheet,
    text_line,
)
from artkit_plugins.reporters.files import file_stems
from artkit_plugins.reporters.statistics import (
    ConfusedPair,
    class_scores,
    confused_pairs,
    confusion_counts,
    sample_scores,
    worst_first,
)
from artkit_plugins.reporters.text import percent, titled

NUMBER = "number: probability the model gave to its answer"
CACHED_PICTURES = 512
"""Pictures kept: most images of a class appear again among those taken for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicLayout:
    """How mosaics look; the options of the reporter."""

    tile: int
    columns: int
    tiles: int
    pairs: int
    classes: int


class MosaicReporter:
    """Draws the mosaics once the test is done.

    Args:
        ctx: Where to write, and whom to tell.
        layout: Sizes and limits.
    """

    redraws = True

    def __init__(self, ctx: ReporterContext, layout: MosaicLayout) -> None:
        self._dir = ctx.run_dir
        self._publish = ctx.publish
        self._layout = layout

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Draw every mosaic."""
        if not predictions.has_images:
            return
        sheets = _Sheets(predictions, self._layout)
        folder = self._dir / predictions.folder / "mosaics"
        if self._layout.pairs:
            title = titled("Most confused pairs", predictions)
            self._save(sheets.confused_pairs(), folder / "confused_pairs.png", title)
        self._save(sheets.top_losses(), folder / "top_losses.png", titled("Highest losses", predictions))
        names = predictions.class_names
        stems = file_stems(names)
        for k in sheets.classes():
            path = folder / "by_true" / f"{stems[k]}.png"
            self._save(sheets.by_true(k), path, f"Images of {names[k]}")
            path = folder / "by_predicted" / f"{stems[k]}.png"
            self._save(sheets.by_predicted(k), path, f"Taken for {names[k]}")

    def _save(self, blocks: Sequence[Image.Image], path: Path, title: str) -> None:
        save_sheet(blocks, path)
        self._publish(path, title=title, kind="mosaic")


class _Sheets:
    """Chooses the images of each sheet; gives blocks to be set below each other."""

    def __init__(self, predictions: Predictions, layout: MosaicLayout) -> None:
        self._names = predictions.class_names
        self._files = predictions.files
        self._train_counts = predictions.train_counts
        self._labels = predictions.labels
        self._predicted = predictions.predicted
        self._scores = sample_scores(predictions.probabilities, predictions.labels)
        self._layout = layout
        self._width = grid_width(layout.columns, layout.tile)
        self._picture: Callable[[int], NDArray[np.uint8]] = lru_cache(CACHED_PICTURES)(
            lambda row: predictions.image(row, layout.tile)
        )

    def classes(self) -> list[int]:
        """Give the classes with pictures of their own: the worst first, those without test images last."""
        scores = class_scores(self._labels, self._predicted, self._names, self._train_counts)
        order = worst_first(scores)
        order += [k for k, score in enumerate(scores) if not score.support]
        return order[: self._layout.classes]

    def by_true(self, k: int) -> list[Image.Image]:
        """Show what became of the images of a class."""
        rows = np.flatnonzero(self._labels == k)
        right = int((self._predicted[rows] == k).sum())
        note = f"{right} of {len(rows)} recognised" if len(rows) else "no such image in this split"
        return self._class_sheet(rows, f"Images of {self._names[k]}", note, "said", self._predicted)

    def by_predicted(self, k: int) -> list[Image.Image]:
        """Show what was taken for a class."""
        rows = np.flatnonzero(self._predicted == k)
        right = int((self._labels[rows] == k).sum())
        note = f"{right} of {len(rows)} rightly" if len(rows) else "no image was"
        return self._class_sheet(rows, f"Taken for {self._names[k]}", note, "is", self._labels)

    def top_losses(self) -> list[Image.Image]:
        """Show the images to whose true class the model gave the least probability."""
        rows = np.argsort(-self._scores.loss, kind="stable")[: self._layout.tiles]
        tiles = [self._tile(row, self._loss_captions(row)) for row in rows.tolist()]
        note = "what it is and the probability given to that; what the model said instead; loss"
        return [*self._heading("Highest losses", note), self._grid(tiles, self._layout.columns)]

    def confused_pairs(self) -> list[Image.Image]:
        """Show the classes that were confused most often, and the images in question between them."""
        pairs = confused_pairs(confusion_counts(self._labels, self._predicted, len(self._names)))
        note = f"left and right: images of the two classes; between them: the mistakes; {NUMBER}" if pairs else "none"
        blocks = self._heading("Most confused pairs", note)
        for pair in pairs[: self._layout.pairs]:
            blocks.append(self._pair(pair))
        return blocks

    def _pair(self, pair: ConfusedPair) -> Image.Image:
        true, predicted = self._names[pair.true], self._names[pair.predicted]
        mistakes = np.flatnonzero((self._labels == pair.true) & (self._predicted == pair.predicted))
        groups = (
            (true, self._examples(pair.true, mistakes)),
            (f"{true} called {predicted}", self._surest(mistakes)),
            (predicted, self._examples(pair.predicted, mistakes)),
        )
        trained = f"{self._train_counts[pair.true]:,} and {self._train_counts[pair.predicted]:,} images in training"
        title = f"{true} taken for {predicted}: {pair.n} of {pair.of} ({percent(pair.share)}); {trained}"
        blocks = [self._group(heading, rows) for heading, rows in groups]
        line = text_line(title, width=self._width, size=13, bold=True)
        return below([text_line("", width=1, size=2), line, beside(blocks, gap=2 * GAP)], gap=6)

    def _group(self, heading: str, rows: NDArray[np.int64]) -> Image.Image:
        columns = max(self._layout.columns // 3, 1)
        tiles = [
            self._tile(row, (self._file(row, f"{self._scores.p_predicted[row]:.2f}"),))
            for row in rows[:columns].tolist()
        ]
        width = grid_width(columns, self._layout.tile)
        lines = [text_line(heading, width=width, colour=FAINT)]
        if not tiles:
            lines.append(text_line("no other image in this split", width=width, colour=FAINT))
        return below([*lines, self._grid(tiles, columns)], gap=2)

    def _examples(self, k: int, but: NDArray[np.int64]) -> NDArray[np.int64]:
        """Order images that show what a class looks like, without the mistakes in question: those recognised first."""
        rows = np.setdiff1d(np.flatnonzero(self._labels == k), but)
        recognised = self._predicted[rows] == k
        return np.concatenate([self._surest(rows[recognised]), self._surest(rows[~recognised])])

    def _class_sheet(
        self, rows: NDArray[np.int64], title: str, note: str, verb: str, other: NDArray[np.int64]
    ) -> list[Image.Image]:
        shown = self._fair_part(rows)
        if len(shown) < len(rows):
            note += f"; {len(shown)} shown, in the same proportion"
        if len(shown):
            note += f"; {NUMBER}"
        tiles = []
        for row in shown.tolist():
            right = self._labels[row] == self._predicted[row]
            text = "right" if right else f"{verb} {self._names[other[row]]}"
            number = f"{self._scores.p_predicted[row]:.2f}"
            captions = (self._file(row), Caption(text, number, RIGHT if right else WRONG))
            tiles.append(self._tile(row, captions))
        return [*self._heading(title, note), self._grid(tiles, self._layout.columns)]

    def _fair_part(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Choose what fits: mistakes first, and no larger a part of the picture than of the rows."""
        wrong = self._labels[rows] != self._predicted[rows]
        mistakes, rest = self._surest(rows[wrong]), self._surest(rows[~wrong])
        room = min(self._layout.tiles, len(rows))
        num_mistakes = -(-room * len(mistakes) // max(len(rows), 1))
        return np.concatenate([mistakes[:num_mistakes], rest[: room - num_mistakes]])

    def _surest(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows[np.argsort(-self._scores.p_predicted[rows], kind="stable")]

    def _tile(self, row: int, captions: tuple[Caption, ...]) -> Tile:
        frame = RIGHT if self._labels[row] == self._predicted[row] else WRONG
        return Tile(self._picture(row), frame, captions)

    def _file(self, row: int, number: str = "") -> Caption:
        return Caption(PurePosixPath(self._files[row]).name, number, FAINT, is_file=True)

    def _loss_captions(self, row: int) -> tuple[Caption, ...]:
        true, said = self._names[self._labels[row]], self._names[self._predicted[row]]
        right = self._labels[row] == self._predicted[row]
        p_true, p_said = self._scores.p_true[row], self._scores.p_predicted[row]
        return (
            self._file(row),
            Caption(f"is {true}", f"{p_true:.2f}"),
            Caption("right" if right else f"said {said}", f"{p_said:.2f}", RIGHT if right else WRONG),
            Caption("loss", f"{self._scores.loss[row]:.2f}"),
        )

    def _grid(self, tiles: Sequence[Tile], columns: int) -> Image.Image:
        return grid(tiles, columns=columns, size=self._layout.tile)

    def _heading(self, title: str, note: str) -> list[Image.Image]:
        lines = [
            text_line(title, width=self._width, size=20, bold=True),
            text_line(note, width=self._width, size=12, colour=FAINT),
        ]
        return [below(lines, gap=0)]
