"""The `confusion-matrix` reporter: which classes are taken for which.

confusion.csv        counts; the first column names the true class, the header the predicted ones
confusion.png        counts and row shares; from 30 classes on ordered by similarity, with the top mistakes numbered
confusion_worst.png  from 30 classes on, the classes with the lowest recall in every detail
confused_pairs.csv   every confused pair: how many, of how many, and how many images of each there were to learn from
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit import Predictions, ReporterContext, hookimpl
from artkit.drawing.figures import save_figure
from artkit_plugins.reporters.confusion_figures import draw_matrices, part_of_matrix, whole_matrix
from artkit_plugins.reporters.files import write_table
from artkit_plugins.reporters.statistics import (
    class_scores,
    confused_pairs,
    confusion_counts,
    similarity_order,
    worst_first,
)
from artkit_plugins.reporters.text import titled

MANY_CLASSES: Final = 30
NUM_ANNOTATED: Final = 60
COLOURS: Final = "blue: recognised, orange: mistaken"
GROUPED: Final = f"classes taken for one another stand together; the {NUM_ANNOTATED} largest mistakes have numbers"
PAIR_HEADER: Final = ("true", "predicted", "n", "of", "share", "train_true", "train_predicted")


class ConfusionReporter:
    """Writes and draws the confusion matrix.

    Args:
        ctx: Where to write, and whom to tell.
        num_worst: Classes in the picture of the worst ones.
    """

    redraws = True

    def __init__(self, ctx: ReporterContext, *, num_worst: int) -> None:
        self._dir = ctx.run_dir
        self._publish = ctx.publish
        self._num_worst = num_worst

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Write the tables and draw the matrix."""
        confusion = confusion_counts(predictions.labels, predictions.predicted, len(predictions.class_names))
        self._write_tables(predictions, confusion)
        self._draw(predictions, confusion)

    def _write_tables(self, predictions: Predictions, confusion: NDArray[np.int64]) -> None:
        names, train = predictions.class_names, predictions.train_counts
        path = self._dir / predictions.folder / "confusion.csv"
        rows = ([name, *counts] for name, counts in zip(names, confusion.tolist(), strict=True))
        write_table(path, ["true \\ predicted", *names], rows)
        self._publish(path, title=titled("Confusion matrix", predictions), kind="table")
        path = self._dir / predictions.folder / "confused_pairs.csv"
        pairs = (
            (names[p.true], names[p.predicted], p.n, p.of, f"{p.share:.6g}", train[p.true], train[p.predicted])
            for p in confused_pairs(confusion)
        )
        write_table(path, PAIR_HEADER, pairs)
        self._publish(path, title=titled("Confused pairs", predictions), kind="table")

    def _draw(self, predictions: Predictions, confusion: NDArray[np.int64]) -> None:
        names = predictions.class_names
        of_target = f" of {predictions.target}" if predictions.folder.parts else ""
        title = f"Confusion{of_target} on {predictions.split}: {len(predictions.labels):,} images, {len(names)} classes"
        many = len(names) >= MANY_CLASSES
        order = similarity_order(confusion) if many else np.arange(len(names))
        figure = draw_matrices(
            whole_matrix(confusion, names, order),
            title=title,
            note=f"{COLOURS}; {GROUPED}" if many else COLOURS,
            num_annotated=NUM_ANNOTATED if many else None,
        )
        path = self._dir / predictions.folder / "confusion.png"
        save_figure(figure, path)
        self._publish(path, title=titled("Confusion matrix", predictions), kind="figure")
        if many:
            self._draw_worst(predictions, confusion)

    def _draw_worst(self, predictions: Predictions, confusion: NDArray[np.int64]) -> None:
        names = predictions.class_names
        scores = class_scores(predictions.labels, predictions.predicted, names, predictions.train_counts)
        worst = np.array(worst_first(scores)[: self._num_worst])
        figure = draw_matrices(
            part_of_matrix(confusion, names, worst),
            title=f"The {len(worst)} classes of the lowest recall, worst on top",
            note=COLOURS,
            num_annotated=None,
        )
        path = self._dir / predictions.folder / "confusion_worst.png"
        save_figure(figure, path)
        self._publish(path, title=titled("Confusion among the worst classes", predictions), kind="figure")
