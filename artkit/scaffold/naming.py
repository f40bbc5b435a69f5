"""The names of a package for a plugin, all from one: the distribution, that people install.

distribution `artkit-film-grain`   module `artkit_film_grain`   component and entry point `film-grain`
"""

import keyword
import re
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from typing import Final, Self

from packaging.utils import canonicalize_name

from artkit.errors import RecipeError
from artkit.registry.entry_points import ENTRY_POINT_GROUP

_LEGAL: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PREFIX: Final = "artkit-"
_OURS: Final = {"artkit", "artkit-plugins", "artkit-shards"}


@dataclass(frozen=True, slots=True)
class PackageName:
    """The name of a distribution that may be given to a new package."""

    dist: str

    @classmethod
    def checked(cls, text: str) -> Self:
        """Read what the user wrote.

        Raises:
            RecipeError: if it is no legal name, or a package of that name would hide an existing module.
        """
        if not _LEGAL.fullmatch(text):
            better = canonicalize_name(text)
            hint = f" Did you mean '{better}'?" if _LEGAL.fullmatch(better) else ""
            raise RecipeError(
                f"'{text}' cannot be the name of a package; names have a-z, 0-9 and single '-', and start with a "
                f"letter, such as artkit-film-grain.{hint}"
            )
        name = cls(text)
        if reason := name._conflict():
            raise RecipeError(f"'{text}' cannot be the name of a package: {reason}; choose another name")
        return name

    @property
    def module(self) -> str:
        """What is imported: `artkit_film_grain`."""
        return self.dist.replace("-", "_")

    @property
    def component(self) -> str:
        """What users choose in a run: `film-grain`."""
        short = self.dist.removeprefix(_PREFIX)
        return short if _LEGAL.fullmatch(short) else self.dist

    def _conflict(self) -> str:
        """What a package of this name would clash with, or ""."""
        if self.dist in _OURS:
            return "it is artkit's own"
        if keyword.iskeyword(self.module):
            return f"`{self.module}` is a word of Python"
        if self.module in sys.stdlib_module_names:
            return f"`{self.module}` is a module of Python's own"
        if not self._is_plugin() and find_spec(self.module) is not None:
            return f"the module `{self.module}` is installed already, and one of the two would hide the other"
        return ""

    def _is_plugin(self) -> bool:
        """Whether it is installed as a plugin: one's own may be written anew."""
        try:
            return bool(distribution(self.dist).entry_points.select(group=ENTRY_POINT_GROUP))
        except PackageNotFoundError:
            return False
