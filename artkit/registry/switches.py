"""Which installed plugins the user blocked: by package or entry point, decided before anything is imported."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from packaging.utils import canonicalize_name

from artkit.errors import RecipeError
from artkit.registry.info import PluginInfo
from artkit.registry.settings import PluginSettings
from artkit.suggest import suggest

VARIABLE: Final = "ARTKIT_PLUGINS"
"""Environment variable: "off" imports none but artkit's own, "only:a,b" these beside, "no:a,b" all but these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """Which plugins are wanted; names are in their canonical form."""

    settings: PluginSettings
    mode: str
    """What the variable says: "off", "only", "no", or ""."""
    listed: Collection[str]
    """The names in the variable."""

    @classmethod
    def read(cls, settings: PluginSettings, installed: Sequence[PluginInfo]) -> Self:
        """Reads the variable, beside what the recipe and the command line say.

        Raises:
            RecipeError: if the variable is not understood, or wants a plugin that is not installed.
        """
        text = os.environ.get(VARIABLE, "").strip()
        mode, colon, names = text.partition(":")
        if text not in ("", "off") and not (colon and mode in ("only", "no")):
            raise RecipeError(
                f"{VARIABLE}={text!r} is not understood; write off, only:NAME,NAME or no:NAME,NAME with the names of "
                "packages or entry points, as `artkit plugins` lists them"
            )
        listed = {canonicalize_name(name.strip()) for name in names.split(",") if name.strip()}
        known = {name for info in installed for name in _names(info)}
        for name in sorted(listed - known) if mode == "only" else ():
            raise RecipeError(
                f"{VARIABLE}={text!r} asks for '{name}', which is not installed. {suggest(name, known)}".rstrip()
            )
        return cls(settings=settings, mode=mode, listed=listed)

    def reason(self, info: PluginInfo) -> str:
        """Who blocked a plugin, in words: "blocked by ARTKIT_PLUGINS"; "" if nobody did."""
        names = set(_names(info))
        if not names.isdisjoint(map(canonicalize_name, self.settings.block)):
            return "blocked by --block or the recipe"
        if not self.settings.installed and not info.is_builtin:
            return "blocked by --no-plugins"
        is_listed = not names.isdisjoint(self.listed)
        wanted = info.is_builtin or (self.mode == "only" and is_listed)
        is_off = is_listed if self.mode == "no" else bool(self.mode) and not wanted
        return f"blocked by {VARIABLE}" if is_off else ""

    def unknown(self, there: Sequence[PluginInfo]) -> list[str]:
        """A note for each name to block that no plugin has: perhaps a slip of the finger."""
        known = {name for info in there for name in _names(info)}
        blocked = [*self.settings.block, *(sorted(self.listed) if self.mode == "no" else ())]
        return [
            f"no plugin '{name}' is there, which was to be blocked. {suggest(name, known)}".rstrip()
            for name in blocked
            if canonicalize_name(name) not in known
        ]


def _names(info: PluginInfo) -> Iterator[str]:
    yield canonicalize_name(info.name)
    if info.dist:
        yield canonicalize_name(info.dist)
