"""The `calibration` reporter: calibration.png, how far probabilities can be believed, and how well strangers are told.

Above, how often answers are right by how sure they are, before and after the temperature that validation gave. Below,
where the data set has images of classes that training never saw, the scores of known and strange images, and the share
of either that is taken for known as the threshold moves.
"""

from artkit import Predictions, ReporterContext, hookimpl
from artkit.drawing.figures import save_figure
from artkit_plugins.reporters.calibration_figure import draw_calibration
from artkit_plugins.reporters.text import titled


class CalibrationReporter:
    """Draws the figure.

    Args:
        ctx: Where to write, and whom to tell.
        bins: Of answers by how sure they are.
    """

    redraws = True

    def __init__(self, ctx: ReporterContext, *, bins: int) -> None:
        self._dir = ctx.run_dir
        self._publish = ctx.publish
        self._bins = bins

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Draw what was tested, and tell of the tables that the run wrote about it."""
        path = self._dir / predictions.folder / "calibration.png"
        save_figure(draw_calibration(predictions, self._bins), path)
        self._publish(path, title=titled("How far probabilities can be believed", predictions), kind="figure")
        strangers = self._dir / predictions.folder / "unknown.csv"
        if predictions.stranger_scores is not None and strangers.is_file():
            self._publish(strangers, title=titled("What was said of unknown classes", predictions), kind="table")
