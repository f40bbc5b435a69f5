"""`artkit export`: a trained model as a file that runs without artkit."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from artkit.cli.notes import results_alone
from artkit.cli.paths import given_path
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, plugin_settings
from artkit.cli.trained_options import BestWeights, Calibrated, NoMirror, Tau, TrainedRun, check_tau
from artkit.cli.trained_run import load_run, temperatures_of


class ExportFormat(StrEnum):
    """What kind of file."""

    ONNX = "onnx"
    TORCH_EXPORT = "torch-export"


def export(
    run: TrainedRun,
    format_: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            help="onnx: for many runtimes and languages, needs the extra `export`; torch-export: for PyTorch alone.",
        ),
    ] = ExportFormat.ONNX,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", parser=given_path, help="File to write.", show_default="RUN/model.onnx, RUN/model.pt2"
        ),
    ] = None,
    weights: BestWeights = None,
    tau: Tau = 0.0,
    calibrated: Calibrated = False,
    no_tta: NoMirror = False,
    plugin: PluginFiles = None,
    block: Block = None,
    no_plugins: NoPlugins = False,
) -> None:
    """Write a trained model to a file that runs without artkit: RGB images in [0, 1] go in, logits come out.

    Normalisation, mirror images, tau and temperature are in the file, and so are the names of the classes. Before it is
    written, it answers real images, and must agree with PyTorch.
    """
    from artkit.engine.folder import check_run_folder

    check_run_folder(run)  # before torch is imported, which takes seconds
    from artkit.cli.claimed_files import check_free
    from artkit.drawing.files import write_whole
    from artkit.engine.exporting.export import export_model
    from artkit.engine.exporting.formats import FORMATS
    from artkit.engine.predicting import Predictor
    from artkit_shards.sizes import size_text

    check_tau(tau, calibrated=calibrated)
    chosen = FORMATS[format_.value]
    chosen.check_packages()
    path = out or run / f"model{chosen.ending}"
    with results_alone(True):
        plugins = plugin_settings(plugin, block, no_plugins=no_plugins)
        trained = load_run(run, weights, device="cpu", plugins=plugins)
        check_free(path, "--out")  # not before it is known that RUN is a run, for it makes folders
        temperatures = temperatures_of(run, trained, calibrated=calibrated)
        mirrored = False if no_tta else None
        predictor = Predictor(trained, tau=tau, temperatures=temperatures, mirrored=mirrored)
        exported = export_model(predictor, chosen, run=run.resolve().name)
    write_whole(path, exported.data)
    typer.echo(f"{path}: {size_text(len(exported.data))}, images in, {', '.join(exported.outputs)} out")
    typer.echo(f"differs from PyTorch by {exported.difference:.1g} at most, on {exported.num_images} real images")
