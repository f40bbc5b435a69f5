"""Files at addresses, by fsspec: with patience, and without secrets in what is said of failures."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from artkit_shards.format.addresses import Address
from artkit_shards.format.interest import UnwantedError
from artkit_shards.format.patience import DEFAULT_PATIENCE, Patience
from artkit_shards.format.stores import WEB, web_options

Result = TypeVar("Result")

_FOR_GOOD: Final = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, UnwantedError)
"""Failures that do not go away by trying again."""
_LONGEST_REASON: Final = 200


def file_system(address: Address) -> tuple[Any, str]:
    """The fsspec file system that serves an address, and the path of the address in it.

    Raises:
        OSError: if the package that serves such addresses is not installed.
    """
    import fsspec

    try:
        options = web_options(DEFAULT_PATIENCE) if address.scheme in WEB else {}
        system, path = fsspec.core.url_to_fs(address.folder, **options)
    except ImportError as error:
        why = _reason(error, address)
        raise OSError(f"{address.scheme}:// needs a package that is not installed: {why}") from error
    return system, str(path).rstrip("/")


def insist(attempt: Callable[[], Result], address: Address, patience: Patience | None = None) -> Result:
    """Do something with a file until it works, or until patience (`DEFAULT_PATIENCE` if none is given) ends.

    Raises:
        OSError: if it does not work; FileNotFoundError if the file is not there. The text is a short reason.
    """
    try:
        return (patience or DEFAULT_PATIENCE).insist(attempt, lambda error: isinstance(error, _FOR_GOOD))
    except (FileNotFoundError, UnwantedError):
        raise
    except Exception as error:  # each file system has errors of its own
        raise OSError(_reason(error, address)) from error


def _reason(error: Exception, address: Address) -> str:
    """One short line of what went wrong."""
    text = address.scrub(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
