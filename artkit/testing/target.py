"""What is checked: the plugins of a package, a module or a file, loaded alone."""

import sys
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from artkit.errors import PluginError, RecipeError
from artkit.registry import FoundPlugin, Plugin, PluginInfo, discover, load_all
from artkit.registry.entry_points import ENTRY_POINT_GROUP
from artkit.suggest import suggest


@dataclass(frozen=True, slots=True)
class Target:
    """One plugin to be checked."""

    found: FoundPlugin
    plugin: Plugin

    @property
    def module(self) -> Any:
        """The module that was loaded."""
        if not isinstance(self.found.target, Path):
            return self.found.target.load()
        file = str(self.found.target.resolve())
        return next(module for module in list(sys.modules.values()) if getattr(module, "__file__", None) == file)

    @property
    def import_name(self) -> str:
        """What Python imports: the name of a module, or the path of a file."""
        target = self.found.target
        return str(target.resolve()) if isinstance(target, Path) else target.module


def open_targets(name: str | Path) -> list[Target]:
    """Load what is to be checked; a plugin that fails is loaded too, with its failure.

    Args:
        name: A distribution, an entry point or a module, or the path of a Python file.

    Raises:
        RecipeError: if there is nothing of that name.
        PluginError: if it must not be imported, such as one for another version of artkit.
    """
    found = find_targets(name)
    for plugin in found:
        if plugin.left_out:
            text = f"{plugin.info.label} cannot be checked: {plugin.left_out}"
            raise PluginError(text, plugin=plugin.info.label)
    return [Target(one, plugin) for one, plugin in zip(found, load_all(found).plugins, strict=True)]


def find_targets(name: str | Path) -> list[FoundPlugin]:
    """The plugins that a name means, not yet imported; raises `RecipeError` if there are none."""
    if isinstance(name, Path) or name.endswith(".py"):
        return [_in_full(one, Path(name).absolute()) for one in discover([name], use_entry_points=False)]
    installed = discover()
    wanted = canonicalize_name(name)
    for attribute in ("dist", "name"):
        matches = [one for one in installed if canonicalize_name(getattr(one.info, attribute) or "") == wanted]
        if matches:
            return matches
    return [_module(name, installed)]


def _in_full(found: FoundPlugin, file: Path) -> FoundPlugin:
    """A plugin file by its whole path, since checks work in other folders than the author."""
    return replace(found, target=file, info=replace(found.info, file=file))


def _module(name: str, installed: list[FoundPlugin]) -> FoundPlugin:
    """A module that can be imported but belongs to no installed plugin, such as one whose package is not installed."""
    module = name.replace("-", "_")
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        known = [text for one in installed for text in (one.info.dist, one.info.name) if text]
        raise RecipeError(
            f"there is no plugin '{name}'. {suggest(name, known)}".rstrip()
            + " Give the name of an installed package, a module, or the path of a file that ends in .py."
        )
    info = PluginInfo(name=module, origin=str(spec.origin))
    return FoundPlugin(info, EntryPoint(name=module, value=module, group=ENTRY_POINT_GROUP))
