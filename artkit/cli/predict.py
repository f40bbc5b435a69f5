"""`artkit predict`: what a trained run says about images, wherever they are."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from artkit.cli.conversion_progress import conversion_progress
from artkit.cli.notes import print_note, results_alone
from artkit.cli.paths import given_path, given_text
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, plugin_settings
from artkit.cli.trained_options import (
    BestWeights,
    Calibrated,
    JudgingPrecision,
    NoMirror,
    RunsDevice,
    Tau,
    TrainedRun,
    UsedPrecision,
    check_tau,
)
from artkit.cli.trained_run import load_run, make_predictor
from artkit.cli.unknown_score import NoUnknown, UnknownScoreChoice

if TYPE_CHECKING:
    from artkit.cli.prediction_rows import PredictionWriter
    from artkit.cli.prediction_tally import UnusableTally
    from artkit.engine.answering import Answered, Answering
    from artkit.engine.images.asked import AskedImages

_OUTPUT: Final = "Output"
_PHASE: Final = "answer"
_TOLD_EVERY: Final = 16  # images


def predict(
    run: TrainedRun,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            parser=given_text,
            help="Images, folders of them, tars, data sets or their addresses; - is a list of paths on standard input.",
        ),
    ],
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="The only split to take of data sets.", show_default="all")
    ] = None,
    top: Annotated[int, typer.Option(metavar="K", min=1, help="Most classes to name for each image.")] = 3,
    weights: BestWeights = None,
    tau: Tau = 0.0,
    calibrated: Calibrated = False,
    unknown_score: UnknownScoreChoice = None,
    no_unknown: NoUnknown = False,
    no_tta: NoMirror = False,
    device: RunsDevice = None,
    precision: UsedPrecision = JudgingPrecision.FLOAT32,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Images computed at once.", show_default="that of the run")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=given_path,
            help="File for the answers.",
            show_default="standard output",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Answers as JSON, a line an image, instead of CSV.", rich_help_panel=_OUTPUT)
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=given_path,
            help="List the images that could not be used in this file, as CSV.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    mosaic: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png|FOLDER",
            parser=given_path,
            help="Show the images with their answers: the first on a sheet, or all on sheets in a folder.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    plugin: PluginFiles = None,
    block: Block = None,
    no_plugins: NoPlugins = False,
) -> None:
    """Say what images show, by a trained run: the likeliest classes of each, with their probabilities.

    Any number of images is taken, one batch at a time. Those that cannot be used are told at the end, and never stop
    the others; the exit code is 1 only if no image was answered.
    """
    from artkit.engine.folder import check_run_folder

    check_run_folder(run)  # before torch is imported, which takes seconds
    from artkit.cli.claimed_files import claimed_file
    from artkit.cli.prediction_rows import CsvRows, JsonLines
    from artkit.cli.prediction_sheets import TILE, Sheets
    from artkit.cli.prediction_tally import UnusableTally
    from artkit.engine.answering import Answering
    from artkit.engine.images.asked import AskedImages
    from artkit_shards.wording import counted

    check_tau(tau, calibrated=calibrated)
    results = sys.stdout
    with results_alone(True), ExitStack() as files:
        asked = AskedImages(paths, split)
        stream = results if out is None else files.enter_context(claimed_file(out, "--out"))
        rejected = None if rejects is None else files.enter_context(claimed_file(rejects, "--rejects"))
        sheets = None if mosaic is None else Sheets(mosaic, f"What {run.resolve().name} says")
        plugins = plugin_settings(plugin, block, no_plugins=no_plugins)
        trained = load_run(run, weights, device=device, plugins=plugins, precision=precision)
        predictor = make_predictor(
            run,
            trained,
            tau=tau,
            calibrated=calibrated,
            no_tta=no_tta,
            unknown_score=unknown_score,
            no_unknown=no_unknown,
        )
        tally = UnusableTally(rejected)  # not before, for it writes a header, and a mistake above should leave no file
        answering = Answering(
            predictor=predictor,
            batch_size=batch_size or trained.recipe.train.batch_size,
            threads=trained.recipe.data.threads,
            top=top,
            tile=None if sheets is None else TILE,
            on_unusable=tally,
        )
        writer: PredictionWriter = JsonLines(stream) if json_ else CsvRows(stream, predictor, top)
        receivers = [writer.write] if sheets is None else [writer.write, sheets.add]
        # Rows that run over the terminal tell by themselves how far it is.
        num_answered = _answer_all(answering, asked, receivers, tally, shows_progress=not stream.isatty())
        stream.flush()
        shown = [] if sheets is None else [sheets.close()]
    for note in (*asked.notes(), *tally.notes(), *shown):
        print_note(note)
    typer.echo(f"{counted(num_answered, 'image')} answered" + (f": {out}" if out else ""), err=True)
    if not num_answered:
        raise typer.Exit(1)


def _answer_all(
    answering: "Answering",
    asked: "AskedImages",
    receivers: "Sequence[Callable[[Answered], None]]",
    tally: "UnusableTally",
    *,
    shows_progress: bool,
) -> int:
    """Hand every answer to the receivers; returns how many there were."""
    shown: AbstractContextManager[Callable[[str, int, int | None], None] | None]
    shown = conversion_progress({_PHASE: "answering images"}) if shows_progress else nullcontext()
    num_answered = 0
    with shown as progress:
        tell = progress or _tell_nobody
        tell(_PHASE, 0, asked.total)
        for answered in answering.answer(asked.found()):
            for receive in receivers:
                receive(answered)
            num_answered += 1
            if num_answered % _TOLD_EVERY == 0:
                tell(_PHASE, num_answered + len(tally), asked.total)
        done = num_answered + len(tally)
        tell(_PHASE, done, done)
    return num_answered


def _tell_nobody(_phase: str, _done: int, _total: int | None) -> None:
    """For output that tells by itself how far it is."""
