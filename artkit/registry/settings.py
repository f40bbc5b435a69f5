"""What a recipe or a command line says about plugins: which files to load, what to block, and whose name is meant.

In a recipe it is a list of files, or a table:

    [plugins]
    files = ["mine.py"]
    block = ["artkit-slow"]
    prefer = { vit-tiny = "artkit-vit" }
    require = ["artkit-vit>=0.3"]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from artkit.errors import RecipeError
from artkit.suggest import suggest

_LISTS: Final = ("files", "block", "require")
_KEYS: Final = ("files", "block", "prefer", "require")


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSettings:
    """Which plugins are wanted, and whose component a name means where several have it."""

    files: tuple[str, ...] = ()
    """Python files of the user's, each a plugin. They are asked for, so nothing blocks them."""
    block: tuple[str, ...] = ()
    """Packages or entry points that must not be imported."""
    prefer: Mapping[str, str] = field(default_factory=dict)
    """Short name of a component -> the package whose component it means."""
    require: tuple[str, ...] = ()
    """Packages that must be there, as for pip: "artkit-vit>=0.3"."""
    installed: bool = True
    """False leaves out what is installed beside artkit itself. Recipes cannot say this."""

    @classmethod
    def read(cls, said: "PluginSettings | Mapping[str, Any] | Sequence[Path | str]", where: str = "recipe") -> Self:
        """Reads what stands under "plugins" in a recipe.

        Args:
            said: A list of files, or the table; settings that were read already pass unchanged.
            where: The recipe, for messages.

        Raises:
            RecipeError: if it is neither, has an unknown key, or a value of the wrong form.
        """
        if isinstance(said, cls):
            return said
        table = said if isinstance(said, Mapping) else {"files": said}
        for key in table:
            if key not in _KEYS:
                text = f"{where}: [plugins] has no '{key}'. {suggest(key, _KEYS)}".rstrip()
                raise RecipeError(f"{text}\n  It has: {', '.join(_KEYS)}.")
        files, block, require = (_read_list(key, table.get(key, ()), where) for key in _LISTS)
        for text in require:
            _check_requirement(text, where)
        return cls(files=files, block=block, require=require, prefer=_read_prefer(table.get("prefer", {}), where))

    def requires(self, package: str | None) -> bool:
        """Whether a package is among those that must be there."""
        return package is not None and canonicalize_name(package) in {
            canonicalize_name(Requirement(text).name) for text in self.require
        }

    def joined(self, other: "PluginSettings") -> Self:
        """Both; where they prefer different packages for a name, or have files of one name, the other decides.

        By the name of its file, a component is found; so a recipe's file can be replaced by one that was moved.
        """
        replaced = {Path(file).name for file in other.files}
        kept = [file for file in self.files if Path(file).name not in replaced]
        return replace(
            self,
            files=tuple(dict.fromkeys((*kept, *other.files))),
            block=tuple(dict.fromkeys((*self.block, *other.block))),
            prefer={**self.prefer, **other.prefer},
            require=tuple(dict.fromkeys((*self.require, *other.require))),
            installed=self.installed and other.installed,
        )

    def with_files_in(self, folder: Path) -> Self:
        """The same with paths that start at a folder."""
        return replace(self, files=tuple(str(folder / Path(file).expanduser()) for file in self.files))

    def to_plain(self) -> Any:
        """What a recipe says: the list of files, or the table if there is more to say."""
        lists = {key: list(getattr(self, key)) for key in _LISTS}
        if not (self.block or self.prefer or self.require):
            return lists["files"]
        table = {**lists, "prefer": dict(self.prefer)}
        return {key: table[key] for key in _KEYS if table[key]}


def _read_list(key: str, value: Any, where: str) -> tuple[str, ...]:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if not is_list or not all(isinstance(item, (str, Path)) for item in value):
        raise RecipeError(
            f"{where}: 'plugins' is a list of files, such as plugins = [\"mine.py\"], or a table [plugins] with lists "
            f"of text; {key} = {value!r} is neither"
        )
    return tuple(map(str, value))


def _read_prefer(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(package, str) for package in value.values()):
        raise RecipeError(
            f"{where}: [plugins] prefer = {value!r} is no table of names; write "
            'prefer = { vit-tiny = "artkit-vit" }, with the package whose vit-tiny is meant'
        )
    return dict(value)


def _check_requirement(text: str, where: str) -> None:
    try:
        Requirement(text)
    except InvalidRequirement:
        raise RecipeError(
            f'{where}: [plugins] require = "{text}" cannot be read; write it as for pip, such as "artkit-vit>=0.3"'
        ) from None
