"""`artkit serve`: a trained run as a page to drop an image on, and as an endpoint."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from artkit.cli.notes import print_note
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
from artkit.cli.unknown_score import NoUnknown, UnknownScoreChoice, features_progress

if TYPE_CHECKING:
    from artkit.engine.trained import TrainedModel
    from artkit.serving.neighbours import Neighbours

_LIMITS: Final = "Limits"


def serve(
    run: TrainedRun,
    host: Annotated[
        str, typer.Option(metavar="NAME", help="Where to listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0 is any that is free.")] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further name to answer to, such as that of a proxy; repeatable."),
    ] = None,
    top: Annotated[int, typer.Option(metavar="K", min=1, help="Most classes to name for each image.")] = 5,
    nearest: Annotated[
        int, typer.Option(metavar="N", min=0, max=50, help="Training works to show; 0 needs no data set.")
    ] = 6,
    weights: BestWeights = None,
    tau: Tau = 0.0,
    calibrated: Calibrated = False,
    unknown_score: UnknownScoreChoice = None,
    no_unknown: NoUnknown = False,
    no_tta: NoMirror = False,
    device: RunsDevice = None,
    precision: UsedPrecision = JudgingPrecision.FLOAT32,
    max_mb: Annotated[
        float, typer.Option(metavar="MB", min=0.001, max=500, help="Of a request.", rich_help_panel=_LIMITS)
    ] = 20.0,
    max_megapixels: Annotated[
        float, typer.Option(metavar="MP", min=0.001, max=178, help="Of an image.", rich_help_panel=_LIMITS)
    ] = 50.0,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="For a request to arrive.", rich_help_panel=_LIMITS)
    ] = 30.0,
    at_once: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="Images answered at a time.", rich_help_panel=_LIMITS)
    ] = 4,
    plugin: PluginFiles = None,
    block: Block = None,
    no_plugins: NoPlugins = False,
) -> None:
    """Answer images in a browser: a page to drop one on, and POST /predict for programs.

    It has neither users nor TLS; to let others in, put it behind a proxy that has them.
    """
    from artkit.serving.packages import check_packages

    check_tau(tau, calibrated=calibrated)
    check_packages()
    from artkit.engine.folder import check_run_folder

    check_run_folder(run)  # before torch is imported, which takes seconds
    from artkit.serving.app import make_app
    from artkit.serving.guards import own_names
    from artkit.serving.limits import Limits
    from artkit.serving.server import address_of, open_port, serve_app
    from artkit.serving.service import Service

    limits = Limits(
        max_bytes=round(max_mb * 1e6), max_pixels=round(max_megapixels * 1e6), seconds=seconds, at_once=at_once
    )
    names = own_names(host, allow_host or ())
    with open_port(host, port) as taken:
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
        works, why_not = _load_works(run, trained) if nearest else (None, None)
        service = Service(
            run=run.resolve().name,
            predictor=predictor,
            neighbours=works,
            no_neighbours=why_not,
            top=top,
            works=nearest,
        )
        with suppress(KeyboardInterrupt):  # the way to end it, from the moment on that it is told
            typer.echo(f"serving {service.run} at {address_of(taken)}; Ctrl-C stops it")
            serve_app(make_app(service, limits, names), taken, limits)
    typer.echo("stopped")


def _load_works(run: Path, trained: "TrainedModel") -> "tuple[Neighbours | None, str | None]":
    """The training works, or what the page says in their place."""
    from artkit.errors import ArtkitError
    from artkit.serving.neighbours import load_neighbours
    from artkit_shards import ShardsError

    try:
        with features_progress() as on_progress:
            return load_neighbours(run, trained, on_progress=on_progress, tell=print_note), None
    except (ArtkitError, ShardsError) as error:
        print_note(f"no training works are shown: {error}")
        return None, "The nearest training works are not shown: the data set of the run cannot be used here."
