"""The reporters that come with artkit: what a run prints, and the tables, figures and pages it leaves in its folder.

Each factory is light; what it builds lives in a module of its own, imported when the reporter is used.

    console           terminal.py, epoch_lines.py  progress, a line an epoch, a summary
    metrics           metric_tables.py             metrics.csv, steps.csv, per_class.csv, test_metrics.json
    predictions       prediction_table.py          predictions.csv
    confusion-matrix  confusions.py                confusion.csv, confusion.png, confusion_worst.png
    per-class         class_figure.py              per_class.png
    confused-pairs    pairs.py                     confused_pairs.csv, mosaics/confused_pairs.png
    top-losses        loss_sheet.py                top_losses.csv, mosaics/top_losses.png
    mosaic            mosaics.py                   mosaics/by_true/, mosaics/by_predicted/: the images of every class
    saliency          saliency_sheet.py            saliency.png
    calibration       calibrations.py              calibration.png: probabilities against the truth, and strangers
    curves            curve_figure.py              curves.png
    model-card        card.py, card_text.py        model_card.md
    tensorboard       tensorboard_events.py        tensorboard/, for TensorBoard
    report            report_page/                 report.html, one page that shows all of it

Confusion matrices are drawn by `confusion_figures.py`, those of very many classes by `confusion_map.py`, calibration by
`calibration_figure.py`. All share
`statistics.py` (numbers), `similarity.py` (which classes are alike), `epochs.py` (the history of a run), `text.py`
(words), `files.py` (writing), `gallery.py` (images with what was said of them), and `artkit.drawing`.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from artkit import Doc, Ge, Gt, Interval, RecipeError, ReporterContext

if TYPE_CHECKING:
    from artkit_plugins.reporters.calibrations import CalibrationReporter
    from artkit_plugins.reporters.card import ModelCardReporter
    from artkit_plugins.reporters.class_figure import ClassFigureReporter
    from artkit_plugins.reporters.confusions import ConfusionReporter
    from artkit_plugins.reporters.curve_figure import CurvesReporter
    from artkit_plugins.reporters.loss_sheet import TopLossesReporter
    from artkit_plugins.reporters.metric_tables import MetricsReporter
    from artkit_plugins.reporters.mosaics import MosaicReporter
    from artkit_plugins.reporters.pairs import ConfusedPairsReporter
    from artkit_plugins.reporters.prediction_table import PredictionsReporter
    from artkit_plugins.reporters.report_page.reporter import ReportReporter
    from artkit_plugins.reporters.saliency_sheet import SaliencyReporter
    from artkit_plugins.reporters.tensorboard_events import TensorboardReporter
    from artkit_plugins.reporters.terminal import ConsoleReporter

Tile = Annotated[int, Interval(ge=32, le=1024), Doc("height and width of an image in pixels")]


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
    """confusion.csv and confusion.png: counts and row shares, with the images of every class."""
    from artkit_plugins.reporters.confusions import ConfusionReporter

    return ConfusionReporter(ctx, num_worst=worst)


def per_class(ctx: ReporterContext) -> "ClassFigureReporter":
    """per_class.png: the recall of every class with its interval, and how many images were tested and learnt from."""
    from artkit_plugins.reporters.class_figure import ClassFigureReporter

    return ClassFigureReporter(ctx)


def confused_pairs(
    ctx: ReporterContext,
    *,
    tile: Tile = 144,
    columns: Annotated[int, Ge(1), Doc("images in a row, a third of them for each part of it")] = 6,
    pairs: Annotated[int, Ge(0), Doc("pairs to show; the table has all of them")] = 12,
) -> "ConfusedPairsReporter":
    """confused_pairs.csv, and a picture of the pairs confused most: class A, A taken for B, class B."""
    from artkit_plugins.reporters.pairs import ConfusedPairsReporter

    return ConfusedPairsReporter(ctx, tile=tile, columns=columns, num_pairs=pairs)


def top_losses(
    ctx: ReporterContext,
    *,
    tile: Tile = 144,
    columns: Annotated[int, Ge(1), Doc("images in a row")] = 6,
    tiles: Annotated[int, Ge(1), Doc("images in the picture")] = 36,
    rows: Annotated[int, Ge(1), Doc("images in the table")] = 200,
) -> "TopLossesReporter":
    """top_losses.csv, and a picture of the images to whose true class the model gave the least probability."""
    from artkit_plugins.reporters.loss_sheet import TopLossesReporter

    return TopLossesReporter(ctx, tile=tile, columns=columns, num_tiles=tiles, num_rows=rows)


def mosaic(
    ctx: ReporterContext,
    *,
    tile: Tile = 144,
    columns: Annotated[int, Ge(1), Doc("images in a row")] = 6,
    tiles: Annotated[int, Ge(1), Doc("most images in one picture")] = 36,
    classes: Annotated[int, Ge(0), Doc("most classes with pictures of their own, the worst first")] = 100,
) -> "MosaicReporter":
    """Test images of each class, framed green (right) or red (wrong): what is of it, and what was taken for it."""
    from artkit_plugins.reporters.mosaics import MosaicLayout, MosaicReporter

    return MosaicReporter(ctx, MosaicLayout(tile=tile, columns=columns, tiles=tiles, classes=classes))


def saliency(
    ctx: ReporterContext,
    *,
    tile: Tile = 144,
    images: Annotated[int, Ge(1), Doc("images to show")] = 12,
    which: Annotated[
        Literal["worst", "best", "mixed"], Doc("worst: highest losses; best: recognised with the lowest; mixed: both")
    ] = "mixed",
) -> "SaliencyReporter":
    """saliency.png: where in a few images the model found its answers, by Grad-CAM."""
    from artkit_plugins.reporters.saliency_sheet import SaliencyReporter

    return SaliencyReporter(ctx, tile=tile, num_images=images, which=which)


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


def model_card(ctx: ReporterContext) -> "ModelCardReporter":
    """model_card.md: what the model is, was trained on, can and cannot do, for those who were not there."""
    from artkit_plugins.reporters.card import ModelCardReporter

    return ModelCardReporter(ctx)


def tensorboard(
    ctx: ReporterContext,
    *,
    every: Annotated[int, Ge(1), Doc("optimizer steps between two that are logged")] = 10,
    pictures: Annotated[int, Ge(0), Doc("most figures and mosaics to log")] = 24,
) -> "TensorboardReporter":
    """tensorboard/: values of steps and epochs, pictures, settings and recipe, for `tensorboard --logdir runs`."""
    from importlib.util import find_spec

    if find_spec("tensorboard") is None:
        raise RecipeError("the reporter 'tensorboard' needs a package that is not here: pip install tensorboard")
    from artkit_plugins.reporters.tensorboard_events import TensorboardReporter

    return TensorboardReporter(ctx, every=every, num_pictures=pictures)


def report(
    ctx: ReporterContext,
    *,
    images: Annotated[int, Ge(0), Doc("most test images inside the page, those that tell most")] = 1500,
) -> "ReportReporter":
    """report.html: one page for any screen with key figures, curves, classes, confusions and the images behind them."""
    from artkit_plugins.reporters.report_page.reporter import ReportReporter

    return ReportReporter(ctx, num_images=images)
