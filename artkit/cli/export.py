"""`artkit export`: a trained model as a file that runs without artkit."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from artkit.cli.notes import print_note, results_alone
from artkit.cli.paths import given_path
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, plugin_settings
from artkit.cli.trained_options import BestWeights, Tau, TrainedRun, check_tau
from artkit.cli.trained_run import load_run


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
    no_tta: Annotated[
        bool, typer.Option("--no-tta", help="Judge no image together with its mirror image, though the run did.")
    ] = False,
    plugin: PluginFiles = None,
    block: Block = None,
    no_plugins: NoPlugins = False,
) -> None:
    """Write a trained model to a file that runs without artkit: RGB images in [0, 1] go in, logits come out.

    Normalisation, mirror images and tau are in the file, and so are the names of the classes. Before it is written, it
    answers real images, and must agree with PyTorch.
    """
    from artkit.engine.folder import check_run_folder

    check_run_folder(run)  # before torch is imported, which takes seconds
    from artkit.cli.claimed_files import check_free
    from artkit.drawing.files import write_whole
    from artkit.engine.exporting.export import export_model
    from artkit.engine.exporting.formats import FORMATS
    from artkit.engine.predicting import Predictor
    from artkit_shards.sizes import size_text

    check_tau(tau)
    chosen = FORMATS[format_.value]
    chosen.check_packages()
    path = out or run / f"model{chosen.ending}"
    with results_alone(True):
        plugins = plugin_settings(plugin, block, no_plugins=no_plugins)
        trained = load_run(run, weights, device="cpu", plugins=plugins)
        check_free(path, "--out")  # not before it is known that RUN is a run, for it makes folders
        predictor = Predictor(trained, tau=tau, mirrored=False if no_tta else None)
        exported = export_model(predictor, chosen, run=run.resolve().name)
    if predictor.precision != "float32":
        print_note(
            f"artkit computes with this model in {predictor.precision}, the file in float32, so answers differ a little"
        )
    write_whole(path, exported.data)
    typer.echo(f"{path}: {size_text(len(exported.data))}, images in, {', '.join(exported.outputs)} out")
    typer.echo(f"differs from PyTorch by {exported.difference:.1g} at most, on {exported.num_images} real images")
