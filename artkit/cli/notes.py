"""Notes: what the user should know, a line each on standard error, so that results on standard output stay clean."""

import typer

from artkit.cli.launch import is_first_rank


def print_note(text: str) -> None:
    """Print one note; where several ranks have the same to say, the first one says it."""
    if not is_first_rank():
        return
    typer.secho("note: ", fg="yellow", bold=True, err=True, nl=False)
    typer.echo(text, err=True)
