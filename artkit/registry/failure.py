"""Why a plugin could not be loaded: the cause in words, and the line of the author's file."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from artkit.errors import PluginError

_ARTKIT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a plugin could not be loaded."""

    type: str
    """The exception's class, such as "ImportError"; "PluginError" if a rule of the contract is broken."""
    message: str
    where: str
    """File and line of the author's code, "/home/me/mine.py:3"; "" if unknown."""
    error: BaseException

    @classmethod
    def from_error(cls, error: BaseException) -> Self:
        """Reads what an exception says, and where in the author's code it was raised."""
        return cls(type(error).__name__, str(error), author_line(error), error)

    @property
    def cause(self) -> str:
        """One line or more: "ImportError: No module named 'kornia'"."""
        if isinstance(self.error, PluginError):
            return self.message
        return f"{self.type}: {self.message}" if self.message else self.type

    def __str__(self) -> str:
        return self.cause

    @property
    def text(self) -> str:
        """The cause, and below it where."""
        return f"{self.cause}\n  at {self.where}" if self.where else self.cause


def author_line(error: BaseException) -> str:
    """File and line where an error came out of an author's code, "/home/me/mine.py:3"; "" if it did not.

    That is the last line of the traceback that lies in the same file or package as the first line outside of artkit:
    an author looks for the mistake there, not in the depths of a library.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_authors(frame.filename)]
    if not frames:
        return ""
    first = Path(frames[0].filename)
    home = first.parent if first.name == "__init__.py" else first
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(home)]
    return f"{own[-1].filename}:{own[-1].lineno}"


def _is_authors(filename: str) -> bool:
    """Whether a file is neither artkit's nor the machinery of imports."""
    return not filename.startswith("<") and not Path(filename).is_relative_to(_ARTKIT) and "importlib" not in filename
