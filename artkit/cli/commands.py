"""The commands of artkit: what each is called, does and where it is. Their modules are imported when they are used.

So the list of them, which is shown most often, takes no longer the more commands there are.
"""

from collections import UserDict
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.main import get_group

from artkit.cli.framed_help import FramedCommand, FramedGroup, Rows


class ListedCommand(NamedTuple):
    """What is known of a command before its module is imported."""

    place: str
    """Where its function is, or the app of the commands below it, in a module of this package: "run:run"."""
    summary: str
    """The first paragraph of its help, in one line."""


COMMANDS: Final = {
    "run": ListedCommand(
        "run:run", "Train, evaluate and report. Without options: on real clip art by artist, in a few minutes."
    ),
    "retrain": ListedCommand(
        "retrain:retrain",
        "Train the classifier of a finished run anew, fair to rare classes, in seconds: it leaves a run of its own.",
    ),
    "evaluate": ListedCommand(
        "evaluate:evaluate",
        "Give the figures of a trained run, with 95 % intervals: its own, or those on another data set.",
    ),
    "report": ListedCommand(
        "report:report",
        "Draw the report and the figures of a run anew, from the files in its folder: no model is needed.",
    ),
    "predict": ListedCommand(
        "predict:predict",
        "Say what images show, by a trained run: the likeliest classes of each, with their probabilities.",
    ),
    "export": ListedCommand(
        "export:export",
        "Write a trained model to a file that runs without artkit: RGB images in [0, 1] go in, logits come out.",
    ),
    "serve": ListedCommand(
        "serve:serve", "Answer images in a browser: a page to drop one on, and POST /predict for programs."
    ),
    "compare": ListedCommand(
        "compare:compare",
        "Compare runs: figures with intervals, seeds together, differences on the same images, curves, recipes.",
    ),
    "sweep": ListedCommand(
        "sweep:sweep", "Run every combination of some choices, one after the other, and compare them."
    ),
    "shard": ListedCommand("shard:shard", "Convert images to a data set of tar shards."),
    "recipes": ListedCommand("recipes:recipes", "List the recipes that come with artkit; `artkit run NAME` runs one."),
    "schema": ListedCommand(
        "schema:schema", "Print the JSON Schema of recipes, with which editors complete and check them."
    ),
    "dataset": ListedCommand(
        "dataset:dataset_app", "Index tars that others wrote, verify data sets, and show what is in them."
    ),
    "plugins": ListedCommand(
        "plugins:plugins_app",
        "List the plugins, show the options of their components, check them, and begin one of your own.",
    ),
}
"""Name -> command, in the order of the help."""


class LazyCommands(UserDict[str, Any]):
    """Commands by name, each made when it is first asked for; names are known without."""

    def __init__(self) -> None:
        super().__init__(COMMANDS)

    def __getitem__(self, key: str) -> Any:
        """The command of a name, as the parser of command lines takes it."""
        found = self.data[key]
        if isinstance(found, ListedCommand):
            found = self.data[key] = _load(key, found.place)
        return found


class TopGroup(FramedGroup):
    """What `artkit` itself is: all commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = LazyCommands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 # there are the same in every context
        """Their names, in the order of the help; none of them is made for that."""
        return list(self.commands)

    def summaries(self) -> Rows:
        """What the list says of them; none of them is made for that."""
        return [(name, command.summary) for name, command in COMMANDS.items()]


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(f"artkit.cli.{module}"), attribute)
    alone = typer.Typer()
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name, cls=FramedCommand)(found)
    return get_group(alone).commands[name]
