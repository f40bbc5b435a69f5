"""Help of commands, from their docstrings: paragraphs are as wide as the terminal, not as the source is."""

import inspect

import typer


def join_lines(app: typer.Typer) -> None:
    """Make one line of each paragraph in the help of an app's commands, and of those below it."""
    for command in app.registered_commands:
        paragraphs = (inspect.getdoc(command.callback) or "").split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.splitlines()) for paragraph in paragraphs)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            join_lines(group.typer_instance)
