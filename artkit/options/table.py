"""All options of one component: what users may set, what they set, and what the factory gets."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from artkit.errors import PluginError, RecipeError
from artkit.options.groups import fields_of
from artkit.options.option import Option
from artkit.options.reading import CommandLineText
from artkit.options.resolution import Resolution
from artkit.options.signature import SignatureError, read_options
from artkit.suggest import suggest


@dataclass(frozen=True, slots=True)
class OptionTable:
    """The options of a component, in the order of the factory's signature."""

    options: Mapping[str, Option]
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Old name of an option -> its name now, which may be in a group, such as "stem.width"."""
    removed: Mapping[str, str] = field(default_factory=dict)
    """Name of an option that is gone -> what to do instead."""

    @classmethod
    def from_factory(
        cls,
        factory: Callable[..., Any],
        presets: Mapping[str, object] | None = None,
        renamed: Mapping[str, str] | None = None,
        removed: Mapping[str, str] | None = None,
        *,
        owner: str,
        plugin: str,
    ) -> Self:
        """Reads the options from the keyword-only parameters of a factory.

        Args:
            factory: The factory of a component.
            presets: Defaults that differ from those of the signature.
            renamed: Old option name -> new one.
            removed: Option name -> what to do instead.
            owner: The component in messages, such as "model 'vit-tiny' (artkit-vit 0.3.1)".
            plugin: Who is at fault if the contract is broken, such as "artkit-vit 0.3.1".

        Raises:
            PluginError: if the factory or one of the other arguments breaks the contract.
        """
        try:
            table = cls(read_options(factory, presets or {}), dict(renamed or {}), dict(removed or {}))
            table._check_former_names()
        except SignatureError as error:
            raise PluginError(f"{owner}: {error}", plugin=plugin) from error
        return table

    def __iter__(self) -> Iterator[Option]:
        return iter(self.options.values())

    def __len__(self) -> int:
        return len(self.options)

    @property
    def leaves(self) -> dict[str, Option]:
        """All that users can set, by full name: those in groups as "stem.width"."""
        return {leaf.name: leaf for option in self for leaf in option.leaves()}

    @property
    def groups(self) -> dict[str, Option]:
        """The groups of options, by full name: also those in groups."""
        return {group.name: group for option in self for group in option.groups()}

    def resolve(self, values: Mapping[str, Any], *, owner: str, setting: str = "") -> dict[str, Any]:
        """Checks values and adds the defaults of those that are not given.

        Args:
            values: Option name -> value, with the types of TOML, or `CommandLineText` that is read as the option's
                type. Values that were resolved before pass unchanged.
            owner: The component in messages, such as "model 'vit-tiny' (artkit-vit 0.3.1)".
            setting: What stands before an option's name in `--set`, such as "model"; "" where there is no such way.

        Returns:
            A value for every option, ready for the factory.

        Raises:
            RecipeError: if an option is unknown, missing, of the wrong type or out of bounds. All problems are told.
        """
        resolution = Resolution(self._with_present_names(self._flat(values), owner), setting)
        resolved = {option.name: resolution.value_of(option) for option in self}
        if resolution.problems:
            raise RecipeError("\n".join(f"{owner}: {problem}" for problem in resolution.problems))
        return resolved

    def knows(self, name: str) -> bool:
        """Whether it is or was the name of an option or of one in a group, or could be meant for one in a group."""
        return name in (*self.leaves, *self.groups, *self.renamed, *self.removed) or any(
            name.startswith(f"{group}.") for group in self.groups
        )

    def lay_over(self, base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """The base with what the values say replaced, also where one of them calls an option by its old name.

        Groups are laid over one another option by option. Names that are not in the table are kept.
        """
        flat = self._flat(values)
        new = {self.renamed.get(name, name) for name in flat}
        kept = {
            name: value
            for name, value in self._flat(base).items()
            if not any(_overlap(self.renamed.get(name, name), other) for other in new)
        }
        return kept | flat

    def without_removed(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Values of recipes without those of options that are gone, and what to do instead: name -> advice.

        What is typed on a command line is kept: whoever types it can be told by an error.
        """
        flat = self._flat(values)
        gone = {name for name, value in flat.items() if name in self.removed and not isinstance(value, CommandLineText)}
        kept = {name: value for name, value in flat.items() if name not in gone}
        return kept, {name: self.removed[name] for name in flat if name in gone}

    def renamings(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Those of the names that are old ones -> the names now."""
        return {name: self.renamed[name] for name in self._flat(values) if name in self.renamed}

    def describe(self) -> str:
        """The options as an aligned text, a line each: name, type, default, bounds, help."""
        rows = [(o.name, o.type_text, o.default_text, o.bounds_text, o.help) for o in self.leaves.values()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        shown = [column for column, width in enumerate(widths) if width]
        return "\n".join(
            "  ".join(["", *(row[column].ljust(widths[column]) for column in shown)]).rstrip() for row in rows
        )

    def _flat(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with those in groups under their full names."""
        flat: dict[str, Any] = {}
        for name, value in values.items():
            flat |= _flatten(name, value, self.options.get(name))
        return flat

    def _with_present_names(self, flat: Mapping[str, Any], owner: str) -> dict[str, Any]:
        return {self._present_name(name, flat, owner): value for name, value in flat.items()}

    def _present_name(self, name: str, values: Mapping[str, Any], owner: str) -> str:
        """The name that an option has now."""
        if name in self.leaves or name in self.groups:
            return name
        if name in self.removed:
            raise RecipeError(f"{owner} has no option '{name}' any more: {self.removed[name]}")
        new = self.renamed.get(name)
        if new is None:
            raise RecipeError(self._unknown(name, owner))
        if new in values:
            raise RecipeError(f"{owner}: '{name}' is the old name of '{new}', and both are given; leave out '{name}'.")
        return new

    def _unknown(self, name: str, owner: str) -> str:
        if not self.options:
            return f"{owner} has no option '{name}'; it has no options at all."
        return f"{owner} has no option '{name}'. {suggest(name, self.leaves)}".rstrip() + f"\n{self.describe()}"

    def _check_former_names(self) -> None:
        known = {**self.groups, **self.leaves}
        for old in (*self.renamed, *self.removed):
            if old in known:
                raise SignatureError(f"'{old}' is told to be renamed or removed, but its factory still has it.")
        for old, new in self.renamed.items():
            if new not in known:
                raise SignatureError(f"'{old}' is told to be renamed to '{new}', which its factory does not have.")
        for old in self.renamed:
            if old in self.removed:
                raise SignatureError(f"'{old}' is told to be renamed and to be removed; it can be one of the two.")


def _flatten(name: str, value: Any, option: Option | None) -> dict[str, Any]:
    inside = fields_of(value) if option is not None and option.group else None
    if option is None or inside is None:
        return {name: value}
    flat: dict[str, Any] = {}
    for key, item in inside.items():
        flat |= _flatten(f"{name}.{key}", item, option.fields.get(key))
    return flat


def _overlap(name: str, other: str) -> bool:
    """Whether two names are those of one option, or of a group and an option in it."""
    return name == other or name.startswith(f"{other}.") or other.startswith(f"{name}.")
