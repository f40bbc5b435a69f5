"""`artkit run`: train, evaluate and report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artkit.cli.paths import given_path

if TYPE_CHECKING:
    from artkit.engine.job import Outcome
    from artkit.recipe import CommandLine, Recipe
    from artkit.registry import Registry

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

_PARTS = "Parts"
_TRAINING = "Training"
_OUTPUT = "Output"


def run(
    recipe: Annotated[
        Path | None,
        typer.Argument(metavar="RECIPE", parser=given_path, help="A recipe (TOML). Its sections replace the defaults."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="Folder that `artkit shard` wrote. Without it: the bundled clip art by artist."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Model.", rich_help_panel=_PARTS)] = None,
    sampler: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How often each image appears in an epoch.", rich_help_panel=_PARTS),
    ] = None,
    augmenter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Change training images; repeatable, in order; 'none'.", rich_help_panel=_PARTS
        ),
    ] = None,
    loss: Annotated[str | None, typer.Option(metavar="NAME", help="Loss.", rich_help_panel=_PARTS)] = None,
    optimizer: Annotated[str | None, typer.Option(metavar="NAME", help="Optimizer.", rich_help_panel=_PARTS)] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="NAME", help="Learning rate over time.", rich_help_panel=_PARTS)
    ] = None,
    reporter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Add a reporter; repeatable; 'no:NAME' leaves one out.", rich_help_panel=_PARTS
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KIND.OPTION=VALUE",
            help="Set an option, such as model.growth_rate=32; repeatable. `artkit plugins show` lists them.",
            rich_help_panel=_PARTS,
        ),
    ] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            "--plugin",
            "-P",
            metavar="FILE.py",
            help="Load a plugin from a file; repeatable; 'no:NAME' leaves an installed one out.",
            rich_help_panel=_PARTS,
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.", rich_help_panel=_TRAINING)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.", rich_help_panel=_TRAINING)] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Height and width of images in pixels.", rich_help_panel=_TRAINING)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides all randomness.", rich_help_panel=_TRAINING)] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1.", rich_help_panel=_TRAINING)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            parser=given_path,
            help="Run folder; by default runs/<date>-<model>-<n>.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", parser=given_path, help="Go on with a run that was cut off.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing but warnings.", rich_help_panel=_OUTPUT)
    ] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, and nothing else.", rich_help_panel=_OUTPUT)
    ] = False,
) -> None:
    """Train, evaluate and report. Without options: on real clip art by artist, in a few minutes."""
    from artkit.errors import RecipeError
    from artkit.recipe import CommandLine

    command_line = CommandLine(
        choices=_given(model=model, sampler=sampler, loss=loss, optimizer=optimizer, schedule=schedule),
        augmenters=augmenter or (),
        reporters=(*(reporter or ()), *(("no:artkit/console",) if quiet or json_ else ())),
        settings=_given(
            **{
                "data.path": _folder(data),
                "data.image_size": image_size,
                "train.epochs": epochs,
                "train.batch_size": batch_size,
                "train.seed": seed,
                "train.device": device,
            }
        ),
        assignments=set_ or (),
    )
    if resume is None:
        outcome = _start(recipe, command_line, plugin or [], out)
    else:
        changed = command_line.choices or command_line.settings or command_line.assignments or command_line.augmenters
        if recipe or out or reporter or changed:
            raise RecipeError(
                f"--resume {resume} goes on with that run as its recipe.toml says, so no recipe, component, option or "
                "--out can be given with it; to change something, start a new run: "
                f"artkit run {resume}/recipe.toml --set ..."
            )
        outcome = _resume(resume, command_line, plugin or [])
    if json_:
        _print_json(outcome)
    if outcome.status == "interrupted":
        raise typer.Exit(_INTERRUPTED)


def _folder(data: str | None) -> str | None:
    """A folder's path in full, lest one with the name of the bundled data set is taken for that."""
    return str(Path(data).resolve()) if data and Path(data).is_dir() else data


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _start(path: Path | None, command_line: "CommandLine", plugins: list[str], out: Path | None) -> "Outcome":
    from artkit.recipe import read_recipe_file

    layer = read_recipe_file(path) if path else {}
    registry, recipe = _resolve(layer, command_line, plugins)
    from artkit.engine import job  # imports torch, which takes seconds: only after all that can be wrong was checked

    return job.start(recipe, plugins=[row.to_plain() for row in registry.plugins], out=out, warn=_warn)


def _resume(folder: Path, command_line: "CommandLine", plugins: list[str]) -> "Outcome":
    from artkit.errors import RunError
    from artkit.recipe import read_recipe_file

    path = folder / "recipe.toml"
    if not path.is_file():
        raise RunError(f"{folder} is not a run folder (it has no recipe.toml); --resume takes a folder that a run left")
    _, recipe = _resolve(read_recipe_file(path), command_line, plugins)
    from artkit.engine import job

    return job.resume(recipe, folder, warn=_warn)


def _resolve(layer: dict[str, Any], command_line: "CommandLine", plugins: list[str]) -> "tuple[Registry, Recipe]":
    from artkit.recipe import resolve_recipe
    from artkit.registry import load_registry

    files = [*layer.get("plugins", []), *(name for name in plugins if not name.startswith("no:"))]
    switched_off = [name.removeprefix("no:") for name in plugins if name.startswith("no:")]
    registry = load_registry(files, switched_off=switched_off)
    for row in registry.plugins:
        if row.failure:
            _warn(f"{row.info.label} was left out: {row.failure}; see `artkit plugins --check`")
        elif row.loaded and not row.components:
            _warn(f"{row.info.label} registers nothing")
    recipe = resolve_recipe({**layer, "plugins": files}, command_line, registry)
    for choice in recipe.choices:
        if choice.component.warning:
            _warn(choice.component.warning)
    return registry, recipe


def _warn(text: str) -> None:
    typer.secho("note: ", fg="yellow", bold=True, err=True, nl=False)
    typer.echo(text, err=True)


def _print_json(outcome: "Outcome") -> None:
    import json

    typer.echo(json.dumps({"run": str(outcome.folder), "status": outcome.status, "metrics": dict(outcome.metrics)}))
