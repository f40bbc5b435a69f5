"""All options of one component: what users may set, what they set, and what the factory gets."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from artkit.errors import PluginError, RecipeError
from artkit.options.checking import ValueRefusedError, check_value
from artkit.options.option import Option
from artkit.options.reading import CommandLineText, read_text
from artkit.options.signature import SignatureError, read_options
from artkit.suggest import suggest


@dataclass(frozen=True, slots=True)
class OptionTable:
    """The options of a component, in the order of the factory's signature."""

    options: Mapping[str, Option]
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Old name of an option -> its name now."""
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

    def resolve(self, values: Mapping[str, Any], *, owner: str) -> dict[str, Any]:
        """Checks values and adds the defaults of those that are not given.

        Args:
            values: Option name -> value, with the types of TOML, or `CommandLineText` that is read as the option's
                type. Values that were resolved before pass unchanged.
            owner: The component in messages, such as "model 'vit-tiny' (artkit-vit 0.3.1)".

        Returns:
            A value for every option, ready for the factory.

        Raises:
            RecipeError: if an option is unknown, missing, of the wrong type or out of bounds. All problems are told.
        """
        given = {self._present_name(name, values, owner): value for name, value in values.items()}
        missing = [option.name for option in self if option.required and option.name not in given]
        problems = [f"the option '{name}' is required." for name in missing]
        resolved = {}
        for option in self:
            try:
                resolved[option.name] = self._resolve_one(option, given)
            except ValueRefusedError as error:
                problems.append(str(error))
        if problems:
            raise RecipeError("\n".join(f"{owner}: {problem}" for problem in problems))
        return resolved

    def describe(self) -> str:
        """The options as an aligned text, a line each: name, type, default, bounds, help."""
        rows = [(o.name, o.type_text, o.default_text, o.bounds_text, o.help) for o in self]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        shown = [column for column, width in enumerate(widths) if width]
        return "\n".join(
            "  ".join(["", *(row[column].ljust(widths[column]) for column in shown)]).rstrip() for row in rows
        )

    @staticmethod
    def _resolve_one(option: Option, given: Mapping[str, Any]) -> Any:
        if option.name not in given:
            return copy.deepcopy(option.default)
        value = given[option.name]
        # TOML has no null, so in a recipe too "none" is read; all else there has the type of TOML.
        is_text = isinstance(value, CommandLineText) or value == "none"
        return check_value(option, read_text(value, option.hint.type) if is_text else value)

    def _present_name(self, name: str, values: Mapping[str, Any], owner: str) -> str:
        """The name that an option has now."""
        if name in self.options:
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
        return f"{owner} has no option '{name}'. {suggest(name, self.options)}".rstrip() + f"\n{self.describe()}"

    def _check_former_names(self) -> None:
        for old in (*self.renamed, *self.removed):
            if old in self.options:
                raise SignatureError(f"'{old}' is told to be renamed or removed, but its factory still has it.")
        for old, new in self.renamed.items():
            if new not in self.options:
                raise SignatureError(f"'{old}' is told to be renamed to '{new}', which its factory does not have.")
