"""Values of options: as plain data that JSON and TOML can hold, and as words in messages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def to_plain(value: Any) -> Any:
    """The value with tuples as lists and paths as text, at any depth.

    `None` stays `None`, which JSON can hold but TOML cannot.
    """
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def value_text(value: Any) -> str:
    """The value as a user would write it, with quotes around text."""
    plain = to_plain(value)
    if plain is None:
        return "none"
    if isinstance(plain, bool):
        return str(plain).lower()
    if isinstance(plain, list):
        return f"[{', '.join(map(value_text, plain))}]"
    if isinstance(plain, dict):
        return f"{{{', '.join(f'{key} = {value_text(item)}' for key, item in plain.items())}}}"
    return repr(plain)
