"""`artkit sweep`: one run for every combination of some choices, one after the other, and a comparison of them all."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artkit.cli.compare import show_comparison
from artkit.cli.ending import INTERRUPTED
from artkit.cli.notes import print_note, results_alone, silent_reporters
from artkit.cli.part_options import (
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
from artkit.cli.resolving import data_folder, given, open_registry, recipe_layer, resolve
from artkit.cli.scores import SCORES, score_text
from artkit.cli.sweep_plan import Combination, check_said_once, combinations, combined, folder_name, read_axes, title

if TYPE_CHECKING:
    from artkit.engine.sweeping import PlannedRun
    from artkit.recipe import CommandLine, Recipe
    from artkit.registry import PluginSettings


def sweep(
    recipe: Annotated[
        Path | None,
        typer.Argument(
            metavar="RECIPE", parser=given_path, help="A recipe (TOML), or the name of one that `artkit recipes` lists."
        ),
    ] = None,
    over: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=VALUES",
            help="What to choose, and the values: optimizer=adam,rmsprop,sgd or optimizer.lr=0.1,0.01; repeatable, for "
            "every combination.",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Runs of each combination, with the seeds 0, 1, ...", show_default="1")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Folder that `artkit shard` wrote.", show_default="the recipe's"),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.", show_default="the recipe's")] = None,
    model: ModelName = None,
    sampler: SamplerName = None,
    augmenter: AugmenterNames = None,
    loss: LossName = None,
    optimizer: OptimizerName = None,
    schedule: ScheduleName = None,
    batch_size: BatchSize = None,
    image_size: ImageSize = None,
    device: DeviceName = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KIND.OPTION=VALUE", help="Set an option of every run; repeatable."),
    ] = None,
    plugin: PluginFiles = None,
    block: Block = None,
    prefer: Prefer = None,
    no_plugins: NoPlugins = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            parser=given_path,
            help="Where the runs go, and the comparison: compare.html, compare.png, compare.csv, compare.json.",
            show_default="runs/sweep-<digest of the recipes>",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Of each run, print its figures only.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON, and nothing else.")] = False,
) -> None:
    """Run every combination of some choices, one after the other, and compare them.

    A sweep that was cut off goes on when the same command is given again: finished runs are kept, the one that was cut
    off is resumed. A run that fails is reported, and the others go on.
    """
    from artkit.recipe import CommandLine

    base = CommandLine(
        choices=given(model=model, sampler=sampler, loss=loss, optimizer=optimizer, schedule=schedule),
        augmenters=augmenter or (),
        settings=given(
            **{
                "data.path": data_folder(data),
                "data.image_size": image_size,
                "train.epochs": epochs,
                "train.batch_size": batch_size,
                "train.device": device,
            }
        ),
        assignments=set_ or (),
    )
    axes = read_axes(over or [], seeds)
    check_said_once(axes, base)
    chosen = combinations(axes)
    recipes, plugins = _resolve_all(recipe, base, chosen, plugin_settings(plugin, block, prefer, no_plugins))
    folder, runs = _plan(chosen, recipes, out)
    say = _keep_silent if json_ else typer.echo
    say(f"{len(runs)} runs in {folder}")
    with results_alone(json_):
        failed = _carry_out_all(runs, plugins, silent_reporters(quiet, json_), say)
    _compare(runs, folder, failed, as_json=json_)
    if failed:
        print_note(f"{len(failed)} of {len(runs)} runs failed: {'; '.join(failed)}")
        raise typer.Exit(1)


def _keep_silent(_: str) -> None:
    """Say nothing."""


def _resolve_all(
    path: Path | None, base: "CommandLine", chosen: list[Combination], plugins: "PluginSettings"
) -> "tuple[list[Recipe], list[dict[str, Any]]]":
    """The recipe of every run, all checked before the first starts; and the plugins, for the record."""
    layer = recipe_layer(path, plugins)
    registry = open_registry(layer)
    recipes = [resolve(layer, combined(base, combination), registry) for combination in chosen]
    return recipes, [row.to_plain() for row in registry.plugins]


def _plan(chosen: list[Combination], recipes: "list[Recipe]", out: Path | None) -> "tuple[Path, list[PlannedRun]]":
    from artkit.engine.sweeping import PlannedRun, check_plan, plan_digest  # imports torch, which takes seconds

    names = [folder_name(combination) for combination in chosen]
    folder = out or Path("runs") / f"sweep-{plan_digest(list(zip(names, recipes, strict=True)))}"
    runs = [
        PlannedRun(title=title(combination), folder=folder.resolve() / name, recipe=recipe)
        for combination, name, recipe in zip(chosen, names, recipes, strict=True)
    ]
    check_plan(runs)
    return folder, runs


def _carry_out_all(
    runs: "list[PlannedRun]", plugins: list[dict[str, Any]], without: Collection[str], say: Callable[[str], None]
) -> dict[str, str]:
    """Carry out what is not finished; gives the titles of the runs that failed, each with its error."""
    from artkit.engine.sweeping import carry_out

    failed = {}
    for number, run in enumerate(runs):
        heading = f"run {number + 1} of {len(runs)}: {run.title}"
        if run.is_finished:
            say(f"{heading}: finished before")
            continue
        say(heading)
        try:
            outcome = carry_out(run, plugins=plugins, without=without, warn=print_note)
        except Exception as error:  # whatever it is, the runs after it can go on
            failed[run.title] = _told(error, run)
            print_note(f"{run.title} failed: {failed[run.title]}")
            continue
        if outcome.status == "interrupted":
            say("the same command goes on with this run")
            raise typer.Exit(INTERRUPTED)
        figures = (
            f"{SCORES[name]} {score_text(name, value)}" for name, value in outcome.metrics.items() if name in SCORES
        )
        say(f"  {', '.join(figures)}")
    return failed


def _told(error: Exception, run: "PlannedRun") -> str:
    """An error in words. One that is no mistake of the user keeps its traceback, in a file."""
    import traceback

    from artkit.drawing.files import write_whole
    from artkit.errors import ArtkitError
    from artkit_shards import ShardsError

    if isinstance(error, (ArtkitError, ShardsError)):
        return str(error)
    path = run.folder / "error.txt"
    write_whole(path, "".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {error}; the full traceback is in {path}"


def _compare(runs: "list[PlannedRun]", folder: Path, failed: Mapping[str, str], *, as_json: bool) -> None:
    import json

    from artkit.engine.comparison.comparing import compare
    from artkit.engine.comparison.results import read_results

    finished = [run.folder for run in runs if run.is_finished]
    if finished:
        show_comparison(compare(read_results(finished), list(SCORES)), folder, as_json=as_json, failed=failed)
    elif as_json:
        typer.echo(json.dumps({"runs": [], "groups": [], "failed": dict(failed)}, indent=2, ensure_ascii=False))
