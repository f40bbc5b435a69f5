"""Text from the command line, read as the type of an option.

    true, yes, on, 1     bool          none             None, where the type allows it
    0.1                  float         pre              text, a path or a choice, as it stands
    6,12,24  [6, 12]     list, tuple   a=1,b=2  {a=1}   dict

What cannot be read stays text, and the check that follows says what it should have been.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from artkit.options.hints import choices_of
from artkit.options.values import value_text

_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class CommandLineText(str):
    """Text that was typed on a command line, to be read as the type of its option."""

    __slots__ = ()


def read_text(text: str, hint: Any) -> Any:
    """The text as a value of the hint, or the text itself if it cannot be read so."""
    try:
        return _read(text.strip(), hint)
    except ValueError:
        return text


def _read(text: str, hint: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _read(text, args[0])
    if origin is Union:
        return _read_union(text, args)
    if choices := choices_of(hint):
        return _read_choice(text, choices)
    if origin is dict:
        return _read_table(text, args[1])
    if origin in (list, tuple):
        return _read_list(text, hint)
    return _read_simple(text, hint)


def _read_simple(text: str, hint: Any) -> Any:
    if hint in (str, Path):
        return text
    if hint in (int, float):
        return hint(text)
    words = {"none": None} if hint is type(None) else _BOOLS
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _read_union(text: str, arms: tuple[Any, ...]) -> Any:
    # Any text is a str, so that arm comes last; none must not be taken for a file of that name.
    for arm in sorted(arms, key=lambda arm: (arm in (str, Path), arm is not type(None))):
        try:
            return _read(text, arm)
        except ValueError:
            continue
    raise ValueError(text)


def _read_choice(text: str, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if text == value_text(choice).strip("'"):
            return choice
    raise ValueError(text)


def _read_list(text: str, hint: Any) -> Any:
    try:
        return _read_toml(text, "[")
    except ValueError:
        words = _words(text, "[]")
    args = get_args(hint)
    hints = args if get_origin(hint) is tuple and args[-1] is not ... else (args[0],) * len(words)
    return [_read(_unquoted(word), item) for word, item in zip(words, hints, strict=True)]


def _read_table(text: str, hint: Any) -> Any:
    try:
        return _read_toml(text, "{")
    except ValueError:
        pairs = [word.partition("=") for word in _words(text, "{}")]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError(text)
    return {_unquoted(key.strip()): _read(_unquoted(value.strip()), hint) for key, _, value in pairs}


def _read_toml(text: str, start: str) -> Any:
    if not text.startswith(start):
        raise ValueError(text)
    return tomllib.loads(f"value = {text}")["value"]


def _words(text: str, brackets: str) -> list[str]:
    """Words between commas, without the brackets around them; a last comma is fine."""
    if text.startswith(brackets[0]) and text.endswith(brackets[1]):
        text = text[1:-1]
    words = [word.strip() for word in text.split(",")]
    return words if words[-1] else words[:-1]


def _unquoted(word: str) -> str:
    """What quotes enclose: beside `none`, which TOML does not have, texts may stand in them."""
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word
