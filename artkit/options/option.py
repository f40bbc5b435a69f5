"""One option: a keyword-only parameter of a factory, with its type, default, bounds and help."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from artkit.options.hints import Hint
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
    """The value if users set none, or `REQUIRED`."""

    @property
    def required(self) -> bool:
        """Whether users must set it."""
        return self.default is REQUIRED

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
        text = "required" if self.required else value_text(self.default)
        return text.strip("'") or text

    @property
    def bounds_text(self) -> str:
        """Bounds of the numbers: ">= 1", "> 0, <= 1", "multiple of 64", or ""."""
        return self.hint.bounds_text
