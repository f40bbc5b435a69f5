"""Notes: what the user should know, a line each on standard error, so that results on standard output stay clean."""

import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout

import typer

from artkit.cli.launch import is_first_rank


def print_note(text: str) -> None:
    """Print one note; where several ranks have the same to say, the first one says it."""
    if not is_first_rank():
        return
    typer.secho("note: ", fg="yellow", bold=True, err=True, nl=False)
    typer.echo(text, err=True)


def results_alone(as_json: bool) -> AbstractContextManager[object]:
    """Around code of plugins: where results are for programs, what plugins print goes to standard error as well."""
    return redirect_stdout(sys.stderr) if as_json else nullcontext()


def silent_reporters(quiet: bool, as_json: bool) -> tuple[str, ...]:
    """Ids of the reporters that a command leaves out when it is to print less.

    They stay in the recipe of the run: whoever repeats or resumes it would otherwise see nothing, and wonder why.
    """
    return ("artkit/console",) if quiet or as_json else ()
