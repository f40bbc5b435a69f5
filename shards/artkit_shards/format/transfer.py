"""What it means when a request for a file fails, and what users are told.

Errors of other packages are described here, not quoted: they may hold addresses with their secrets.
"""

import ssl
from http import HTTPStatus
from typing import Final

from artkit_shards.errors import DatasetError

_TRY_AGAIN: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}
_NO_ACCESS: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_CUT: Final = ("ClientPayloadError", "ClientConnectionError", "ServerDisconnectedError", "IncompleteRead")
"""Errors of other packages that say nothing but that a connection broke."""


class MissingFileError(DatasetError):
    """A file that is not in the folder."""


class ShortFileError(DatasetError):
    """A file that ends before the part of it that was asked for."""


class NoPartsError(DatasetError):
    """A part of a file that can only be had with the whole file."""


class TransferError(Exception):
    """A transfer that broke.

    Attributes:
        lasting: Whether it is no use to try again.
        advice: What the user may do.
        error: What users are told by.
    """

    def __init__(
        self,
        fault: str,
        *,
        lasting: bool = False,
        advice: str = "check network and server, then try again",
        error: type[DatasetError] = DatasetError,
    ) -> None:
        super().__init__(fault)
        self.lasting = lasting
        self.advice = advice
        self.error = error


class WholeFilesError(TransferError):
    """A server that sends files as a whole only, asked for a small part far from the beginning."""

    def __init__(self) -> None:
        super().__init__(
            "the server sends whole files where parts of them are asked for",
            lasting=True,
            advice="copy the folder to this machine, or use a server that knows ranges",
            error=NoPartsError,
        )


def status_error(status: int) -> TransferError:
    """What a status of HTTP means that is no success."""
    fault = f"HTTP {status} {_PHRASES.get(status, '')}".rstrip()
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return _not_there(fault)
    if status in _NO_ACCESS:
        return _no_access(fault)
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return shorter_file(fault)
    lasting = status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _TRY_AGAIN
    return TransferError(fault, lasting=lasting)


def described(error: Exception) -> TransferError:
    """What broke, in words of ours: those of others may quote addresses with their secrets."""
    if isinstance(error, TransferError):
        return error
    if isinstance(error, FileNotFoundError):
        return _not_there("there is no such file")
    status = getattr(error, "status", None)
    if isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST:
        return status_error(status)
    if isinstance(error, PermissionError):
        return _no_access("access was denied")
    if isinstance(error, TimeoutError):
        return TransferError("no answer in time")
    name = type(error).__name__
    if isinstance(error, ssl.CertificateError):
        return TransferError(f"its certificate is not trusted ({name})", lasting=True, advice="check the address")
    if isinstance(error, OSError):
        return TransferError(f"{error.strerror} ({name})" if error.strerror else name)
    cut = name in _CUT
    return TransferError("the connection was cut" if cut else name, lasting=not cut)


def _not_there(fault: str) -> TransferError:
    return TransferError(
        fault,
        lasting=True,
        advice="check the address; what is missing there must be uploaded again",
        error=MissingFileError,
    )


def shorter_file(fault: str) -> TransferError:
    """What it means that a file ends before the part that was asked for."""
    return TransferError(
        f"{fault}: the file there is shorter",
        lasting=True,
        advice="upload the whole data set again",
        error=ShortFileError,
    )


def _no_access(fault: str) -> TransferError:
    return TransferError(
        fault, lasting=True, advice="check the credentials in the address, in ~/.netrc or in the environment"
    )
