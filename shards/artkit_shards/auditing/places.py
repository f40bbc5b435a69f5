"""Where the files of a verification are: in the folder of the data set, or at an address from which they are fetched.

Of an address, manifest, index and sidecars are fetched first, and each shard when its turn comes; it goes when it was
checked, so that few are on this machine at a time. Nothing comes from the cache of `open_dataset`: what is at the
address now is what is judged.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from artkit_shards.auditing.faults import COPY_AGAIN, Fault, fault_of
from artkit_shards.auditing.sidecars import MAX_BYTES as MAX_SIDECAR_BYTES
from artkit_shards.errors import DatasetError
from artkit_shards.format.addresses import Address, is_address, local_path, parse_address
from artkit_shards.format.interest import threads_while_wanted
from artkit_shards.format.manifest import Manifest, ShardEntry
from artkit_shards.format.remote import RemoteFolder
from artkit_shards.format.remote_dataset import IndexFile, fetch_manifest, index_files, manifest_path
from artkit_shards.format.sidecars import sidecar_names
from artkit_shards.format.transfer import MissingFileError

_THREADS: Final = 8


class Place(Protocol):
    """The files of a data set. Thread-safe."""

    folder: Path
    """Where they are when they are looked at."""
    shown: Path | str
    """The data set as users know it."""

    def fetch_small(self, manifest: Manifest) -> list[Fault]:
        """Have index and sidecars there, as far as there are any; returns what kept one from coming."""
        ...

    def fetch_shard(self, shard: ShardEntry) -> Fault | None:
        """Have a shard there if there is one; returns what kept it from coming.

        Raises:
            DatasetError: if there is no room for it.
        """
        ...

    def let_go(self, shard: str) -> None:
        """Say that a shard was checked."""
        ...


@contextmanager
def open_place(location: Path | str) -> Iterator[Place]:
    """The files of a data set, until the end of the block.

    Raises:
        DatasetError: if a location is an address that holds no data set, or cannot be read.
    """
    address = parse_address(location) if isinstance(location, str) and is_address(location) else None
    path = Path(location) if address is None else local_path(address)
    if path is not None:
        yield _LocalPlace(path)
    elif address is not None:
        with tempfile.TemporaryDirectory(prefix="artkit-") as folder:
            yield _RemotePlace(address, Path(folder))


class _LocalPlace:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown: Path | str = folder

    def fetch_small(self, manifest: Manifest) -> list[Fault]:  # noqa: ARG002 it is there
        return []

    def fetch_shard(self, shard: ShardEntry) -> None:
        """It is there."""

    def let_go(self, shard: str) -> None:
        """It stays."""


class _RemotePlace:
    def __init__(self, address: Address, folder: Path) -> None:
        self.folder = folder
        self.shown: Path | str = str(address)
        self._remote = RemoteFolder(address)
        path = manifest_path(folder)
        path.parent.mkdir()
        path.write_bytes(fetch_manifest(self._remote))

    def fetch_small(self, manifest: Manifest) -> list[Fault]:
        files = [*index_files(manifest), *(IndexFile(name, MAX_SIDECAR_BYTES) for name in sidecar_names(manifest))]
        with threads_while_wanted(_THREADS, "artkit-fetch") as pool:
            return [fault for fault in pool.map(self._fetch_file, files) if fault is not None]

    def _fetch_file(self, file: IndexFile) -> Fault | None:
        path = self.folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as part:
                for piece in self._remote.stream(file.path, most=file.most):
                    part.write(piece)
        except MissingFileError:
            path.unlink()
        except DatasetError as error:
            return fault_of(file.path, error, COPY_AGAIN)
        return None

    def fetch_shard(self, shard: ShardEntry) -> Fault | None:
        try:
            size = self._remote.size(shard.name)
            if size != shard.bytes:
                return Fault(shard.name, None, f"has {size} bytes, the manifest says {shard.bytes}", COPY_AGAIN)
            self._check_room(shard)
            with (self.folder / shard.name).open("wb") as file:
                for piece in self._remote.stream(shard.name, end=size):
                    file.write(piece)
        except MissingFileError:
            return None
        except NoRoomError:
            raise
        except DatasetError as error:
            return fault_of(shard.name, error, COPY_AGAIN)
        return None

    def _check_room(self, shard: ShardEntry) -> None:
        free = shutil.disk_usage(self.folder).free
        if shard.bytes > free:
            raise NoRoomError(
                f"{shard.name} of {self.shown} has {shard.bytes} bytes, and the disk has room for {free} in "
                f"{self.folder}, where shards are while they are checked; set TMPDIR to a folder with more room"
            )

    def let_go(self, shard: str) -> None:
        (self.folder / shard).unlink(missing_ok=True)


class NoRoomError(DatasetError):
    """A shard that does not fit on the disk."""
