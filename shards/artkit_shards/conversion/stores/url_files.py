"""Files at addresses, by fsspec: with patience, and without secrets in what is said of failures."""

import time
from collections.abc import Callable
from itertools import count
from typing import Any, Final, TypeVar

from artkit_shards.format.addresses import Address
from artkit_shards.format.patience import DEFAULT_PATIENCE, Patience

Result = TypeVar("Result")

_FOR_GOOD: Final = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
"""Failures that do not go away by trying again."""
_LONGEST_REASON: Final = 200


def file_system(address: Address) -> tuple[Any, str]:
    """The fsspec file system that serves an address, and the path of the address in it.

    Raises:
        OSError: if the package that serves such addresses is not installed.
    """
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(address.folder)
    except ImportError as error:
        why = _reason(error, address)
        raise OSError(f"{address.scheme}:// needs a package that is not installed: {why}") from error
    return system, str(path).rstrip("/")


def insist(attempt: Callable[[], Result], address: Address, patience: Patience | None = None) -> Result:
    """Do something with a file until it works, or until patience (`DEFAULT_PATIENCE` if none is given) ends.

    Raises:
        OSError: if it does not work; FileNotFoundError if the file is not there. The text is a short reason.
    """
    patience = patience or DEFAULT_PATIENCE
    for failures in count(1):
        try:
            return attempt()
        except FileNotFoundError:
            raise
        except Exception as error:  # each file system has errors of its own
            if failures >= patience.attempts or isinstance(error, _FOR_GOOD):
                raise OSError(_reason(error, address)) from error
            time.sleep(patience.wait_s(failures))
    raise AssertionError("unreachable")


def _reason(error: Exception, address: Address) -> str:
    """One short line of what went wrong."""
    text = address.scrub(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
