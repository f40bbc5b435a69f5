"""The annotation of an option: which types there are, their bounds, and how both read.

An option is a bool, int, float, str, Path, Literal or Enum; `X | None` or another union of these; a list or tuple of
these; a dict from str to these; or a frozen dataclass of them (`groups.py`). `Annotated` adds bounds for the numbers,
wherever in the type they stand: in `Annotated[int | None, Ge(1)]` and `Annotated[tuple[int, ...], Ge(1)]` every int
must be at least 1.
"""

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import BaseMetadata, Ge, Gt, Interval, Le, Lt, MultipleOf

from artkit.annotations import Doc
from artkit.options.values import value_text

_Bound = Ge | Gt | Le | Lt | MultipleOf

_SHORT = {bool: "bool", int: "int", float: "float", str: "str", Path: "path", type(None): "none"}
_SINGULAR = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "text",
    Path: "a path",
    type(None): "none",
}
_PLURAL = {bool: "true or false", int: "integers", float: "numbers", str: "texts", Path: "paths", type(None): "none"}


class HintError(TypeError):
    """An annotation that options cannot have; the message fits behind "option 'depth' "."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What an annotation says."""

    type: Any
    """The type to check against, with the bounds moved to the numbers inside; free of help."""
    help: str

    @property
    def type_text(self) -> str:
        """Short words for a table: "int", "list of 2 float", "pre | post", "int or none"."""
        return _short(self.type)

    @property
    def must_be(self) -> str:
        """Words that end "it must be ...": "an integer", "a list of 2 numbers", "one of 'pre', 'post'"."""
        return _long(self.type, _SINGULAR)

    @property
    def bounds_text(self) -> str:
        """The bounds of the numbers: ">= 1", "> 0, <= 1", "multiple of 64", or "" if there are none."""
        return ", ".join(dict.fromkeys(_bound_text(bound) for bound in _bounds(self.type)))


def read_hint(annotation: Any) -> Hint:
    """Reads an evaluated annotation.

    Raises:
        HintError: if options cannot be of this type, or a bound has no number to apply to.
    """
    annotation = without_alias(annotation)
    marks = _marks(annotation)
    docs = [mark.text if isinstance(mark, Doc) else mark for mark in marks if isinstance(mark, Doc | str)]
    hint = Hint(type=_place(annotation, ()), help=" ".join(docs))
    if any(isinstance(mark, _Bound | Interval) for mark in marks) and not hint.bounds_text:
        raise HintError(f"is {hint.type_text} and has bounds, but only numbers can have bounds")
    return hint


def without_alias(hint: Any) -> Any:
    """What a `type X = ...` statement of Python 3.12 stands for; any other hint as it is."""
    return without_alias(hint.__value__) if type(hint).__name__ == "TypeAliasType" else hint


def choices_of(hint: Any) -> tuple[Any, ...]:
    """The values that a Literal or an Enum allows, as recipes hold them; () for other types."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(member.value for member in hint) if _is_enum(hint) else ()


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def _marks(annotation: Any) -> Sequence[Any]:
    return get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()


def _place(hint: Any, bounds: tuple[_Bound, ...]) -> Any:
    """The hint with the bounds moved inwards, to its numbers."""
    hint = without_alias(hint)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _place(args[0], (*bounds, *_own_bounds(args[1:])))
    if hint in (int, float):
        return Annotated[(hint, *bounds)] if bounds else hint
    if hint in _SHORT:
        return hint
    if hint is None:
        return type(None)
    if origin is Literal and all(isinstance(choice, str | int | bool | None) for choice in args):
        return hint
    if _is_enum(hint):
        if not all(isinstance(choice, str | int) for choice in choices_of(hint)):
            raise HintError(f"is the enum {hint.__name__}, whose values must be text or integers, as recipes hold them")
        return hint
    if is_dataclass(hint):
        return hint
    if origin in (Union, types.UnionType):
        return Union[tuple(_place(arm, bounds) for arm in args)]  # noqa: UP007 # a type made at run time
    return _place_in_container(hint, bounds)


def _place_in_container(hint: Any, bounds: tuple[_Bound, ...]) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if groups := [arg.__name__ for arg in args if is_dataclass(arg) and isinstance(arg, type)]:
        raise HintError(f"has the group {groups[0]} inside a list or table; a group stands alone or with None")
    if origin is list:
        return list[_place(args[0], bounds)]  # type: ignore[misc] # a type made at run time
    if origin is tuple:
        return tuple[tuple(item if item is ... else _place(item, bounds) for item in args)]  # type: ignore[misc]
    if origin is dict and args[0] is str:
        return dict[str, _place(args[1], bounds)]  # type: ignore[misc]
    raise HintError(
        f"has the type {_name(hint)}, which a recipe cannot hold; use bool, int, float, str, Path, Literal, Enum, a "
        "union, list or tuple of these, dict[str, ...], or a frozen dataclass"
    )


def _own_bounds(marks: Sequence[Any]) -> Iterator[_Bound]:
    for mark in marks:
        if isinstance(mark, Interval):
            yield from _own_bounds(list(mark))
        elif isinstance(mark, _Bound):
            yield mark
        elif isinstance(mark, BaseMetadata):
            raise HintError(f"has the bound {mark}, which is not checked; use Ge, Gt, Le, Lt, Interval or MultipleOf")


def _bounds(hint: Any) -> Iterator[_Bound]:
    if get_origin(hint) is Annotated:
        yield from get_args(hint)[1:]
    elif get_origin(hint) is not Literal:
        for inner in get_args(hint):
            yield from _bounds(inner)


def _bound_text(bound: _Bound) -> str:
    match bound:
        case Ge():
            return f">= {bound.ge}"
        case Gt():
            return f"> {bound.gt}"
        case Le():
            return f"<= {bound.le}"
        case Lt():
            return f"< {bound.lt}"
        case MultipleOf():
            return f"multiple of {bound.multiple_of}"


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")


def _short(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _short(args[0])
    if choices := choices_of(hint):
        return " | ".join(value_text(choice).strip("'") for choice in choices)
    if is_dataclass(hint):
        return "table"
    if origin is Union:
        return " or ".join(map(_short, args))
    if origin is dict:
        return f"table of {_short(args[1])}"
    return f"list of {_items(hint, _short)}" if origin in (list, tuple) else _SHORT[hint]


def _long(hint: Any, words: dict[type, str]) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _long(args[0], words)
    if choices := choices_of(hint):
        return f"one of {', '.join(map(value_text, choices))}" if len(choices) > 1 else value_text(choices[0])
    if is_dataclass(hint):
        return "a table"
    if origin is Union:
        return " or ".join(_long(arm, words) for arm in args)
    if origin is dict:
        return f"a table of {_long(args[1], _PLURAL)}"
    return f"a list of {_items(hint, lambda item: _long(item, _PLURAL))}" if origin in (list, tuple) else words[hint]


def _items(hint: Any, name: Any) -> str:
    """The items of a list or tuple: "int", "2 float", "int, str"."""
    args = get_args(hint)
    if get_origin(hint) is list or args[-1] is ...:
        return str(name(args[0]))
    names = [name(arg) for arg in args]
    return f"{len(names)} {names[0]}" if len(set(names)) == 1 else ", ".join(names)
