"""Stores: what answers requests for files that have an address, each request once, and what it means when one fails.

fsspec speaks to them. Servers may cut connections, ignore the range that they were asked for, or send more than they
should. Errors of other packages are described here, not quoted: they may hold addresses with their secrets.
"""

import ssl
from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import unquote

from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import Address
from artkit_shards.format.patience import Patience

_PIECE_BYTES: Final = 1 << 23
"""Asked for at once from stores that answer in ranges, 8 MiB."""
_READ_BYTES: Final = 1 << 20
_TRY_AGAIN: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}
_NO_ACCESS: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_CUT: Final = ("ClientPayloadError", "ClientConnectionError", "ServerDisconnectedError", "IncompleteRead")
"""Errors of other packages that say nothing but that a connection broke."""
_PACKAGES: Final = {
    "http": "'artkit[remote]'",
    "https": "'artkit[remote]'",
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "hf": "huggingface_hub",
}


class MissingFileError(DatasetError):
    """A file that is not in the folder."""


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


class Store(Protocol):
    """The files of one store, by their full addresses; raises TransferError."""

    def pieces(self, url: str, start: int, end: int | None) -> Generator[bytes]:
        """Bytes of a file from `start` to before `end`, or to its end; there may be more of them, or fewer."""
        ...

    def size(self, url: str) -> int | None:
        """Bytes of a file; None if the store does not tell."""
        ...

    def names(self, url: str) -> set[str]:
        """Names of the files right in a folder."""
        ...


def open_store(address: Address, patience: Patience) -> Store:
    """The store that an address leads to.

    Raises:
        DatasetError: if a package is missing that this kind of address needs.
    """
    import fsspec

    web = address.scheme in ("http", "https")
    try:
        if web:
            # Missing packages are told when fsspec loads what it needs, hence first.
            kind = fsspec.get_filesystem_class(address.scheme)
            return _WebStore(kind(**_web_options(patience)))
        return _PieceStore(fsspec.filesystem(address.scheme))
    except ImportError:
        package = _PACKAGES.get(address.scheme, "fsspec")
        raise DatasetError(
            f"{address} cannot be read: {address.scheme}:// needs more packages; pip install {package}"
        ) from None


def _web_options(patience: Patience) -> dict[str, Any]:
    import aiohttp

    silence = patience.silence_s or None
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=silence, sock_read=silence)
    return {"client_kwargs": {"timeout": timeout, "trust_env": True}}


class _PieceStore:
    """A store that is asked for one piece after another: all but web servers."""

    def __init__(self, system: Any) -> None:
        self._system = system

    def pieces(self, url: str, start: int, end: int | None) -> Generator[bytes]:
        stop = self.size(url) if end is None else end
        while stop is not None and start < stop:
            piece: bytes = self._ask(self._system.cat_file, url, start=start, end=min(stop, start + _PIECE_BYTES))
            if not piece:
                return
            yield piece
            start += len(piece)

    def size(self, url: str) -> int | None:
        size: int | None = self._ask(self._system.size, url)
        return size

    def names(self, url: str) -> set[str]:
        entries: list[dict[str, Any]] = self._ask(self._system.ls, url, detail=True)
        return {entry["name"].rpartition("/")[2] for entry in entries if entry["type"] == "file"}

    def _ask(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except Exception as error:  # each store raises errors of its own
            raise _described(error) from None


class _WebStore(_PieceStore):
    """Web servers, which may ignore ranges and send without end: read as streams."""

    def size(self, url: str) -> int | None:
        response, _ = self._ask(self._sync, self._get, url, 0, 1)
        self._ask(self._sync, self._release, response)
        headers = response.headers
        partial = response.status == HTTPStatus.PARTIAL_CONTENT
        size = headers.get("Content-Range", "").rpartition("/")[2] if partial else headers.get("Content-Length", "")
        return int(size) if size.isdecimal() else None

    def names(self, url: str) -> set[str]:
        if "?" in url:
            raise TransferError(
                "a folder whose address has a query cannot be listed", lasting=True, advice="use an address without one"
            )
        links = (link.partition("?")[0] for link in self._ask(self._system.ls, url, detail=False))
        names = {unquote(link[len(url) + 1 :]) for link in links if link.rpartition("/")[0] == url}
        return {name for name in names if "/" not in name} - {"", ".", ".."}

    def pieces(self, url: str, start: int, end: int | None) -> Generator[bytes]:
        response, skip = self._ask(self._sync, self._get, url, start, end)
        try:
            while data := self._ask(self._sync, response.content.read, _READ_BYTES):
                yield data[skip:]
                skip -= min(skip, len(data))
        finally:
            self._ask(self._sync, self._release, response)

    def _sync(self, function: Callable[..., Any], *arguments: Any) -> Any:
        from fsspec.asyn import sync

        return sync(self._system.loop, function, *arguments)

    async def _get(self, url: str, start: int, end: int | None) -> tuple[Any, int]:
        """The response, and how many of its first bytes were not asked for."""
        headers = {"Accept-Encoding": "identity"}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        session = await self._system.set_session()
        response = await session.get(self._system.encode_url(url), headers=headers)
        try:
            return response, _first_byte(response, start)
        except TransferError:
            response.release()
            raise

    @staticmethod
    async def _release(response: Any) -> None:
        response.release()


def _first_byte(response: Any, start: int) -> int:
    """How many bytes to skip in an answer to a request for those from `start` on."""
    asked = (*response.history, response)
    if asked[0].url.scheme == "https" and any(step.url.scheme != "https" for step in asked):
        raise TransferError("the server leads from https to http", lasting=True, advice="use the address it leads to")
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise TransferError("the server sent another range than it was asked for")
        return 0
    if response.status == HTTPStatus.OK:
        return start
    raise _status_error(response.status)


def _status_error(status: int) -> TransferError:
    fault = f"HTTP {status} {_PHRASES.get(status, '')}".rstrip()
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return _not_there(fault)
    if status in _NO_ACCESS:
        return _no_access(fault)
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return TransferError(
            f"{fault}: the file there is shorter", lasting=True, advice="upload the whole data set again"
        )
    lasting = status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _TRY_AGAIN
    return TransferError(fault, lasting=lasting)


def _described(error: Exception) -> TransferError:
    """What broke, in words of ours: those of others may quote addresses with their secrets."""
    if isinstance(error, TransferError):
        return error
    if isinstance(error, FileNotFoundError):
        return _not_there("there is no such file")
    status = getattr(error, "status", None)
    if isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST:
        return _status_error(status)
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


def _no_access(fault: str) -> TransferError:
    return TransferError(
        fault, lasting=True, advice="check the credentials in the address, in ~/.netrc or in the environment"
    )
