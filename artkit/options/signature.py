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
from types import SimpleNamespace
from typing import Any

from artkit.options.checking import ValueRefusedError, check_value
from artkit.options.hints import HintError, read_hint
from artkit.options.option import Option

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
        name: _read_option(parameter, presets.get(name, parameter.default), namespace)
        for name, parameter in parameters.items()
    }


def _parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters; there must be nothing else beside one context in front."""
    parameters = list(_signature(factory).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or parameters[0].kind not in positional:
        raise SignatureError(f"its factory has no first parameter for the context; {_RULE}.")
    options = parameters[1:]
    for parameter in options:
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise SignatureError(f"its factory takes `{parameter}`, so its options are not known; {_RULE}.")
        if parameter.kind is not parameter.KEYWORD_ONLY:
            raise SignatureError(f"the parameter '{parameter.name}' of its factory is not keyword-only; {_RULE}.")
    return {parameter.name: parameter for parameter in options}


def _signature(factory: Callable[..., Any]) -> inspect.Signature:
    if isinstance(factory, functools.partial):
        raise SignatureError("its factory is a functools.partial; register the function itself, with presets={...}.")
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
    return getattr(function, "__globals__", {})


def _read_option(parameter: inspect.Parameter, default: Any, namespace: dict[str, Any]) -> Option:
    where = f"option '{parameter.name}'"
    if parameter.annotation is parameter.empty:
        raise SignatureError(f"{where} has no annotation; write its type, such as `{parameter.name}: int = 1`.")
    try:
        option = Option(parameter.name, read_hint(_evaluate(parameter.annotation, namespace)))
    except HintError as error:
        raise SignatureError(f"{where} {error}.") from None
    except Exception as error:
        # Evaluating runs the author's expression, which may raise anything.
        raise SignatureError(
            f"the annotation of {where} cannot be evaluated ({type(error).__name__}: {error}); "
            "what it names must be importable at the top of the module."
        ) from error
    return option if default is parameter.empty else _with_default(option, default)


def _evaluate(annotation: Any, namespace: dict[str, Any]) -> Any:
    holder = SimpleNamespace(__annotations__={"option": annotation})
    return typing.get_type_hints(holder, globalns=namespace, include_extras=True)["option"]


def _with_default(option: Option, default: Any) -> Option:
    try:
        return Option(option.name, option.hint, check_value(option, default))
    except ValueRefusedError as error:
        raise SignatureError(f"the default {error}") from None
