"""Values of options, from what was given and from defaults; problems are collected, so that all are told at once."""

import copy
from collections.abc import Mapping
from typing import Any

from artkit.options.checking import ValueRefusedError, check_value
from artkit.options.option import Option
from artkit.options.reading import CommandLineText, read_text
from artkit.options.recipe_text import in_recipe_folder, with_none
from artkit.options.values import value_text


class Resolution:
    """Resolves the options of one component.

    Args:
        given: Full name of an option -> value.
        setting: What stands before an option's name in `--set`, such as "sampler"; "" where there is no such way.

    Attributes:
        problems: What is wrong with the values that were resolved so far, each a sentence that starts with the option.
    """

    def __init__(self, given: Mapping[str, Any], setting: str = "") -> None:
        self._given = given
        self._setting = setting
        self.problems: list[str] = []

    def value_of(self, option: Option) -> Any:
        """The checked value of an option; None if there is a problem, which is noted then."""
        if option.group:
            return self._value_of_group(option, option.group)
        if option.name in self._given:
            return self._checked(option, self._given[option.name])
        if option.required:
            remedy = f"; give it: --set {self._setting}.{option.name}=VALUE" if self._setting else "."
            self.problems.append(f"the option '{option.name}' is required{remedy}")
            return None
        return copy.deepcopy(option.default)

    def _checked(self, option: Option, value: Any) -> Any:
        hint = option.hint.type
        if isinstance(value, CommandLineText):
            value = read_text(value, hint)
        try:
            return check_value(option, in_recipe_folder(with_none(value, hint), hint))
        except ValueRefusedError as error:
            self.problems.append(str(error))
            return None

    def _value_of_group(self, option: Option, group: type) -> Any:
        if option.name in self._given:
            return self._whole_group(option, self._given[option.name])
        if option.default is None and not any(name.startswith(f"{option.name}.") for name in self._given):
            return None
        before = len(self.problems)
        values = {name: self.value_of(field) for name, field in option.fields.items()}
        if len(self.problems) > before:
            return None
        try:
            return group(**values)
        except Exception as error:
            # The author's own check of the fields, which may raise anything.
            self.problems.append(f"{option.name}: {error}")
            return None

    def _whole_group(self, option: Option, value: Any) -> None:
        """A group has no value of its own but none."""
        if not (_is_none(value) and option.can_be_none):
            names = ", ".join(f"{option.name}.{name}" for name in option.fields)
            self.problems.append(
                f"{option.name}={value_text(value)} is of the wrong type; it must be {option.hint.must_be}; "
                f"set {names or 'nothing in it'}."
            )


def _is_none(value: Any) -> bool:
    return value is None or value == "none"
