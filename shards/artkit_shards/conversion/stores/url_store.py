"""A data set at an address, such as "s3://bucket/folder": what fsspec reaches and objects can be put to.

Objects are whole or not there, and last once they were put, so nothing needs a temporary name. Shards are built in a
temporary file of this machine. Such stores know no locks: see `claim`.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

from artkit_shards.conversion.stores.claim import Claim, hold_claim
from artkit_shards.conversion.stores.store import MAX_BYTES_OF_A_NOTE
from artkit_shards.conversion.stores.url_files import file_system, insist
from artkit_shards.errors import ConvertError
from artkit_shards.format.addresses import Address
from artkit_shards.format.patience import DEFAULT_PATIENCE, Patience

Result = TypeVar("Result")

_WRITABLE: Final = ("s3", "gs", "gcs", "az", "abfs", "memory")
_READ_BYTES: Final = 1 << 22

BEAT_S = 10.0
"""Beginning to write takes a quarter of it: so long is waited for others who begin at the same moment."""


def check_writable(address: Address) -> None:
    """Raise ConvertError if nothing can be written to such an address."""
    if address.scheme not in _WRITABLE:
        schemes = ", ".join(f"{scheme}://" for scheme in _WRITABLE if scheme != "memory")
        raise ConvertError(
            f"nothing can be written to {address}; give a folder, or an address that begins with {schemes}"
        )


@dataclass(frozen=True, slots=True)
class UrlStore:
    """See `Store`."""

    address: Address
    beat_s: float = field(default_factory=lambda: BEAT_S)
    """Seconds between the signs of life of a conversion; who gives none for three times as long is taken for dead."""
    patience: Patience = DEFAULT_PATIENCE

    @property
    def location(self) -> str:
        """See `Store.location`."""
        return str(self.address)

    def shown(self, name: str) -> str:
        """See `Store.shown`."""
        return self.address.shown(name)

    def hold(self) -> AbstractContextManager[Claim]:
        """See `Store.hold`."""
        return hold_claim(self, self.beat_s)

    def size(self, name: str) -> int | None:
        """See `Store.size`."""
        try:
            return int(self._do(lambda system, path: system.info(path), name)["size"])
        except FileNotFoundError:
            return None

    def read(self, name: str) -> bytes | None:
        """See `Store.read`."""
        size = self.size(name)
        if size is None or size > MAX_BYTES_OF_A_NOTE:
            return None
        with suppress(FileNotFoundError):  # removed since
            return bytes(self._do(lambda system, path: system.cat_file(path, 0, MAX_BYTES_OF_A_NOTE), name))
        return None

    def names(self, folder: str) -> list[str]:
        """See `Store.names`."""
        try:
            found = self._do(lambda system, path: system.ls(path, detail=True), folder)
        except FileNotFoundError:
            return []
        return sorted(entry["name"].rstrip("/").rpartition("/")[2] for entry in found if entry["type"] == "file")

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:  # noqa: ARG002 always is
        """See `Store.write`."""
        self._do(lambda system, path: system.pipe_file(path, data), name)

    @contextmanager
    def new_file(self, name: str) -> Iterator[BinaryIO]:
        """See `Store.new_file`."""
        with tempfile.NamedTemporaryFile(prefix="artkit-", suffix=".part") as file:
            yield cast(BinaryIO, file)
            file.flush()
            self._put(Path(file.name), name)

    @contextmanager
    def new_folder(self, name: str) -> Iterator[Path]:
        """See `Store.new_folder`."""
        with tempfile.TemporaryDirectory(prefix="artkit-") as folder:
            yield Path(folder)
            self.remove_folder(name)
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    self._put(path, f"{name}/{path.relative_to(folder).as_posix()}")

    def settle(self, name: str) -> None:
        """See `Store.settle`: what was put lasts."""

    def settle_names(self, folder: str) -> None:
        """See `Store.settle_names`."""

    def mark(self, name: str) -> str | None:
        """See `Store.mark`."""
        try:
            return str(self._do(lambda system, path: system.ukey(path), name))
        except FileNotFoundError:
            return None

    def has(self, name: str, num_bytes: int, sha256: str, mark: str | None) -> bool:
        """See `Store.has`."""
        if self.size(name) != num_bytes:
            return False
        if mark is not None and self.mark(name) == mark:
            return True
        return bool(self._do(_sha256, name) == sha256)

    def remove(self, name: str) -> None:
        """See `Store.remove`."""
        with suppress(FileNotFoundError):
            self._do(lambda system, path: system.rm_file(path), name)

    def remove_folder(self, name: str) -> None:
        """See `Store.remove_folder`."""
        with suppress(FileNotFoundError):
            self._do(lambda system, path: system.rm(path, recursive=True), name)

    def free_bytes(self) -> None:
        """See `Store.free_bytes`."""

    def _put(self, path: Path, name: str) -> None:
        self._do(lambda system, remote: system.put_file(str(path), remote), name)
        size, there = path.stat().st_size, self.size(name)
        if there != size:
            raise OSError(f"{self.shown(name)} has {there} bytes after {size} were put there")

    def _do(self, action: Callable[[Any, str], Result], name: str) -> Result:
        """Do something with the file system and the path of a file in it."""
        system, root = file_system(self.address)
        path = f"{root}/{name}"

        def attempt() -> Result:
            # Listings are kept by many file systems, and would hide what others did meanwhile.
            system.invalidate_cache()
            return action(system, path)

        return insist(attempt, self.address, self.patience)


def _sha256(system: Any, path: str) -> str:
    digest = hashlib.sha256()
    with system.open(path, "rb") as file:
        while data := file.read(_READ_BYTES):
            digest.update(data)
    return digest.hexdigest()
