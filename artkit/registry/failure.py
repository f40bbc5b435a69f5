"""Why a plugin could not be loaded: the cause in words, and the line of the author's file."""

import sys
import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from artkit.errors import ArtkitError, PluginError

_ARTKIT: Final = Path(__file__).resolve().parent.parent
_STANDARD_LIBRARY: Final = Path(sysconfig.get_path("stdlib"))
_INSTALLED: Final = {"site-packages", "dist-packages"}


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
        return cls(type(error).__name__, error_message(error), author_line(error), error)

    @property
    def cause(self) -> str:
        """One line or more: "ImportError: No module named 'kornia'"."""
        return self.message if isinstance(self.error, PluginError) else describe_error(self.error)

    def __str__(self) -> str:
        return self.cause

    @property
    def text(self) -> str:
        """The cause, and below it where."""
        return f"{self.cause}\n  at {self.where}" if self.where else self.cause


def error_message(error: BaseException) -> str:
    """What an exception says. One that cannot even say it must not bring artkit down."""
    try:
        return str(error)
    except Exception:
        return "(its message cannot be shown)"


def describe_error(error: BaseException) -> str:
    """The class of an exception and what it says: "ImportError: No module named 'kornia'"."""
    return f"{type(error).__name__}: {error_message(error)}".removesuffix(": ")


def raised_text(error: BaseException, where: str = "") -> str:
    """What came out of a component, in words that go after its name.

    An error of artkit or of the data says itself what is wrong; of any other its class is told too: "it raises
    ValueError: no such file".

    Args:
        error: What was raised.
        where: What was being done, if that is not clear, such as the name of an event.
    """
    from artkit_shards.errors import ShardsError

    if isinstance(error, ArtkitError | ShardsError) and (message := error_message(error)):
        return f"in {where}: {message}" if where else message
    place = f" in {where}" if where else ""
    return f"it raises {type(error).__name__}{place}: {error_message(error)}".removesuffix(": ")


def author_line(error: BaseException, file: str = "") -> str:
    """File and line where an error came out of an author's code, "/home/me/mine.py:3"; "" if it did not.

    That is the last line of the traceback that lies in the author's file or package: the mistake is looked for there,
    not in the depths of a library.

    Args:
        error: What was raised.
        file: A file of the author's. Without it, or if the traceback passes it by, the author is whoever wrote the
            first line outside of artkit, torch and Python itself.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    first = next((frame.filename for frame in frames if _is_authors(frame.filename)), "")
    for known in filter(None, (file, first)):
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(outermost_package(Path(known)))]
        if own:
            return f"{own[-1].filename}:{own[-1].lineno}"
    return ""


def outermost_package(file: Path) -> Path:
    """The folder of the outermost package that a file of Python belongs to, or the file itself."""
    home = file
    while (home.parent / "__init__.py").is_file():
        home = home.parent
    return home


def _is_authors(filename: str) -> bool:
    path = Path(filename)
    torch = sys.modules.get("torch")
    between = [_ARTKIT, *map(Path, getattr(torch, "__path__", ()))]
    if filename.startswith("<") or any(path.is_relative_to(folder) for folder in between):
        return False
    return not path.is_relative_to(_STANDARD_LIBRARY) or not _INSTALLED.isdisjoint(path.parts)
