"""`artkit run`: train, evaluate and report."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artkit.cli.ending import end_run
from artkit.cli.launch import is_first_rank, num_ranks
from artkit.cli.notes import print_note, results_alone, silent_reporters
from artkit.cli.part_options import (
    PARTS,
    TRAINING,
    AugmenterNames,
    BatchSize,
    DeviceName,
    ImageSize,
    LossName,
    ModelName,
    OptimizerName,
    SamplerName,
    ScheduleName,
)
from artkit.cli.paths import given_path
from artkit.cli.plugin_options import Block, NoPlugins, PluginFiles, Prefer, plugin_settings
from artkit.cli.resolving import (
    data_folder,
    given,
    open_registry,
    recipe_layer,
    resolve,
    tell_changed_plugins,
    tell_unused_files,
)

if TYPE_CHECKING:
    from artkit.engine.job import Outcome
    from artkit.recipe import CommandLine
    from artkit.registry import PluginSettings

_OUTPUT = "Output"

RunOut = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        parser=given_path,
        help="Run folder; by default runs/<date>-<model>-<n>.",
        rich_help_panel=_OUTPUT,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but warnings.", rich_help_panel=_OUTPUT)]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, and nothing else.", rich_help_panel=_OUTPUT)
]


def run(
    recipe: Annotated[
        Path | None,
        typer.Argument(
            metavar="RECIPE",
            parser=given_path,
            help="A recipe (TOML), or the name of one that `artkit recipes` lists. Its sections replace the defaults.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="Folder that `artkit shard` wrote. Without it: the bundled clip art by artist."
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What to learn of the images, such as artist; repeatable: the first selects and stops. Without it: "
            "what the data set tells first.",
        ),
    ] = None,
    model: ModelName = None,
    sampler: SamplerName = None,
    augmenter: AugmenterNames = None,
    loss: LossName = None,
    optimizer: OptimizerName = None,
    schedule: ScheduleName = None,
    reporter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Add a reporter; repeatable; 'no:NAME' leaves one out, 'none' those of the recipe.",
            rich_help_panel=PARTS,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KIND.OPTION=VALUE",
            help="Set an option, such as optimizer.lr=0.05 or train.patience=10; repeatable. `artkit plugins show "
            "optimizer sgd` and `artkit plugins show train` list them.",
            rich_help_panel=PARTS,
        ),
    ] = None,
    plugin: PluginFiles = None,
    block: Block = None,
    prefer: Prefer = None,
    no_plugins: NoPlugins = False,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.", rich_help_panel=TRAINING)] = None,
    batch_size: BatchSize = None,
    accumulate: Annotated[
        int | None, typer.Option(help="Batches that make one optimizer step.", rich_help_panel=TRAINING)
    ] = None,
    compile_: Annotated[
        bool, typer.Option("--compile", help="Compile the model, if there is a compiler.", rich_help_panel=TRAINING)
    ] = False,
    max_minutes: Annotated[
        float | None,
        typer.Option(
            help="End training within so many minutes; the schedule is fitted to them.", rich_help_panel=TRAINING
        ),
    ] = None,
    image_size: ImageSize = None,
    seed: Annotated[int | None, typer.Option(help="Decides all randomness.", rich_help_panel=TRAINING)] = None,
    freeze: Annotated[
        str | None,
        typer.Option(
            metavar="all|none|N",
            help="What stands still while the rest learns: all but the head, nothing, or the first N stages.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    device: DeviceName = None,
    out: RunOut = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", parser=given_path, help="Go on with a run that was cut off.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            parser=given_path,
            help="Start a run by the recipe of that one, and tell what has changed since: plugins, options, data.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    find_lr: Annotated[
        bool,
        typer.Option(
            "--find-lr",
            help="Instead of training, try learning rates: tells a good one, and leaves a picture in --out.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    print_recipe: Annotated[
        bool,
        typer.Option(
            "--print-recipe", help="Print the recipe with every option, and do nothing else.", rich_help_panel=_OUTPUT
        ),
    ] = False,
    quiet: Quiet = False,
    json_: AsJson = False,
) -> None:
    """Train, evaluate and report. Without options: on real clip art by artist, in a few minutes."""
    from artkit.errors import RecipeError
    from artkit.options.reading import CommandLineText
    from artkit.recipe import CommandLine

    command_line = CommandLine(
        choices=given(model=model, sampler=sampler, loss=loss, optimizer=optimizer, schedule=schedule),
        augmenters=augmenter or (),
        reporters=reporter or (),
        settings=given(
            **{
                "data.path": data_folder(data),
                "data.targets": target or None,
                "data.image_size": image_size,
                "train.epochs": epochs,
                "train.batch_size": batch_size,
                "train.accumulate": accumulate,
                "train.compile": True if compile_ else None,
                "train.max_minutes": max_minutes,
                "train.seed": seed,
                "train.freeze": None if freeze is None else CommandLineText(freeze),
                "train.device": device,
            }
        ),
        assignments=set_ or (),
    )
    if like is not None:
        recipe = _recipe_of(like, recipe, resume)
    plugins = plugin_settings(plugin, block, prefer, no_plugins)
    if print_recipe:
        _print_recipe(recipe, command_line, plugins, resume)
        return
    if find_lr:
        if reporter:
            raise RecipeError(
                f"--find-lr does not go with --reporter {reporter[0]}: it leaves a picture, says a rate, and "
                "reports nothing; leave --reporter out"
            )
        _find_lr(recipe, command_line, plugins, out, resume, as_json=json_, quiet=quiet)
        return
    without = silent_reporters(quiet, json_)
    if resume is None:
        with results_alone(json_):
            outcome = _start(recipe, command_line, plugins, out, like, without)
    else:
        changed = command_line.choices or command_line.settings or command_line.assignments or command_line.augmenters
        if recipe or out or reporter or changed:
            raise RecipeError(
                f"--resume {resume} goes on with that run as its recipe.toml says, so no recipe, component, option or "
                "--out can be given with it; to change something, start a new run: "
                f"artkit run {resume}/recipe.toml --set ..."
            )
        with results_alone(json_):
            outcome = _resume(resume, command_line, plugins, without)
    end_run(outcome, as_json=json_)


def _recipe_of(run: Path, recipe: Path | None, resumed: Path | None) -> Path:
    """The recipe of a run that is to be repeated, once all packages that it needs are there."""
    from artkit.engine.folder import RECIPE, RunFolder
    from artkit.errors import RecipeError
    from artkit.registry import check_present

    for other in filter(None, (recipe, resumed)):
        raise RecipeError(f"--like {run} takes the recipe of that run, so {other} cannot be given with it")
    check_present(RunFolder(run).read_facts().get("provenance", ()), str(run))
    return run / RECIPE


def _start(
    path: Path | None,
    command_line: "CommandLine",
    plugins: "PluginSettings",
    out: Path | None,
    like: Path | None,
    without: Collection[str],
) -> "Outcome":
    layer = recipe_layer(path, plugins)
    registry = open_registry(layer)
    recipe = resolve(layer, command_line, registry)
    tell_unused_files(recipe, registry)
    from artkit.engine import job  # imports torch, which takes seconds: only after all that can be wrong was checked

    rows = [row.to_plain() for row in registry.plugins]
    return job.start(recipe, plugins=rows, out=out, like=like, without=without, warn=print_note)


def _find_lr(
    path: Path | None,
    command_line: "CommandLine",
    plugins: "PluginSettings",
    out: Path | None,
    resumed: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    from artkit.errors import RecipeError

    if resumed is not None:
        raise RecipeError(
            f"--find-lr does not go with --resume; test the recipe of that run: artkit run {resumed}/recipe.toml "
            "--find-lr"
        )
    if num_ranks() > 1:
        raise RecipeError(
            "--find-lr runs in one process; start it without torchrun: what it finds goes for the same --batch-size on "
            "any number of ranks"
        )
    layer = recipe_layer(path, plugins)
    recipe = resolve(layer, command_line, open_registry(layer))
    from artkit.cli.find_lr import find_lr

    find_lr(recipe, out=out, as_json=as_json, quiet=quiet)


def _print_recipe(
    path: Path | None, command_line: "CommandLine", plugins: "PluginSettings", resumed: Path | None
) -> None:
    from artkit.errors import RecipeError

    if resumed is not None:
        raise RecipeError(f"--print-recipe does not go with --resume; the recipe of that run is {resumed}/recipe.toml")
    layer = recipe_layer(path, plugins)
    text = resolve(layer, command_line, open_registry(layer)).to_toml()
    if is_first_rank():
        typer.echo(text, nl=False)


def _resume(
    folder: Path, command_line: "CommandLine", plugins: "PluginSettings", without: Collection[str]
) -> "Outcome":
    from artkit.engine.folder import RECIPE, RunFolder, check_run_folder, check_unfinished

    check_run_folder(folder)
    layer = recipe_layer(folder / RECIPE, plugins)
    recipe = resolve(layer, command_line, open_registry(layer))
    check_unfinished(RunFolder(folder.resolve()).read_facts(), folder)
    from artkit.engine import job  # imports torch, which takes seconds

    tell_changed_plugins(folder, recipe.choices)
    return job.resume(recipe, folder, without=without, warn=print_note)
