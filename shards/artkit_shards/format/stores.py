"""Stores: what answers requests for files that have an address, each request once.

fsspec speaks to them. Servers may cut connections, ignore the range that they were asked for, or send more than they
should.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import closing
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeVar

from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import Address
from artkit_shards.format.interest import UnwantedError, result_of
from artkit_shards.format.links import linked_names
from artkit_shards.format.patience import Patience
from artkit_shards.format.transfer import TransferError, WholeFilesError, described, shorter_file, status_error

Result = TypeVar("Result")

WEB: Final = ("http", "https")
"""Schemes of web servers."""
MAX_PAGE_BYTES: Final = 1 << 26
"""A page that lists the files of a folder has at most 64 MiB, which is about half a million files."""
_PIECE_BYTES: Final = 1 << 23
"""Asked for at once from stores that answer in ranges, 8 MiB."""
_READ_BYTES: Final = 1 << 20
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


class Store(Protocol):
    """The files of one store, by their full addresses; raises TransferError."""

    def pieces(self, url: str, start: int, end: int | None, most_skipped: int | None = None) -> Generator[bytes]:
        """Bytes of a file from `start` to before `end`, or to its end; there may be more of them, or fewer.

        With `most_skipped`, it is an error if more bytes than that would have to come before, in vain.
        """
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

    try:
        if address.scheme in WEB:
            # Missing packages are told when fsspec loads what it needs, hence first.
            kind = fsspec.get_filesystem_class(address.scheme)
            return _WebStore(kind(**web_options(patience)))
        return _PieceStore(fsspec.filesystem(address.scheme))
    except ImportError:
        package = _PACKAGES.get(address.scheme, "fsspec")
        raise DatasetError(
            f"{address} cannot be read: {address.scheme}:// needs more packages; pip install {package}"
        ) from None


def web_options(patience: Patience) -> dict[str, Any]:
    """Options of fsspec's file system for web servers; raises ImportError if it cannot be used."""
    import aiohttp

    silence = patience.silence_s or None
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=silence, sock_read=silence)
    return {"client_kwargs": {"timeout": timeout, "trust_env": True}}


class _PieceStore:
    """A store that is asked for one piece after another: all but web servers."""

    def __init__(self, system: Any) -> None:
        self._system = system

    def pieces(self, url: str, start: int, end: int | None, most_skipped: int | None = None) -> Generator[bytes]:  # noqa: ARG002 nothing comes in vain
        stop = self.size(url) if end is None else end
        while stop is not None and start < stop:
            piece: bytes = self._ask("cat_file", url, start=start, end=min(stop, start + _PIECE_BYTES))
            if not piece:
                raise shorter_file("no more bytes came")
            yield piece
            start += len(piece)

    def size(self, url: str) -> int | None:
        size: int | None = self._ask("size", url)
        return size

    def names(self, url: str) -> set[str]:
        entries: list[dict[str, Any]] = self._ask("ls", url, detail=True)
        return {entry["name"].rpartition("/")[2] for entry in entries if entry["type"] == "file"}

    def _ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        if self._system.async_impl:
            # The same, in a way that can be given up.
            return _wait(self._system, getattr(self._system, f"_{method}")(*arguments, **options))
        try:
            return getattr(self._system, method)(*arguments, **options)
        except Exception as error:  # each store raises errors of its own
            raise described(error) from None


class _WebStore:
    """Web servers, which may ignore ranges and send without end: read as streams."""

    def __init__(self, system: Any) -> None:
        self._system = system

    def size(self, url: str) -> int | None:
        response, _ = _wait(self._system, self._get(url, 0, 1))
        self._let_go(response)
        headers = response.headers
        partial = response.status == HTTPStatus.PARTIAL_CONTENT
        size = headers.get("Content-Range", "").rpartition("/")[2] if partial else headers.get("Content-Length", "")
        return int(size) if size.isdecimal() else None

    def names(self, url: str) -> set[str]:
        if "?" in url:
            raise TransferError(
                "a folder whose address has a query cannot be listed", lasting=True, advice="use an address without one"
            )
        page = bytearray()
        with closing(self.pieces(url, 0, None)) as pieces:
            for piece in pieces:
                page += piece
                if len(page) > MAX_PAGE_BYTES:
                    raise TransferError(
                        f"its page has more than {MAX_PAGE_BYTES} bytes, which is more than a list of files has",
                        lasting=True,
                        advice="check that the address is that of a folder, or copy it to this machine",
                    )
        return linked_names(page.decode(errors="replace"), url)

    def pieces(self, url: str, start: int, end: int | None, most_skipped: int | None = None) -> Generator[bytes]:
        response, skip = _wait(self._system, self._get(url, start, end))
        try:
            if most_skipped is not None and skip > most_skipped:
                raise WholeFilesError
            while data := _wait(self._system, response.content.read(_READ_BYTES)):
                yield data[skip:]
                skip -= min(skip, len(data))
        finally:
            self._let_go(response)

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

    def _let_go(self, response: Any) -> None:
        # Not waited for: the garbage collector may ask for it, in the very thread that does it.
        self._system.loop.call_soon_threadsafe(response.release)


def _wait(system: Any, request: Coroutine[Any, Any, Result]) -> Result:
    """Have a request done by the thread of a file system, and given up if nobody waits for it any more."""
    future = asyncio.run_coroutine_threadsafe(request, system.loop)
    try:
        return result_of(future)
    except UnwantedError:
        raise
    except Exception as error:  # each store raises errors of its own
        raise described(error) from None
    finally:
        # One that is done is not changed by this.
        future.cancel()


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
    raise status_error(response.status)
