"""One option: a keyword-only parameter of a factory, with its type, default, bounds and help."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Self

from artkit.options.hints import Hint
from artkit.options.recipe_text import allows_none
from artkit.options.values import value_text


class Required(Enum):
    """Stands where a default would be, in options that users must set."""

    REQUIRED = "required"


REQUIRED: Final = Required.REQUIRED


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a component."""

    name: str
    hint: Hint
    default: Any = REQUIRED
    """The value if users set none, or `REQUIRED`. A group's is made of those of its fields, unless it is None."""
    group: type | None = None
    """The dataclass, if it is a group of options."""
    fields: Mapping[str, Self] = field(default_factory=dict)
    """Field of the group -> option, whose name has the group's in front, such as "stem.width"."""

    @property
    def required(self) -> bool:
        """Whether users must set it, or something in it."""
        if self.group:
            return self.default is not None and any(option.required for option in self.fields.values())
        return self.default is REQUIRED

    @property
    def can_be_none(self) -> bool:
        """Whether none is one of its values."""
        return allows_none(self.hint.type)

    def leaves(self) -> Iterator[Self]:
        """Itself, or the options in it if it is a group; a group that can be none comes before them."""
        if not self.group or self.can_be_none:
            yield self
        for option in self.fields.values():
            yield from option.leaves()

    def groups(self) -> Iterator[Self]:
        """Itself and the groups in it, if it is a group."""
        if self.group:
            yield self
        for option in self.fields.values():
            yield from option.groups()

    def missing(self) -> Iterator[Self]:
        """Itself if users must set it, or those options in it that they must."""
        if not self.group and self.required:
            yield self
        for option in self.fields.values() if self.required else ():
            yield from option.missing()

    @property
    def help(self) -> str:
        """One line for users, or ""."""
        return self.hint.help

    @property
    def type_text(self) -> str:
        """Short words for the type: "int", "list of 2 float", "pre | post", "int or none"."""
        return self.hint.type_text

    @property
    def default_text(self) -> str:
        """The default as a user would write it, or "required"."""
        if self.group:
            return "none" if self.default is None else ""
        text = "required" if self.required else value_text(self.default)
        return text.strip("'") or text

    @property
    def bounds_text(self) -> str:
        """Bounds of the numbers: ">= 1", "> 0, <= 1", "multiple of 64", or ""."""
        return self.hint.bounds_text
