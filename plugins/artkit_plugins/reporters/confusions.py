"""The `confusion-matrix` reporter: which classes are taken for which.

confusion.csv        counts; the first column names the true class, the header the predicted ones
confusion.png        counts and row shares; from 30 classes on ordered by similarity, with the top mistakes numbered;
                     of more than 60, which have no room for their names beside the rows, with numbers and a list
confusion_worst.png  from 30 classes on, the classes with the lowest recall in every detail
"""

from typing import Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from artkit import Predictions, ReporterContext, hookimpl
from artkit.drawing.figures import save_figure
from artkit_plugins.reporters.confusion_figures import draw_matrices, part_of_matrix, whole_matrix
from artkit_plugins.reporters.confusion_map import draw_map
from artkit_plugins.reporters.files import write_table
from artkit_plugins.reporters.similarity import similar_groups, similarity_order
from artkit_plugins.reporters.statistics import class_scores, confusion_counts, worst_first
from artkit_plugins.reporters.text import titled

MANY_CLASSES: Final = 30
NAMED_UP_TO: Final = 60
"""Classes up to which each has its name beside its row."""
NUM_ANNOTATED: Final = 60
COLOURS: Final = "blue: recognised, orange: mistaken"
TOGETHER: Final = "classes taken for one another stand together"
NUMBERED: Final = f"the {NUM_ANNOTATED} largest mistakes have numbers"


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
        """Write the table and draw the matrix."""
        confusion = confusion_counts(predictions.labels, predictions.predicted, len(predictions.class_names))
        self._write_table(predictions, confusion)
        path = self._dir / predictions.folder / "confusion.png"
        save_figure(draw_confusion(predictions, confusion), path)
        self._publish(path, title=titled("Confusion matrix", predictions), kind="figure")
        if len(confusion) >= MANY_CLASSES:
            self._draw_worst(predictions, confusion)

    def _write_table(self, predictions: Predictions, confusion: NDArray[np.int64]) -> None:
        names = predictions.class_names
        path = self._dir / predictions.folder / "confusion.csv"
        rows = ([name, *counts] for name, counts in zip(names, confusion.tolist(), strict=True))
        write_table(path, ["true \\ predicted", *names], rows)
        self._publish(path, title=titled("Confusion matrix", predictions), kind="table")

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


def draw_confusion(predictions: Predictions, confusion: NDArray[np.int64]) -> Figure:
    """Draw the whole matrix (K, K) in the way that suits its number of classes."""
    names = predictions.class_names
    of_target = f" of {predictions.target}" if predictions.folder.parts else ""
    title = f"Confusion{of_target} on {predictions.split}: {len(predictions.labels):,} images, {len(names)} classes"
    if len(names) > NAMED_UP_TO:
        return draw_map(confusion, names, similar_groups(confusion), title=title, note=f"{COLOURS}; {TOGETHER}")
    if len(names) >= MANY_CLASSES:
        matrix = whole_matrix(confusion, names, similarity_order(confusion))
        note = f"{COLOURS}; {TOGETHER}; {NUMBERED}"
        return draw_matrices(matrix, title=title, note=note, num_annotated=NUM_ANNOTATED)
    matrix = whole_matrix(confusion, names, np.arange(len(names)))
    return draw_matrices(matrix, title=title, note=COLOURS, num_annotated=None)
