"""Options as JSON Schema (2020-12), by which editors complete and check recipes.

What a recipe may hold is what the schema allows, but for two things that JSON does not tell apart: 1.0 passes for an
integer there, and numbers that are not finite pass as well.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MultipleOf

from artkit.options.hints import choices_of
from artkit.options.option import Option
from artkit.options.table import OptionTable
from artkit.options.values import to_plain

JsonSchema = dict[str, Any]

_SIMPLE: Final[dict[Any, str]] = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string"}
_NONE: Final[JsonSchema] = {"enum": ["none"]}
"""TOML has no null; the word stands for it."""


def table_schema(table: OptionTable) -> JsonSchema:
    """The schema of a table with options: those there are, and old names of those that were renamed."""
    schema = _object(table.options)
    schema["properties"] |= {old: _renamed(table, old, new) for old, new in table.renamed.items() if "." not in old}
    # A recipe may say them by their old names.
    required = set(schema.pop("required", ())) - set(table.renamed.values())
    return schema | ({"required": sorted(required)} if required else {})


def option_schema(option: Option) -> JsonSchema:
    """The schema of an option: its type, bounds, default and help."""
    schema = _group_schema(option) if option.group else _type_schema(option.hint.type)
    if option.help:
        schema["description"] = option.help
    if not option.required and not (option.group and option.default is not None):
        schema["default"] = _word_for_none(to_plain(option.default))
    return schema


def _object(options: Mapping[str, Option]) -> JsonSchema:
    required = [name for name, option in options.items() if option.required]
    return {
        "type": "object",
        "properties": {name: option_schema(option) for name, option in options.items()},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _group_schema(option: Option) -> JsonSchema:
    schema = _object(option.fields)
    return {"anyOf": [schema, dict(_NONE)]} if option.can_be_none else schema


def _renamed(table: OptionTable, old: str, new: str) -> JsonSchema:
    now = table.leaves.get(new) or table.groups[new]
    return option_schema(now) | {"deprecated": True, "description": f"{old} is called {new} now"}


def _type_schema(hint: Any) -> JsonSchema:
    if get_origin(hint) is Annotated:
        inner, *bounds = get_args(hint)
        schema = _type_schema(inner)
        for bound in bounds:
            schema |= _bound_schema(bound)
        return schema
    if choices := choices_of(hint):
        return {"enum": [_word_for_none(choice) for choice in choices]}
    if hint is type(None):
        return dict(_NONE)
    if get_origin(hint) is Union:
        return {"anyOf": [_type_schema(arm) for arm in get_args(hint)]}
    return {"type": _SIMPLE[hint]} if hint in _SIMPLE else _container_schema(hint)


def _container_schema(hint: Any) -> JsonSchema:
    args = get_args(hint)
    if get_origin(hint) is dict:
        return {"type": "object", "additionalProperties": _type_schema(args[1])}
    if get_origin(hint) is list or args[-1] is ...:
        return {"type": "array", "items": _type_schema(args[0])}
    return {
        "type": "array",
        "prefixItems": [_type_schema(item) for item in args],
        "items": False,
        "minItems": len(args),
    }


def _bound_schema(bound: Any) -> JsonSchema:
    match bound:
        case Ge():
            return {"minimum": bound.ge}
        case Gt():
            return {"exclusiveMinimum": bound.gt}
        case Le():
            return {"maximum": bound.le}
        case Lt():
            return {"exclusiveMaximum": bound.lt}
        case MultipleOf():
            return {"multipleOf": bound.multiple_of}
    raise TypeError(f"{bound!r} is no bound of an option")


def _word_for_none(value: Any) -> Any:
    return "none" if value is None else value
