"""The signature of a factory, read as options.

The first parameter is the context; every other one is keyword-only, has an annotation, and becomes an option. Each of
these annotations is evaluated alone. The annotations of the context and of the result are never evaluated: they may
name types that exist for type checkers only.
"""

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from artkit.options.checking import ValueRefusedError, check_value
from artkit.options.groups import field_default, fields_of, group_class, group_fields, group_names
from artkit.options.hints import Hint, HintError, read_hint
from artkit.options.option import REQUIRED, Option

_MOST_NESTED = 3
_RULE = "write it as `def factory(ctx, *, option: type = default)`"


class SignatureError(TypeError):
    """A factory that breaks the contract; the message is a full sentence without the name of the component."""


def read_options(factory: Callable[..., Any], presets: Mapping[str, object]) -> dict[str, Option]:
    """Reads the options of a factory, with the presets in place of the defaults in its signature.

    Raises:
        SignatureError: if the signature, an annotation, a default or a preset breaks the contract.
    """
    parameters = _parameters(factory)
    namespace = _globals(factory)
    for name in presets:
        if name not in parameters:
            raise SignatureError(f"the preset '{name}' is not an option of its factory.")
    return {
        name: _read_option(parameter, presets.get(name, REQUIRED), namespace) for name, parameter in parameters.items()
    }


def _parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters; there must be nothing else beside one context in front."""
    parameters = list(_signature(factory).parameters.values())
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise SignatureError(
                f"its factory takes `{parameter}`, so its options are not known; {_RULE}. "
                "If a decorator made it so, put @functools.wraps(factory) above what the decorator returns."
            )
    if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise SignatureError(f"its factory has no first parameter for the context; {_RULE}.")
    options = parameters[1:]
    for parameter in options:
        if parameter.kind is not parameter.KEYWORD_ONLY:
            raise SignatureError(f"the parameter '{parameter.name}' of its factory is not keyword-only; {_RULE}.")
    return {parameter.name: parameter for parameter in options}


def _signature(factory: Callable[..., Any]) -> inspect.Signature:
    if isinstance(factory, functools.partial):
        raise SignatureError("its factory is a functools.partial; register the function itself, with presets={...}.")
    if inspect.iscoroutinefunction(factory):
        raise SignatureError(f"its factory is `async def`, and nobody would wait for it; {_RULE}.")
    try:
        if sys.version_info >= (3, 14):
            # Annotations are evaluated lazily there; a name that only type checkers know must not fail here.
            from annotationlib import Format

            return inspect.signature(factory, annotation_format=Format.FORWARDREF)
        return inspect.signature(factory)
    except (TypeError, ValueError):
        raise SignatureError(f"its factory {factory!r} has no signature to read options from; {_RULE}.") from None


def _globals(factory: Callable[..., Any]) -> dict[str, Any]:
    function = inspect.unwrap(factory)
    if isinstance(function, type):
        function = function.__init__  # type: ignore[misc] # the function itself is wanted, to see where it was written
    elif not hasattr(function, "__globals__"):
        function = type(function).__call__  # an object that can be called
    return getattr(function, "__globals__", {})


def _read_option(parameter: inspect.Parameter, preset: Any, namespace: dict[str, Any]) -> Option:
    where = f"option '{parameter.name}'"
    if parameter.annotation is parameter.empty:
        raise SignatureError(f"{where} has no annotation; write its type, such as `{parameter.name}: int = 1`.")
    default = REQUIRED if parameter.default is parameter.empty else parameter.default
    option = _make_option(parameter.name, parameter.annotation, default, namespace)
    return option if preset is REQUIRED else _with_default(option, preset)


def _make_option(name: str, annotation: Any, default: Any, namespace: dict[str, Any]) -> Option:
    try:
        evaluated = _evaluate(annotation, namespace)
        hint, group = read_hint(evaluated), group_class(evaluated)
    except HintError as error:
        raise SignatureError(f"option '{name}' {error}.") from None
    except Exception as error:
        # Evaluating runs the author's expression, which may raise anything.
        raise SignatureError(
            f"the annotation of option '{name}' cannot be evaluated ({type(error).__name__}: {error}); "
            "what it names must be importable at the top of the module."
        ) from error
    if group is not None:
        return _make_group(name, hint, group, default)
    return Option(name, hint) if default is REQUIRED else _with_default(Option(name, hint), default)


def _make_group(name: str, hint: Hint, group: type, default: Any) -> Option:
    if name.count(".") >= _MOST_NESTED:
        raise SignatureError(f"option '{name}' is a group in a group in a group; {_MOST_NESTED} levels are the most.")
    namespace = group_names(group)
    fields = {
        field.name: _make_option(f"{name}.{field.name}", field.type, field_default(field, REQUIRED), namespace)
        for field in group_fields(group)
    }
    option = Option(name, hint, REQUIRED, group, fields)
    return option if default is REQUIRED else _with_default(option, default)


def _evaluate(annotation: Any, namespace: dict[str, Any]) -> Any:
    holder = SimpleNamespace(__annotations__={"option": annotation})
    return typing.get_type_hints(holder, globalns=namespace, include_extras=True)["option"]


def _with_default(option: Option, default: Any) -> Option:
    if option.group and default is not None:
        return _with_group_default(option, default)
    if option.group and not option.can_be_none:
        raise SignatureError(f"the default {option.name}=none is of the wrong type; it must be {option.hint.must_be}.")
    try:
        return replace(option, default=None if option.group else check_value(option, default))
    except ValueRefusedError as error:
        raise SignatureError(f"the default {error}") from None


def _with_group_default(option: Option, default: Any) -> Option:
    """The group with the defaults of those fields replaced that a dataclass or a table has."""
    given = fields_of(default)
    if given is None:
        raise SignatureError(
            f"the default {option.name}={default!r} is of the wrong type; it must be {option.hint.must_be}."
        )
    for name in given:
        if name not in option.fields:
            raise SignatureError(f"the default of '{option.name}' has '{name}', which is not an option of that group.")
    replaced = {name: _with_default(option.fields[name], value) for name, value in given.items()}
    return replace(option, default=REQUIRED, fields={**option.fields, **replaced})
