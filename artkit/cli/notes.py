"""Notes: what the user should know, a line each on standard error, so that results on standard output stay clean."""

import typer


def print_note(text: str) -> None:
    """Print one note."""
    typer.secho("note: ", fg="yellow", bold=True, err=True, nl=False)
    typer.echo(text, err=True)
