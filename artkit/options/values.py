"""Values of options: as plain data that JSON and TOML can hold, and as words in messages."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any


def to_plain(value: Any, path_text: Callable[[Path], str] = str) -> Any:
    """The value with tuples as lists, paths as text, enums as their values and groups as tables, at any depth.

    `None` stays `None`, which JSON can hold but TOML cannot.

    Args:
        value: Of an option, or a table of options.
        path_text: How a path is written.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name), path_text) for field in fields(value) if field.init}
    if isinstance(value, Mapping):
        return {key: to_plain(item, path_text) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item, path_text) for item in value]
    if isinstance(value, Enum):
        return value.value
    return path_text(value) if isinstance(value, Path) else value


def absolute_text(path: Path) -> str:
    """A path in full, so that it means the same wherever it is read."""
    return str(path.expanduser().absolute())


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
    return repr(str(plain)) if isinstance(plain, str) else repr(plain)
