"""One value against one option. Types are strict: only an int for a float, a list for a tuple, text for a path pass.

pydantic does the checking. It is imported late, and used here only, so that listing plugins does without it.
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from artkit.options.hints import choices_of
from artkit.options.option import Option
from artkit.options.values import to_plain, value_text
from artkit.suggest import suggest

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

_BOUND_ERRORS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of"}


class ValueRefusedError(ValueError):
    """A value that an option cannot have; the message names the option, the value and the rule."""


def check_value(option: Option, value: Any) -> Any:
    """The value as the factory gets it: tuples where it asks for tuples, paths where it asks for paths.

    Raises:
        ValueRefusedError: if the type is wrong or a number is out of its bounds.
    """
    from pydantic import ValidationError

    try:
        # JSON has one kind of list and no paths, which is the strictness wanted for values from TOML.
        document = json.dumps(to_plain(value), allow_nan=False)
    except TypeError:
        raise ValueRefusedError(_wrong_type(option, value)) from None
    except ValueError:
        text = f"{option.name}={value_text(value)} is not finite; it must be {option.hint.must_be}."
        raise ValueRefusedError(text) from None
    try:
        return _adapter(option.hint.type).validate_json(document, strict=True)
    except ValidationError as error:
        raise ValueRefusedError(_reason(option, value, error.errors(include_url=False))) from None


@cache
def _adapter(hint: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(hint)


def _reason(option: Option, value: Any, errors: "list[ErrorDetails]") -> str:
    # A union reports an error for each arm; that a number is out of bounds says more than that it is not None.
    error = next((error for error in errors if error["type"] in _BOUND_ERRORS), errors[0])
    name, part = _find_part(option.name, value, error["loc"])
    if error["type"] in _BOUND_ERRORS:
        rule = option.bounds_text.replace(", ", " and ").replace("multiple", "a multiple")
        return f"{name}={value_text(part)} is out of bounds; it must be {rule}."
    if choices := choices_of(option.hint.type):
        closest = suggest(str(to_plain(part)), map(str, choices))
        return f"{name}={value_text(part)} is not {option.hint.must_be}. {closest}".strip()
    return _wrong_type(option, value)


def _wrong_type(option: Option, value: Any) -> str:
    return f"{option.name}={value_text(value)} is of the wrong type; it must be {option.hint.must_be}."


def _find_part(name: str, value: Any, location: tuple[int | str, ...]) -> tuple[str, Any]:
    """The part of the value that pydantic means: `betas[1]` and its value. Names of union arms are passed over."""
    for step in location:
        if isinstance(value, list | tuple) and isinstance(step, int) and step < len(value):
            name, value = f"{name}[{step}]", value[step]
        elif isinstance(value, dict) and step in value:
            name, value = f"{name}.{step}", value[step]
    return name, value
