"""The reporters that come with artkit: what a run prints, and the tables, figures and pages it leaves in its folder.

Each factory is light; what it builds lives in a module of its own, imported when the reporter is used.

    console           terminal.py                  progress, a line an epoch, a summary
    metrics           metric_tables.py             metrics.csv, steps.csv, per_class.csv, test_metrics.json
    predictions       prediction_table.py          predictions.csv
    confusion-matrix  confusions.py                confusion.csv, confusion.png, confused_pairs.csv
    mosaic            mosaics.py                   mosaics/: the images themselves, by class, by pair, by loss
    calibration       calibrations.py              calibration.png: probabilities against the truth, and strangers
    curves            curve_figure.py              curves.png
    report            report_page/                 report.html, one page that shows all of it

They share `statistics.py` (numbers), `epochs.py` (the history of a run), `text.py` (words), `files.py` (writing),
`figures.py` (the look of figures) and `tiles.py` (sheets of images).
"""

from typing import TYPE_CHECKING, Annotated

from artkit import Doc, Ge, Gt, Interval, ReporterContext

if TYPE_CHECKING:
    from artkit_plugins.reporters.calibrations import CalibrationReporter
    from artkit_plugins.reporters.confusions import ConfusionReporter
    from artkit_plugins.reporters.curve_figure import CurvesReporter
    from artkit_plugins.reporters.metric_tables import MetricsReporter
    from artkit_plugins.reporters.mosaics import MosaicReporter
    from artkit_plugins.reporters.prediction_table import PredictionsReporter
    from artkit_plugins.reporters.report_page.reporter import ReportReporter
    from artkit_plugins.reporters.terminal import ConsoleReporter


def console(
    ctx: ReporterContext,  # noqa: ARG001 - every factory takes its context first
    *,
    quiet: Annotated[bool, Doc("print the result only: no header, progress or epochs")] = False,
) -> "ConsoleReporter":
    """Progress with images per second and time left, a line an epoch, and a summary with the next commands to try."""
    from rich.console import Console

    from artkit_plugins.reporters.terminal import ConsoleReporter

    return ConsoleReporter(Console(highlight=False), quiet=quiet)


def metrics(ctx: ReporterContext) -> "MetricsReporter":
    """Tables of numbers: metrics.csv (epochs), steps.csv, per_class.csv with intervals, test_metrics.json."""
    from artkit_plugins.reporters.metric_tables import MetricsReporter

    return MetricsReporter(ctx)


def predictions(ctx: ReporterContext) -> "PredictionsReporter":
    """predictions.csv: for every test image what it is, what the model said, and how sure it was."""
    from artkit_plugins.reporters.prediction_table import PredictionsReporter

    return PredictionsReporter(ctx)


def confusion_matrix(
    ctx: ReporterContext,
    *,
    worst: Annotated[int, Ge(2), Doc("classes in confusion_worst.png, drawn when there are 30 or more")] = 20,
) -> "ConfusionReporter":
    """confusion.png (counts and row shares), confusion.csv and confused_pairs.csv, all with their support."""
    from artkit_plugins.reporters.confusions import ConfusionReporter

    return ConfusionReporter(ctx, num_worst=worst)


def mosaic(
    ctx: ReporterContext,
    *,
    tile: Annotated[int, Interval(ge=32, le=1024), Doc("height and width of an image in pixels")] = 144,
    columns: Annotated[int, Ge(1), Doc("images in a row")] = 6,
    tiles: Annotated[int, Ge(1), Doc("most images in one picture")] = 36,
    pairs: Annotated[int, Ge(0), Doc("confused pairs to show")] = 12,
    classes: Annotated[int, Ge(0), Doc("most classes with pictures of their own, the worst first")] = 100,
) -> "MosaicReporter":
    """Test images framed green (right) or red (wrong): by class, by confused pair, and those of the highest loss."""
    from artkit_plugins.reporters.mosaics import MosaicLayout, MosaicReporter

    return MosaicReporter(ctx, MosaicLayout(tile=tile, columns=columns, tiles=tiles, pairs=pairs, classes=classes))


def calibration(
    ctx: ReporterContext,
    *,
    bins: Annotated[int, Interval(ge=2, le=100), Doc("bins of answers by how sure they are")] = 15,
) -> "CalibrationReporter":
    """calibration.png: how often answers are right by how sure they are; and how well strangers are told."""
    from artkit_plugins.reporters.calibrations import CalibrationReporter

    return CalibrationReporter(ctx, bins=bins)


def curves(
    ctx: ReporterContext,
    *,
    every_s: Annotated[float, Gt(0), Doc("seconds between two drawings while training")] = 30.0,
) -> "CurvesReporter":
    """curves.png: loss, accuracy, learning rate and speed over the epochs, best epochs marked."""
    from artkit_plugins.reporters.curve_figure import CurvesReporter

    return CurvesReporter(ctx, every_s=every_s)


def report(
    ctx: ReporterContext,
    *,
    images: Annotated[int, Ge(0), Doc("most test images inside the page, those that tell most")] = 1500,
) -> "ReportReporter":
    """report.html: one page for any screen with key figures, curves, classes, confusions and the images behind them."""
    from artkit_plugins.reporters.report_page.reporter import ReportReporter

    return ReportReporter(ctx, num_images=images)
