"""The hook implementations of a plugin or reporter, checked against the specs before any of them is called.

pluggy stops at the first unknown hook, never fills an argument that has a default, and lets `tryfirst` reorder
registrations. Here all such mistakes are found at once, each with the line of the author's file.
"""

import inspect
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pluggy

from artkit import hookspecs
from artkit.errors import PluginError
from artkit.hookspecs import PROJECT, REGISTRATION_HOOKS, RUN_EVENTS
from artkit.suggest import suggest

_ORDER_OPTIONS: Final = ("tryfirst", "trylast", "wrapper", "hookwrapper")


@dataclass(frozen=True, slots=True)
class HookImpl:
    """One implementation of a hook, ready to be called."""

    hook: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    """Those arguments of the hook that it asks for."""

    def __call__(self, **arguments: Any) -> Any:
        """Calls it with the arguments it asks for, out of all that the hook gives."""
        return self.function(**{name: arguments[name] for name in self.arguments})


def find_registration_hooks(plugin: object, label: str) -> dict[str, HookImpl]:
    """The registration hooks that a plugin implements, by name.

    Args:
        plugin: A module, or an object with hookimpl methods.
        label: Who is at fault if a rule is broken, such as "artkit-vit 0.3.1".

    Raises:
        PluginError: if a hook is unknown, not marked or a run event, or breaks a rule. All problems are told.
    """
    return _find(plugin, label, REGISTRATION_HOOKS)


def find_event_hooks(reporter: object, label: str) -> dict[str, HookImpl]:
    """The run events that a reporter implements, by name.

    Args:
        reporter: What a reporter's factory returned.
        label: Who is at fault if a rule is broken, such as "reporter 'csv' (mine.py)".

    Raises:
        PluginError: if a hook is unknown, not marked or for registration, or breaks a rule. All problems are told.
    """
    return _find(reporter, label, RUN_EVENTS)


def _find(plugin: object, label: str, allowed: Collection[str]) -> dict[str, HookImpl]:
    impls: dict[str, HookImpl] = {}
    problems = []
    manager = pluggy.PluginManager(PROJECT)
    manager.register(plugin)
    for hook, impl in _marked(manager, plugin):
        found = list(_problems(hook, impl, allowed))
        if hook in impls:
            found.append(f"{hook} is implemented twice; a plugin implements each hook once")
        problems += [f"{problem} ({place_of(impl.function)})" for problem in found]
        impls[hook] = HookImpl(hook, impl.function, impl.argnames)
    problems += _unmarked(manager, plugin, allowed)
    if problems:
        raise PluginError("\n".join(problems), plugin=label)
    return impls


def _marked(manager: pluggy.PluginManager, plugin: object) -> Iterator[tuple[str, pluggy.HookImpl]]:
    """All functions that are marked with `@hookimpl`, with the hook that each wants to be."""
    for caller in manager.get_hookcallers(plugin) or ():
        for impl in caller.get_hookimpls():
            yield caller.name, impl


def _unmarked(manager: pluggy.PluginManager, plugin: object, allowed: Collection[str]) -> Iterator[str]:
    for name in allowed:
        function = inspect.getattr_static(plugin, name, None)
        if inspect.isfunction(function) and manager.parse_hookimpl_opts(plugin, name) is None:
            yield f"{name} is not marked with @hookimpl ({place_of(function)})"


def _problems(hook: str, impl: pluggy.HookImpl, allowed: Collection[str]) -> Iterator[str]:
    if hook in RUN_EVENTS and hook not in allowed:
        yield f"{hook} is a run event; put it on the object that a reporter's factory returns"
    elif hook in REGISTRATION_HOOKS and hook not in allowed:
        yield f"{hook} registers components; put it in the plugin's module, not on a reporter"
    elif hook not in allowed:
        yield f"there is no hook {hook}. {_suggest_hook(hook, allowed)}".rstrip()
    else:
        yield from _order_problems(hook, impl)
        yield from _argument_problems(hook, impl)


def _suggest_hook(hook: str, allowed: Collection[str]) -> str:
    # All hooks begin alike, which would make any two of them look close.
    prefix = f"{PROJECT}_"
    endings = [name.removeprefix(prefix) for name in allowed]
    return suggest(hook.removeprefix(prefix), endings).replace("'", f"'{prefix}", 1)


def _order_problems(hook: str, impl: pluggy.HookImpl) -> Iterator[str]:
    for option in _ORDER_OPTIONS:
        if getattr(impl, option):
            yield f"{hook} is marked with {option}, but artkit calls hooks in an order of its own; leave {option} out"


def _argument_problems(hook: str, impl: pluggy.HookImpl) -> Iterator[str]:
    given = inspect.signature(getattr(hookspecs, hook)).parameters
    for name, parameter in inspect.signature(impl.function).parameters.items():
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            yield f"{hook} takes `{parameter}`, which is never filled; name the arguments plainly: {', '.join(given)}"
        elif name not in given:
            yield f"{hook} takes '{name}', but is given {', '.join(given)}"
        elif parameter.default is not parameter.empty:
            yield f"{hook} has a default for '{name}' and would always get that default; leave the default out"


def place_of(function: Callable[..., Any]) -> str:
    """File and line of a function or class, "path/mine.py:12"; "" if it has none."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1]}"
    except (OSError, TypeError):
        return ""
