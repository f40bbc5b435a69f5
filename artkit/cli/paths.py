"""Paths on the command line. An empty one, which a shell variable without a value leaves, must not mean this folder."""

from pathlib import Path

import typer


def given_path(text: str) -> Path:
    """Text -> path; refuses the empty text."""
    return Path(given_text(text))


def given_text(text: str) -> str:
    """A path or an address as it is; refuses the empty text."""
    if not text.strip():
        raise typer.BadParameter("the path is empty; the folder you are in is called '.'")
    return text


def path_or_address(text: str) -> Path | str:
    """Text that is an address, such as s3://bucket/art, stays text; any other becomes a path."""
    from artkit_shards import is_address

    return text if is_address(text) else Path(text)


def short_path(text: str) -> str:
    """A text that begins with a path, with `~` for the home folder."""
    home = str(Path.home())
    return f"~{text.removeprefix(home)}" if text.startswith(f"{home}/") else text
