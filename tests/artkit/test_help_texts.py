"""Help of commands reads as prose at any width."""

import typer
from typer.testing import CliRunner

from artkit.cli import app
from artkit.cli.help_texts import join_lines


def help_of(app, *words):
    return CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"}).output


def test_lines_of_a_paragraph_are_joined_and_paragraphs_are_not():
    below, top = typer.Typer(), typer.Typer()

    @below.command()
    def deep():
        """Do it.

        This goes on
        over two lines.

        This is something else.
        """

    @below.command()
    def bare():
        pass

    top.add_typer(below, name="below")
    join_lines(top)
    lines = [line.strip() for line in help_of(top, "below", "deep").splitlines()]
    assert lines.index("This is something else.") > lines.index("This goes on over two lines.") > lines.index("Do it.")
    assert "Usage" in help_of(top, "below", "bare")


def test_the_commands_of_artkit_have_it():
    assert "finished runs are kept, the one that was cut off is resumed." in help_of(app, "sweep")
    assert "each fault names the file and the sample, and says what is wrong" in help_of(app, "dataset", "verify")
