"""Paths on the command line. An empty one, which a shell variable without a value leaves, must not mean this folder."""

from pathlib import Path

import typer


def given_path(text: str) -> Path:
    """Text -> path; refuses the empty text."""
    if not text.strip():
        raise typer.BadParameter("the path is empty; the folder you are in is called '.'")
    return Path(text)
