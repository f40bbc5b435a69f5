"""Commands are known by name and summary before their modules are imported, and what is known of them is true."""

import ast
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import artkit.cli
from artkit.cli import app
from artkit.cli.commands import COMMANDS, LazyCommands


def test_every_module_of_a_command_is_listed():
    modules = {}
    for file in Path(artkit.cli.__file__).parent.glob("*.py"):
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        if match := re.match(r"`artkit (\w+)`:", text):
            modules[match[1]] = file.stem
    assert {name: command.place.partition(":")[0] for name, command in COMMANDS.items()} == modules


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_first_paragraph_of_the_help(name):
    command = typer.main.get_command(app).commands[name]
    assert command.name == name
    assert " ".join(command.help.partition("\n\n")[0].split()) == COMMANDS[name].summary


def test_commands_are_those_of_the_list_whoever_asks():
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="artkit")
    assert group.list_commands(context) == list(group.commands) == list(COMMANDS)
    assert group.get_command(context, "run") is group.commands["run"]
    assert group.get_command(context, "rnu") is None


def test_a_command_is_made_once():
    commands = LazyCommands()
    assert commands["recipes"] is commands["recipes"]
    assert commands.get("recipe") is None
    with pytest.raises(KeyError, match="recipe"):
        commands["recipe"]


def test_a_misspelt_command_is_answered_by_the_right_one():
    done = CliRunner().invoke(app, ["evalute"])
    assert done.exit_code == 2
    assert "Did you mean 'evaluate'?" in done.output


@pytest.mark.parametrize(
    ("line", "number", "offered"),
    [
        ("artkit re", 1, ["retrain", "report", "recipes"]),
        ("artkit plugins s", 2, ["show"]),
        ("artkit dataset ", 2, ["index", "verify", "stats"]),
        ("artkit run --res", 2, ["--resume"]),
    ],
)
def test_shells_complete_commands_and_their_options(line, number, offered):
    environment = {"_ARTKIT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(number)}
    assert CliRunner().invoke(app, [], env=environment).output.split() == offered


@pytest.mark.parametrize(("words", "path"), [(["sweep"], "artkit sweep"), (["plugins", "new"], "artkit plugins new")])
def test_the_help_of_a_command_says_its_whole_name_and_has_no_options_of_artkit(words, path):
    output = CliRunner().invoke(app, [*words, "-h"], env={"COLUMNS": "200"}).output
    assert f"Usage: {path} " in output
    assert "--install-completion" not in output
