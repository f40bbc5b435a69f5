"""The `predictions` reporter: predictions.csv, a row for every image that was tested."""

from collections.abc import Iterator

from artkit import Predictions, ReporterContext, hookimpl
from artkit_plugins.reporters.files import write_table
from artkit_plugins.reporters.statistics import sample_scores
from artkit_plugins.reporters.text import titled

HEADER = (
    "key",
    "file",
    "split",
    "true",
    "predicted",
    "p_true",
    "p_predicted",
    "margin",
    "entropy",
    "loss",
    "unknown_score",
)


class PredictionsReporter:
    """Writes what the model said of each image and how sure it was.

    `margin` is the largest probability minus the second largest; `entropy` is in nats; `loss` is the negative logarithm
    of the true class's probability. `unknown_score` is the score that the recipe chooses by `unknown.score`, such as
    "energy": the higher, the likelier that the image belongs to none of the classes. Probabilities are those of the
    logits as they are; calibration.json has the temperature that makes them say how often they are right.
    """

    def __init__(self, ctx: ReporterContext) -> None:
        self._dir = ctx.run_dir
        self._publish = ctx.publish

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Write the table, in the order of the split."""
        path = self._dir / predictions.folder / "predictions.csv"
        write_table(path, HEADER, _rows(predictions))
        self._publish(path, title=titled("What was said of every image", predictions), kind="table")


def _rows(predictions: Predictions) -> Iterator[tuple[object, ...]]:
    names, split = predictions.class_names, predictions.split
    scores = sample_scores(predictions.probabilities, predictions.labels)
    sure = (scores.p_true, scores.p_predicted, scores.margin, scores.entropy, scores.loss)
    columns = (*sure, predictions.unknown_scores)
    # Six significant digits say all that a float32 network knows.
    numbers = zip(*([f"{x:.6g}" for x in column.tolist()] for column in columns), strict=True)
    words = zip(
        predictions.keys, predictions.files, predictions.labels.tolist(), predictions.predicted.tolist(), strict=True
    )
    for (key, file, true, predicted), row in zip(words, numbers, strict=True):
        yield key, file, split, names[true], names[predicted], *row
