"""Addresses: where data sets may lie besides folders, and how an address is shown without what is secret in it.

Only the schemes of `SCHEMES` are known. Nothing that could run a command is among them (`pipe:`), nothing that reaches
into archives or other machines' shells, and no chains (`a::b`). User names, passwords and the signatures of queries
are used to fetch, and never shown.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from artkit_shards.errors import DatasetError

SCHEMES: Final = ("http", "https", "s3", "gs", "gcs", "az", "abfs", "hf", "memory", "file")
"""What an address may begin with; which packages serve them is told when one is missing."""

_HIDDEN: Final = "***"
_START: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_CHAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*::|.*::[A-Za-z][A-Za-z0-9+.-]*://", re.DOTALL)
_COMMAND: Final = re.compile(r"pipe:", re.IGNORECASE)
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f]")
_SHORTEST_SECRET: Final = 3


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Address of a folder. `str()` shows it without secrets; only `file` and `folder` have them."""

    scheme: str
    _base: str
    _query: str
    _shown: str
    _secrets: tuple[str, ...]

    def __str__(self) -> str:
        """The address as it may be shown."""
        return self._shown

    def __repr__(self) -> str:
        return f"Address({self._shown!r})"

    @property
    def folder(self) -> str:
        """The address itself, to be used and never shown."""
        return self._base + self._query

    def file(self, name: str) -> str:
        """Address of a file of the folder, to be used and never shown; a query stays at the end."""
        return f"{self._base}/{name}{self._query}"

    def shown(self, name: str) -> str:
        """Address of a file of the folder, as it may be shown."""
        return f"{self._shown}/{name}"

    def split(self) -> "tuple[Address, str]":
        """The folder and the name of the file, if this is the address of a file."""
        base, _, name = self._base.rpartition("/")
        return replace(self, _base=base, _shown=self._shown.rpartition("/")[0]), name

    def scrub(self, text: str) -> str:
        """A text of someone else's, without the secrets of this address."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    @property
    def has_secrets(self) -> bool:
        """Whether there is anything in it that must not be shown or written down."""
        return bool(self._secrets)


def is_address(location: Path | str) -> bool:
    """Whether a location is meant as an address; anything else is a path. A `Path` always is one."""
    if isinstance(location, Path):
        return False
    return any(pattern.match(location) for pattern in (_START, _CHAIN, _COMMAND)) and not Path(location).exists()


def parse_address(location: str) -> Address:
    """Understand the address of a folder.

    Args:
        location: Such as "https://host/folder" or "s3://bucket/folder".

    Raises:
        DatasetError: if its scheme is not one of `SCHEMES`, it is a chain, or no address at all.
    """
    start = _START.match(location)
    if "::" in location or start is None or _FORBIDDEN.search(location):
        raise DatasetError(f"{_without_secrets(location)} is no address that can be read; {_rule()}")
    scheme = start[1].lower()
    if scheme not in SCHEMES:
        raise DatasetError(f"{_without_secrets(location)} begins with {start[1]}://, which is not read; {_rule()}")
    try:
        parts = urlsplit(location)
        _ = parts.port
    except ValueError:
        raise DatasetError(f"{_without_secrets(location)} is no address that can be read; {_rule()}") from None
    if scheme in ("http", "https"):
        return _web_address(scheme, parts)
    base = location.rstrip("/")
    # Some stores write a container before the @, which is no secret; a password has a colon before it.
    hides = ":" in parts.netloc.rpartition("@")[0]
    return Address(scheme, base, "", *((_without_secrets(base), _secrets(parts.netloc, "")) if hides else (base, ())))


def local_path(address: Address) -> Path | None:
    """The path that an address of this machine stands for; None for all others."""
    if address.scheme != "file":
        return None
    return Path(unquote(urlsplit(address.folder).path))


def _web_address(scheme: str, parts: SplitResult) -> Address:
    if not parts.hostname:
        raise DatasetError(f"{scheme}:// names no host; write {scheme}://host/folder")
    path = parts.path.rstrip("/")
    query = f"?{parts.query}" if parts.query else ""
    host = parts.netloc.rpartition("@")[2]
    shown = f"{scheme}://{host}{path}"
    return Address(scheme, f"{scheme}://{parts.netloc}{path}", query, shown, _secrets(parts.netloc, parts.query))


def _secrets(netloc: str, query: str) -> tuple[str, ...]:
    """All texts that would give a secret away, the longest first."""
    user = netloc.rpartition("@")[0]
    values = [pair.partition("=")[2] for pair in query.split("&")]
    found = {user, *user.split(":"), query, *values}
    found |= {unquote(text) for text in found}
    return tuple(sorted((text for text in found if len(text) >= _SHORTEST_SECRET), key=len, reverse=True))


def _without_secrets(location: str) -> str:
    """A text that may be no address at all, cut before what may be secret in it."""
    shown = re.sub(r"//.*@", "//", location.partition("?")[0])
    return repr(shown)[1:-1]


def _rule() -> str:
    return f"give a folder, or an address that begins with {', '.join(f'{scheme}://' for scheme in SCHEMES)}"
