"""Imports one plugin in isolation and collects all that it registers; or says why not, and keeps nothing of it.

A plugin may raise anything while it is imported and while its hooks run. Only an interrupt by the user gets through.
"""

import hashlib
import importlib.util
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from artkit.errors import PluginError
from artkit.hookspecs import REGISTRATION_HOOKS
from artkit.registry.discovery import FoundPlugin
from artkit.registry.failure import Failure
from artkit.registry.hooks import HookImpl, find_registration_hooks, place_of
from artkit.registry.import_watch import ImportWatch
from artkit.registry.info import PluginInfo
from artkit.registry.plugin import Plugin
from artkit.registry.scratch import Scratch


def load_plugin(found: FoundPlugin) -> Plugin:
    """Imports a plugin, unless it is left out, and collects its components.

    Never raises what the plugin raises: that becomes the `failure` of the result, which then has no components.
    """
    if found.left_out:
        return Plugin(info=found.info, left_out=found.left_out)
    with ImportWatch() as watch:
        plugin = _load(found)
    return replace(
        plugin,
        import_ms=watch.milliseconds,
        heavy_imports=watch.heavy_imports,
        side_effects=watch.side_effects,
    )


def load_object(info: PluginInfo, module: object) -> Plugin:
    """Collects the components of a plugin that is imported already."""
    return _collect(Plugin(info=info, loaded=True), module)


def _load(found: FoundPlugin) -> Plugin:
    plugin = Plugin(info=found.info, loaded=True)
    try:
        module = _import(found.target)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return replace(plugin, failure=Failure.from_error(error))
    return _collect(plugin, module)


def _collect(plugin: Plugin, module: object) -> Plugin:
    """The plugin with its components, or with the failure that kept it from registering them all."""
    scratch = Scratch(plugin.info)
    try:
        for hook, impl in find_registration_hooks(module, plugin.info.label).items():
            returned = impl(register=scratch.register_for(REGISTRATION_HOOKS[hook]))
            if returned is not None:
                raise _refusal(impl, returned, plugin.info.label)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return replace(plugin, failure=Failure.from_error(error))
    return replace(plugin, components=tuple(scratch.components))


def _refusal(impl: HookImpl, returned: object, label: str) -> PluginError:
    text = f"{impl.hook} returned {type(returned).__name__}, which is lost; it returns nothing, and calls register("
    return PluginError(f"{text}name, factory) for each component ({place_of(impl.function)})", plugin=label)


def _import(target: EntryPoint | Path) -> Any:
    if isinstance(target, Path):
        return _import_file(target)
    if not EntryPoint.pattern.match(target.value):
        raise ImportError(f"its entry point {target.name} = {target.value!r} is neither a module nor module:object")
    return target.load()


def _import_file(path: Path) -> Any:
    """Runs a file as a module, under a name of its own that no other file or installed module has."""
    digest = hashlib.sha256(str(path.resolve()).encode() + path.read_bytes()).hexdigest()
    name = f"_artkit_plugin_{path.stem}_{digest[:12]}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses, pickle and inspect look modules up there while the file runs.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ModuleNotFoundError):
            error.msg += _file_beside(path, error.name or "")
        raise
    return module


def _file_beside(path: Path, module: str) -> str:
    """A hint for authors whose plugin file imports another file of theirs; "" if there is none of that name."""
    other = path.resolve().parent / f"{module}.py"
    if not other.is_file():
        return ""
    return (
        f", since a plugin file is loaded without what is beside it; put {other.name} into {path.name}, or make a "
        f"package of both, or set PYTHONPATH={other.parent}"
    )
