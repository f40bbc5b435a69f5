"""Plain values: dataclasses of numbers, text and bytes to what JSON can hold, and back, with every type checked.

Dataclasses become lists of their fields, bytes become text in base 64. This is how what was found in images is kept
between runs without pickle.
"""

import base64
import binascii
import types
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Value = TypeVar("Value")


def to_plain(value: Any) -> Any:
    """Lists, text, numbers and None for a value of a dataclass whose fields are such, bytes, tuples or dataclasses."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, tuple):
        return [to_plain(entry) for entry in value]
    if not is_dataclass(value):
        return value
    kind: type = type(value)
    return [to_plain(getattr(value, name)) for name in _field_types(kind)]


def from_plain(kind: type[Value], plain: Any) -> Value:
    """The value that `to_plain` was given.

    Raises:
        ValueError: if it is no value of that kind.
    """
    return cast(Value, _read(kind, plain))


@cache
def _field_types(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _read(kind: Any, plain: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _read_dataclass(cast(type, kind), plain)
    if origin in (Union, types.UnionType):
        return None if plain is None else _read(next(kind for kind in arguments if kind is not types.NoneType), plain)
    if origin is tuple:
        return _read_tuple(arguments, plain)
    if kind is bytes:
        return _read_bytes(plain)
    good = plain in arguments if origin is Literal else type(plain) is kind
    if not good:
        raise ValueError(f"{plain!r} is no {kind}")
    return plain


def _read_dataclass(kind: type, plain: Any) -> Any:
    types_of = _field_types(kind)
    if not isinstance(plain, list) or len(plain) != len(types_of):
        raise ValueError(f"{plain!r} is no {kind.__name__}")
    return kind(*(_read(wanted, entry) for wanted, entry in zip(types_of.values(), plain, strict=True)))


def _read_tuple(kinds: tuple[Any, ...], plain: Any) -> tuple[Any, ...]:
    endless = len(kinds) == 2 and kinds[1] is Ellipsis
    if not isinstance(plain, list) or not (endless or len(plain) == len(kinds)):
        raise ValueError(f"{plain!r} is no list of {kinds}")
    wanted = [kinds[0]] * len(plain) if endless else kinds
    return tuple(_read(kind, entry) for kind, entry in zip(wanted, plain, strict=True))


def _read_bytes(plain: Any) -> bytes:
    if not isinstance(plain, str):
        raise ValueError(f"{plain!r} is no text")
    try:
        return base64.b64decode(plain, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{plain!r} is not base 64") from error
