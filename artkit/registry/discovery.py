"""Finds plugins without importing any, and decides which of them are left out, and why.

Plugins are the entry points of the group "artkit", and files that the user names. They come in the order of (package,
entry point), files last, so that nothing depends on the order of installation. Left out are plugins that the user
blocked, by package or entry point, and those whose package requires another version of artkit than this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Final

from artkit.errors import RecipeError
from artkit.registry.entry_points import ENTRY_POINT_GROUP, plugin_entry_points, read_metadata
from artkit.registry.gate import LeftOut, find_incompatibility
from artkit.registry.info import PluginInfo, read_entry_point, read_file
from artkit.registry.settings import PluginSettings
from artkit.registry.switches import Switches

_RULE: Final = "--plugin takes the path of one Python file; packages that are installed need no --plugin"


@dataclass(frozen=True, slots=True)
class FoundPlugin:
    """A plugin that is there, imported or not."""

    info: PluginInfo
    target: EntryPoint | Path
    left_out: LeftOut | None = None
    """Why it must not be imported, if it must not."""


def discover(
    plugins: PluginSettings | Sequence[Path | str] = (), *, use_entry_points: bool = True
) -> list[FoundPlugin]:
    """Finds the plugins that are installed, and those in files.

    Args:
        plugins: Python files of the user's, or settings, which also say what is blocked.
        use_entry_points: False finds the files only.

    Raises:
        RecipeError: if a file is not there, or `ARTKIT_PLUGINS` says something that cannot be done.
    """
    settings = PluginSettings.read(plugins)
    local = [FoundPlugin(_read_file(path), path) for path in _existing(settings.files)]
    return [*_discover_installed(settings), *local] if use_entry_points else local


def _existing(files: Sequence[str]) -> list[Path]:
    paths = {Path(file).resolve(): Path(file) for file in files}
    for path in paths.values():
        if path.is_dir():
            raise RecipeError(f"the plugin file {path} is a folder; {_RULE}")
        if path.suffix != ".py":
            raise RecipeError(f"the plugin file {path} does not end in .py; {_RULE}")
        if not path.is_file():
            raise RecipeError(f"the plugin file {path} is not there; {_moved(path)}")
    return list(paths.values())


def _moved(path: Path) -> str:
    """What to do about a file that a recipe names and that is elsewhere now."""
    return f"if it was moved, --plugin FOLDER/{path.name} takes its place in a recipe or run"


def _read_file(path: Path) -> PluginInfo:
    try:
        return read_file(path)
    except OSError as error:
        raise RecipeError(f"the plugin file {path} cannot be read: {error.strerror}") from None


def _discover_installed(settings: PluginSettings) -> list[FoundPlugin]:
    points, damaged = plugin_entry_points()
    found = sorted(map(_read_point, points), key=lambda plugin: (plugin.info.dist or "", plugin.info.name))
    switches = Switches.read(settings, [plugin.info for plugin in found])
    return [*(_switched(plugin, switches) for plugin in found), *map(_damaged, damaged)]


def _damaged(name: str) -> FoundPlugin:
    """A package whose entry points cannot be read."""
    left_out = LeftOut(
        status="damaged",
        reason="its entry_points.txt cannot be read",
        remedy=f"pip install --force-reinstall {name}",
    )
    info = PluginInfo(name=name, origin="installed")
    return FoundPlugin(info, EntryPoint(name=name, value="", group=ENTRY_POINT_GROUP), left_out)


def _read_point(point: EntryPoint) -> FoundPlugin:
    metadata = read_metadata(point.dist)
    return FoundPlugin(read_entry_point(point, metadata), point, find_incompatibility(point.dist, metadata))


def _switched(plugin: FoundPlugin, switches: Switches) -> FoundPlugin:
    """A plugin as the user wants it, whose word comes before what packages require."""
    reason = switches.reason(plugin.info)
    return replace(plugin, left_out=LeftOut(status="blocked", reason=reason)) if reason else plugin
