"""The help of artkit, of its commands and of those below them, in frames at any width."""

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from artkit.cli import app
from artkit.cli.commands import COMMANDS
from artkit.cli.framed_help import FramedCommand, FramedGroup

BELOW = [("dataset", name) for name in ("index", "verify", "stats")]
BELOW += [("plugins", name) for name in ("list", "show", "check", "new")]
ALL = [(), *((name,) for name in COMMANDS), *BELOW]


def help_of(app, *words, width=80):
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": str(width)})
    assert done.exit_code == 0
    return done.output


def framed(output):
    return [line for line in output.splitlines() if line[:1] in set("╭│╰")]


def words_of(output):
    """All words, as if there were neither frames nor lines."""
    return " ".join(output.replace("│", " ").split())


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_frames_fit_the_terminal_and_name_every_option(words, width):
    output = help_of(app, *words, width=width)
    assert {len(line) for line in framed(output)} == {min(width, 100)}
    assert all(len(line) <= min(width, 100) for line in output.splitlines())
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    for param in command.params:
        names = param.opts if param.param_type_name == "option" else [param.metavar or param.name]
        assert all(f" {name}" in words_of(output) for name in names)


def test_the_help_of_artkit_names_every_command_with_its_summary():
    output = help_of(app, width=50)
    assert words_of(output).startswith("Usage: artkit [OPTIONS] COMMAND [ARGS]... Learn who made a work of art")
    for name, command in COMMANDS.items():
        assert f" {name} {command.summary}" in words_of(output)


@pytest.mark.parametrize("words", [(), ("dataset",)])
def test_without_a_command_the_help_is_shown_and_the_exit_code_says_that_nothing_was_done(words):
    done = CliRunner().invoke(app, [*words], env={"COLUMNS": "80"})
    assert done.exit_code == 2
    assert done.output == help_of(app, *words)


def test_lines_of_a_paragraph_are_joined_and_paragraphs_are_not():
    output = help_of(app, "sweep")
    assert words_of(output).startswith("Usage: artkit sweep [OPTIONS] [RECIPE] Run every combination of some choices")
    assert "and compare them.\n\n A sweep that was cut off goes on" in output
    assert "finished runs are kept, the one that was cut off is resumed." in words_of(output)


@pytest.fixture
def toy():
    """An app with a command of each sort."""
    toy = typer.Typer(cls=FramedGroup, name="toy", help="Toys.")

    @toy.command(cls=FramedCommand)
    def bare():
        pass

    @toy.command(cls=FramedCommand)
    def full(
        what: Annotated[str, typer.Argument(metavar="WHAT", help="It.")],
        size: Annotated[int, typer.Option(min=1, metavar="N", help="How large it is.")] = 3,
        long: Annotated[str, typer.Option("--name", metavar="A-RATHER-LONG-NAME", help="Ours.")] = "x",
        loud: Annotated[bool, typer.Option("--loud/--quiet", rich_help_panel="Noise", help="[b]Loud[/b].")] = True,
    ):
        """Do it."""

    return toy


def test_a_command_without_help_and_parameters_has_its_usage_and_the_help_option(toy):
    assert help_of(toy, "bare", width=40).splitlines() == [
        "",
        " Usage: toy bare [OPTIONS]",
        "",
        "╭─ Options ────────────────────────────╮",
        "│ --help  Show this message and exit.  │",
        "╰──────────────────────────────────────╯",
    ]


def test_groups_of_options_have_frames_of_their_own_and_texts_stand_as_they_are(toy):
    lines = help_of(toy, "full", width=70).splitlines()
    assert [line.split()[1] for line in lines if line[:1] == "╭"] == ["Arguments", "Options", "Noise"]
    assert any(line.startswith("│ --size N ") and "How large it is." in line for line in lines)
    assert any(line.startswith("│ --loud / --quiet  [b]Loud[/b].") for line in lines)


def test_where_there_is_no_room_beside_the_names_texts_stand_below_them(toy):
    lines = help_of(toy, "full", width=44).splitlines()
    assert lines[lines.index(f"│ {'--name A-RATHER-LONG-NAME'.ljust(40)} │") + 1].startswith("│   Ours.")


def test_names_stand_out_on_a_terminal(toy):
    done = CliRunner().invoke(toy, ["--help"], env={"COLUMNS": "80"}, color=True)
    assert "\033[36m\033[1mfull" in done.output
    assert "\033" not in help_of(toy)
