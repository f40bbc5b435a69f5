"""What lies in a folder, on this machine or at an address, in an order that no file system decides.

Hidden files, and what macOS adds to archives, are left out. Links are told as such and never followed, so nothing
outside the folder is read. Paths are relative to the folder, with forward slashes.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, Protocol
from urllib.parse import unquote

from artkit_shards.conversion.stores.url_files import file_system, insist
from artkit_shards.errors import ConvertError, DatasetError
from artkit_shards.format.addresses import Address, is_address, local_path, parse_address


class Entry(NamedTuple):
    """A file or folder."""

    name: str
    path: str
    """Below the root, as the file system writes it."""
    kind: Literal["file", "folder", "link", "other"]


class Tree(Protocol):
    """A folder and all that is in it."""

    root: Path | str
    name: str
    """Of the root, as it may be shown."""

    def entries(self, folder: str = "") -> list[Entry]:
        """What a folder below the root holds, sorted by name; nothing if there is no such folder.

        Raises:
            ConvertError: if it cannot be listed.
        """
        ...

    def place(self, path: str) -> Path | str:
        """Path or URL of a file below the root."""
        ...


def open_tree(root: Path | str) -> Tree:
    """The tree of a folder, or of an address such as s3://bucket/art.

    Raises:
        ConvertError: if it does not exist, is no folder, or cannot be listed.
    """
    if isinstance(root, Path) or not is_address(root):
        return LocalTree(Path(root))
    address = read_address(root)
    here = local_path(address)
    return UrlTree(root, address) if here is None else LocalTree(here)


def read_address(text: str) -> Address:
    """The address that a text is.

    Raises:
        ConvertError: if it is none that can be read.
    """
    try:
        return parse_address(text)
    except DatasetError as error:
        raise ConvertError(str(error)) from error


class LocalTree:
    """A folder of this machine, listed as it is asked for."""

    def __init__(self, root: Path) -> None:
        if not root.exists():
            raise ConvertError(f"{root} does not exist; give the folder that holds the images")
        if not root.is_dir():
            raise ConvertError(f"{root} is not a folder; give the folder that holds the images")
        self.root: Path | str = root
        self.name = str(root)

    def entries(self, folder: str = "") -> list[Entry]:
        """See `Tree.entries`."""
        where = os.path.join(self.root, folder)
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(where) as found:
                entries = [Entry(one.name, prefix + one.name, _kind(one)) for one in found if _is_visible(one.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConvertError(f"{where} cannot be read: {error.strerror}; check the rights of the folder") from error
        return sorted(entries)

    def place(self, path: str) -> Path:
        """See `Tree.place`."""
        return Path(self.root, path)


class UrlTree:
    """A folder at an address, listed as a whole: stores of objects know files only."""

    def __init__(self, root: str, address: Address) -> None:
        self.root: Path | str = root
        self.name = str(address)
        self._address = address
        self._folders: defaultdict[str, dict[str, Entry]] = defaultdict(dict)
        self._quoted: dict[str, str] = {}
        for path in self._find():
            self._add(path)

    def entries(self, folder: str = "") -> list[Entry]:
        """See `Tree.entries`."""
        return sorted(self._folders[folder].values()) if folder in self._folders else []

    def place(self, path: str) -> str:
        """See `Tree.place`."""
        return self._address.file(self._quoted.get(path, path))

    def _find(self) -> Iterator[str]:
        """Paths of all files."""
        try:
            system, start = file_system(self._address)
            found = insist(lambda: system.find(start), self._address)
        except OSError as error:
            reason = "not found" if isinstance(error, FileNotFoundError) else error
            raise ConvertError(
                f"{self.name} cannot be listed: {reason}; check the address and the rights to read it"
            ) from error
        paths = [str(path) for path in found if str(path).startswith(f"{start}/")]
        if not paths:
            raise ConvertError(f"there are no files at {self.name}; give the address of a folder that holds images")
        for path in paths:
            yield path[len(start) + 1 :]

    def _add(self, path: str) -> None:
        parts = path.split("/")
        if self._address.scheme in ("http", "https"):
            parts = list(map(_unquoted, parts))
            readable = "/".join(parts)
            if readable != path:
                self._quoted[readable] = path
        if not all(_is_visible(part) for part in parts):
            return
        for depth, name in enumerate(parts):
            below = "/".join(parts[: depth + 1])
            kind: Literal["file", "folder"] = "folder" if depth < len(parts) - 1 else "file"
            self._folders["/".join(parts[:depth])].setdefault(name, Entry(name, below, kind))


def _unquoted(part: str) -> str:
    """A part of a web address as a person would write it; as it is, if it would no longer be one part."""
    text = unquote(part)
    return part if "/" in text or "\0" in text else text


def _is_visible(name: str) -> bool:
    return bool(name) and not name.startswith(".") and name != "__MACOSX"


def _kind(entry: "os.DirEntry[str]") -> Literal["file", "folder", "link", "other"]:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"
