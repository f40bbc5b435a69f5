"""Where tars lie and where their index goes: a folder of this machine, or an address from which they are fetched."""

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Protocol, Self

from artkit_shards.conversion.stores.opening import open_store
from artkit_shards.conversion.stores.store import Store
from artkit_shards.errors import ConvertError, DatasetError
from artkit_shards.format.addresses import Address, is_address, local_path, parse_address
from artkit_shards.format.interest import threads_while_wanted
from artkit_shards.format.manifest import FILE_NAME, FOLDER, Manifest
from artkit_shards.format.manifest_reader import MAX_BYTES as MAX_MANIFEST_BYTES
from artkit_shards.format.manifest_reader import parse_manifest, read_manifest
from artkit_shards.format.remote import RemoteFolder
from artkit_shards.format.transfer import MissingFileError
from artkit_shards.indexing.classes import CLASS_FILES
from artkit_shards.indexing.content import IndexContent
from artkit_shards.indexing.finding import Tar, choose_tars, list_folder
from artkit_shards.indexing.measuring import Reject
from artkit_shards.indexing.recording import REJECTS_FILE, check_writable, write_data_set
from artkit_shards.progress import Progress

MANIFEST: Final = f"{FOLDER}/{FILE_NAME}"
_MAX_CLASS_FILE: Final = 1 << 26
_PROBE: Final = f"{FOLDER}/tmp/probe"
"""Written to see whether that is allowed."""


class Place(Protocol):
    """A folder with tars."""

    folder: Path
    """Where tars are when they are looked at, and files with class names."""

    def tars(self, patterns: Mapping[str, Sequence[str]]) -> list[Tar]:
        """See `choose_tars`."""
        ...

    def has_index(self) -> bool:
        """Whether there is an index already where one would be written."""
        ...

    def is_converted(self) -> bool:
        """Whether that index was written by a conversion, and not made of tars that others wrote."""
        ...

    def check_writable(self) -> None:
        """Raise DatasetError if an index cannot be written, before the work of making one."""
        ...

    def batches(self, tars: Sequence[Tar], progress: Progress) -> Generator[tuple[list[Tar], Progress]]:
        """All tars, some at a time, and what to tell of work on them; they are there until the next are asked for."""
        ...

    def write(self, content: IndexContent, rejects: Sequence[Reject]) -> None:
        """Write the index; raises DatasetError."""
        ...

    def shown(self, name: str = "") -> str:
        """The folder, or a file of it, as users know it."""
        ...


@contextmanager
def open_place(location: Path | str, out: Path | None) -> Iterator[Place]:
    """A folder with tars, until the end of the block.

    Args:
        location: Path or address.
        out: Folder of this machine to write the index to; by default it goes beside the tars.

    Raises:
        DatasetError: if it cannot be read, or nothing can be written there.
    """
    address = parse_address(location) if isinstance(location, str) and is_address(location) else None
    path = Path(location) if address is None else local_path(address)
    if path is not None:
        yield _LocalPlace(path, path if out is None else out)
    elif address is not None:
        with _RemotePlace(address, out) as place:
            yield place


class _LocalPlace:
    def __init__(self, folder: Path, out: Path) -> None:
        self.folder = folder
        self._out = out

    def tars(self, patterns: Mapping[str, Sequence[str]]) -> list[Tar]:
        return choose_tars(list_folder(self.folder), patterns, folder=self.folder, shown=self.shown())

    def has_index(self) -> bool:
        return (self._out / MANIFEST).exists()

    def is_converted(self) -> bool:
        return _is_converted(lambda: read_manifest(self._out))

    def check_writable(self) -> None:
        check_writable(self._out)

    def batches(self, tars: Sequence[Tar], progress: Progress) -> Generator[tuple[list[Tar], Progress]]:
        yield list(tars), progress

    def write(self, content: IndexContent, rejects: Sequence[Reject]) -> None:
        write_data_set(self._out, content, rejects)

    def shown(self, name: str = "") -> str:
        return str(self.folder / name)


class _RemotePlace:
    """Tars at an address. Each is fetched whole, for all of its bytes are needed; at most two are kept at a time."""

    def __init__(self, address: Address, out: Path | None) -> None:
        self._address = address
        self._remote = RemoteFolder(address)
        self._out = out
        self._store = self._writable() if out is None else None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="artkit-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tars(self, patterns: Mapping[str, Sequence[str]]) -> list[Tar]:
        names = self._remote.names()
        for name in set(names).intersection(CLASS_FILES):
            (self.folder / name).write_bytes(self._remote.read(name, most=_MAX_CLASS_FILE))
        return choose_tars(names, patterns, folder=self.folder, shown=self.shown())

    def has_index(self) -> bool:
        if self._out is not None:
            return (self._out / MANIFEST).exists()
        try:
            return self._remote.size(MANIFEST) >= 0
        except MissingFileError:
            return False

    def is_converted(self) -> bool:
        if self._out is not None:
            out = self._out
            return _is_converted(lambda: read_manifest(out))
        return _is_converted(
            lambda: parse_manifest(self._remote.read(MANIFEST, most=MAX_MANIFEST_BYTES), self.shown(MANIFEST))
        )

    def check_writable(self) -> None:
        if self._out is not None:
            check_writable(self._out)
        elif self._store is not None:
            with self._upload_errors():
                self._store.write(_PROBE, b"")
                self._store.remove(_PROBE)

    def batches(self, tars: Sequence[Tar], progress: Progress) -> Generator[tuple[list[Tar], Progress]]:
        progress("tars", 0, len(tars))
        with threads_while_wanted(1, "artkit-fetch") as pool:
            coming: Future[None] | None = pool.submit(self._fetch, tars[0].path)
            for number, tar in enumerate(tars):
                if coming is not None:
                    coming.result()
                coming = pool.submit(self._fetch, tars[number + 1].path) if number + 1 < len(tars) else None
                yield [tar], _nothing
                tar.path.unlink()
                progress("tars", number + 1, len(tars))

    def write(self, content: IndexContent, rejects: Sequence[Reject]) -> None:
        if self._out is not None:
            self._out.mkdir(parents=True, exist_ok=True)
            write_data_set(self._out, content, rejects)
        elif self._store is not None:
            built = self.folder / "built"
            built.mkdir()
            write_data_set(built, content, rejects)
            with self._upload_errors():
                self._upload(built / FOLDER, self._store)

    def shown(self, name: str = "") -> str:
        return self._address.shown(name) if name else str(self._address)

    def _writable(self) -> Store:
        try:
            return open_store(self._address.folder)
        except ConvertError:
            raise DatasetError(
                f"nothing can be written to {self._address}; have the index written to a folder with --out FOLDER, and "
                "upload the .artkit folder in it beside the tars"
            ) from None

    @contextmanager
    def _upload_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            shown = self._address.scrub(str(error))
            raise DatasetError(
                f"cannot write the index to {self.shown()}: {shown}; check what is allowed there"
            ) from None

    def _fetch(self, path: Path) -> None:
        num_bytes = self._remote.size(path.name)
        free = shutil.disk_usage(self.folder).free
        if num_bytes > free:
            raise DatasetError(
                f"{self.shown(path.name)} has {num_bytes} bytes, and the disk has room for {free} in {self.folder}, "
                "where tars are while they are looked at; set TMPDIR to a folder with more room"
            )
        try:
            with path.open("wb") as file:
                for piece in self._remote.stream(path.name, end=num_bytes):
                    file.write(piece)
        except OSError as error:
            raise DatasetError(
                f"{self.shown(path.name)} cannot be kept in {self.folder} while it is looked at: {error.strerror}; set "
                "TMPDIR to a folder with more room"
            ) from error

    @staticmethod
    def _upload(built: Path, store: Store) -> None:
        """Put the files of an index in their place, the manifest last."""
        store.remove(MANIFEST)
        store.remove_folder(f"{FOLDER}/index")
        for path in sorted((built / "index").rglob("*.*")):
            store.write(f"{FOLDER}/{path.relative_to(built).as_posix()}", path.read_bytes())
        store.write(f"{FOLDER}/{REJECTS_FILE}", (built / REJECTS_FILE).read_bytes())
        store.write(MANIFEST, (built / FILE_NAME).read_bytes())


def _is_converted(read: Callable[[], Manifest]) -> bool:
    """Whether a manifest is that of a conversion; one that cannot be read is not worth keeping."""
    try:
        return not read().is_indexed
    except DatasetError:
        return False


def _nothing(_phase: str, _done: int, _total: int) -> None:
    pass
