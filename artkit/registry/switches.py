"""Which installed plugins the user wants: by package or entry point, decided before anything is imported."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from packaging.utils import canonicalize_name

from artkit.errors import RecipeError
from artkit.registry.info import PluginInfo
from artkit.suggest import suggest

VARIABLE: Final = "ARTKIT_PLUGINS"
"""Environment variable: "only:a,b" imports no others, "no:a,b" leaves these out."""


@dataclass(frozen=True, slots=True)
class Switches:
    """Which plugins are wanted; names are in their canonical form."""

    only: Collection[str] | None
    """If not None, all others are off."""
    off: Collection[str]

    @classmethod
    def read(cls, switched_off: Sequence[str], installed: Sequence[PluginInfo]) -> Self:
        """Reads the variable, and adds what is switched off by other means.

        Raises:
            RecipeError: if the variable is not understood, or wants a plugin that is not installed.
        """
        off = {canonicalize_name(name) for name in switched_off}
        text = os.environ.get(VARIABLE, "").strip()
        if not text:
            return cls(None, off)
        mode, colon, names = text.partition(":")
        listed = {canonicalize_name(name.strip()) for name in names.split(",") if name.strip()}
        if not colon or mode not in ("only", "no"):
            raise RecipeError(
                f"{VARIABLE}={text!r} is not understood; write only:NAME,NAME or no:NAME,NAME with the names of "
                "packages or entry points, as `artkit plugins` lists them"
            )
        if mode == "no":
            return cls(None, off | listed)
        known = {name for info in installed for name in _names(info)}
        for name in sorted(listed - known):
            raise RecipeError(
                f"{VARIABLE}={text!r} asks for '{name}', which is not installed. {suggest(name, known)}".rstrip()
            )
        return cls(listed, off)

    def is_off(self, info: PluginInfo) -> bool:
        """Whether a plugin must not be imported."""
        names = set(_names(info))
        return not names.isdisjoint(self.off) or (self.only is not None and names.isdisjoint(self.only))


def _names(info: PluginInfo) -> Iterator[str]:
    yield canonicalize_name(info.name)
    if info.dist:
        yield canonicalize_name(info.dist)
