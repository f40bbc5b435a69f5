"""The page of training methods: every test it names is there, every command is understood."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from artkit.cli import app
from artkit.cli.sweep_plan import read_axes

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "training-methods.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!what it |---)(.+?) \| `(.+?)` \| `(.+?)::(.+?)` \|$", PAGE, flags=re.MULTILINE)
"""What it does, a command, and the test."""
DEFECTS = re.findall(
    r"^\| (?!what went wrong|---)([^|]+?) \| ([^`|]+?) \| `(.+?)::(.+?)` \|$", PAGE, flags=re.MULTILINE
)
"""What went wrong, what is done about it, and the test."""


def parsed(words):
    """What a command line gives its command; nothing is run."""
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    return command.make_context(command.name, words).params


def test_every_row_has_a_command_and_a_test():
    heads = ("| what it did ", "| what it does ", "| what went wrong ")
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(heads)]
    assert len(ROWS) + len(DEFECTS) == len(rows)
    assert len(ROWS) > 80
    assert len(DEFECTS) > 15


@pytest.mark.parametrize(("file", "test"), sorted({row[2:] for row in ROWS + DEFECTS}))
def test_every_test_that_is_named_is_there(file, test):
    assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("line", sorted({row[1] for row in ROWS}))
def test_every_command_is_understood(line):
    program, *words = shlex.split(line)
    assert program == "artkit"
    params = parsed(words)
    if words[0] == "sweep":
        assert read_axes(params["over"], params["seeds"])
    elif words[0] == "run" and "--resume" not in words:
        # Resolves every component and option, and stops there.
        result = CliRunner().invoke(app, [*words, "--print-recipe"])
        assert result.exit_code == 0, result.exception
