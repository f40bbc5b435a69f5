"""`artkit retrain`: a new classifier for a finished run, from the features that it has learnt."""

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artkit.cli.ending import end_run
from artkit.cli.notes import print_note, results_alone, silent_reporters
from artkit.cli.paths import given_path
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, Prefer, plugin_settings
from artkit.cli.resolving import given, open_registry, resolve, tell_changed_plugins, with_plugins
from artkit.cli.run import AsJson, Quiet, RunOut
from artkit.cli.trained_options import Weights

if TYPE_CHECKING:
    from artkit.recipe import CommandLine
    from artkit.registry import PluginSettings


class Method(StrEnum):
    """How the head is made."""

    CRT = "crt"
    TAU_NORM = "tau-norm"
    LWS = "lws"


_STRENGTHS = 21  # of tau-norm: 0, 0.1, ... 2


def retrain(
    run: Annotated[Path, typer.Argument(metavar="RUN", parser=given_path, help="Folder that `artkit run` left.")],
    method: Annotated[
        Method | None,
        typer.Option(
            help="crt: a new head is trained; lws: only a factor for each class is trained; tau-norm: nothing is "
            "trained, the weights of each class are divided by their length to a power that validation chooses.",
            show_default="crt",
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How often each image appears in an epoch.", show_default="class-balanced"),
    ] = None,
    loss: Annotated[str | None, typer.Option(metavar="NAME", help="Loss.", show_default="cross-entropy")] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Passes over the features; with tau-norm, how many powers are tried.",
            show_default="30; with tau-norm 21",
        ),
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Largest learning rate.", show_default="0.1")] = None,
    views: Annotated[
        int | None,
        typer.Option(
            help="Augmented views of each training image, by the augmenters of the run; 0 = the image itself, once.",
            show_default="0",
        ),
    ] = None,
    weights: Annotated[
        Weights | None,
        typer.Option(
            help="Weights of RUN to start from: those best by this in validation.",
            show_default="what the run selected by",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KIND.OPTION=VALUE", help="Any option, such as train.select=accuracy; repeatable."
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1.", show_default="that of the run")
    ] = None,
    plugin: PluginFiles = None,
    block: Block = None,
    prefer: Prefer = None,
    no_plugins: NoPlugins = False,
    out: RunOut = None,
    quiet: Quiet = False,
    json_: AsJson = False,
) -> None:
    """Train the classifier of a finished run anew, fair to rare classes, in seconds: it leaves a run of its own.

    The rest of the model stays as it is, so its features of all images are computed once. Kang et al. 2020: networks
    learn the best features from all images equally often, and the best classifier from all classes equally often. The
    best head is chosen by macro recall in validation; where the run learnt several targets, by that of the first.
    """
    from artkit.recipe import CommandLine

    if method is Method.TAU_NORM:
        _refuse_training_options(sampler=sampler, loss=loss, lr=lr, views=views)
    command_line = CommandLine(
        choices=given(sampler=sampler, loss=loss),
        settings=given(
            **{
                "retrain.method": method.value if method else None,
                "retrain.views": views,
                "train.epochs": _STRENGTHS if epochs is None and method is Method.TAU_NORM else epochs,
                "train.device": device,
                "optimizer.lr": lr,
            }
        ),
        assignments=set_ or (),
    )
    plugins = plugin_settings(plugin, block, prefer, no_plugins)
    without = silent_reporters(quiet, json_)
    _start(run, weights, command_line, plugins, out, without, as_json=json_)


def _refuse_training_options(**options: Any) -> None:
    from artkit.errors import RecipeError

    for name in given(**options):
        raise RecipeError(f"--method tau-norm trains nothing, so --{name} has no effect; leave it out")


def _start(
    run: Path,
    weights: Weights | None,
    command_line: "CommandLine",
    plugins: "PluginSettings",
    out: Path | None,
    without: Collection[str],
    *,
    as_json: bool,
) -> None:
    from artkit.engine.folder import check_run_folder

    check_run_folder(run)  # before torch is imported, which takes seconds
    from artkit.engine import job
    from artkit.engine.folder import RECIPE
    from artkit.engine.trained import find_weights
    from artkit.recipe import read_recipe_file, retraining_layer

    path = find_weights(run, weights.value if weights else None).resolve()
    layer = with_plugins(retraining_layer(read_recipe_file(run / RECIPE), path), plugins)
    registry = open_registry(layer)
    recipe = resolve(layer, command_line, registry)
    tell_changed_plugins(run, [recipe.model])
    with results_alone(as_json):
        rows = [row.to_plain() for row in registry.plugins]
        outcome = job.start(recipe, plugins=rows, out=out, without=without, warn=print_note)
    end_run(outcome, as_json=as_json)
