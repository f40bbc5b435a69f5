"""Finds plugins without importing any, and decides which of them are left out, and why.

Plugins are the entry points of the group "artkit", and files that the user names. They come in the order of (package,
entry point), files last, so that nothing depends on the order of installation. Left out are plugins that the user
switched off, by package or entry point, and those whose package requires another version of artkit than this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import artkit
from artkit.errors import RecipeError
from artkit.registry.info import BUILTIN_DIST, PluginInfo, read_entry_point, read_file
from artkit.registry.switches import Switches

ENTRY_POINT_GROUP: Final = "artkit"


@dataclass(frozen=True, slots=True)
class FoundPlugin:
    """A plugin that is there, imported or not."""

    info: PluginInfo
    target: EntryPoint | Path
    left_out: str = ""
    """Why it must not be imported: "switched off", "needs artkit <1 (have 1.2.0)"; or ""."""


def discover(
    files: Sequence[Path | str] = (), *, switched_off: Sequence[str] = (), use_entry_points: bool = True
) -> list[FoundPlugin]:
    """Finds the plugins that are installed, and those in `files`.

    Args:
        files: Python files of the user's. They are never switched off.
        switched_off: Packages or entry points to leave out, beside those of the variable `ARTKIT_PLUGINS`.
        use_entry_points: False finds the files only.

    Raises:
        RecipeError: if a file is not there, or `ARTKIT_PLUGINS` says something that cannot be done.
    """
    local = [FoundPlugin(_read_file(path), path) for path in _existing(files)]
    return [*_discover_installed(switched_off), *local] if use_entry_points else local


def _existing(files: Sequence[Path | str]) -> list[Path]:
    paths = {Path(file).resolve(): Path(file) for file in files}
    for path in paths.values():
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "is not there"
            raise RecipeError(f"the plugin file {path} {what}; --plugin takes the path of one Python file")
        if path.suffix != ".py":
            raise RecipeError(f"the plugin file {path} does not end in .py; --plugin takes the path of one Python file")
    return list(paths.values())


def _read_file(path: Path) -> PluginInfo:
    try:
        return read_file(path)
    except OSError as error:
        raise RecipeError(f"the plugin file {path} cannot be read: {error.strerror}") from None


def _discover_installed(switched_off: Sequence[str]) -> list[FoundPlugin]:
    infos = [(read_entry_point(point), point) for point in entry_points(group=ENTRY_POINT_GROUP)]
    infos.sort(key=lambda pair: (pair[0].dist or "", pair[0].name))
    switches = Switches.read(switched_off, [info for info, _ in infos])
    return [
        FoundPlugin(info, point, "switched off" if switches.is_off(info) else _unmet(point.dist))
        for info, point in infos
    ]


def _unmet(dist: Distribution | None) -> str:
    """What the package requires of artkit, if this artkit does not meet it; missing metadata requires nothing."""
    for text in (dist.requires if dist else None) or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:  # of an old or broken package, whose other lines still count
            continue
        if canonicalize_name(requirement.name) != BUILTIN_DIST:
            continue
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and not requirement.specifier.contains(artkit.__version__, prereleases=True):
            return f"needs artkit {requirement.specifier} (have {artkit.__version__})"
    return ""
