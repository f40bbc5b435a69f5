"""Reading the bytes of an image, wherever its record says that they are."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from artkit_shards.conversion.records import FilePart, ImageSource
from artkit_shards.conversion.stores.url_files import file_system, insist
from artkit_shards.errors import DatasetError, ImageError
from artkit_shards.format.addresses import Address, is_address, parse_address
from artkit_shards.format.files import MAX_IMAGE_BYTES, read_file_head, read_file_part, read_image_file
from artkit_shards.format.interest import threads_while_wanted
from artkit_shards.format.patience import DEFAULT_PATIENCE
from artkit_shards.format.remote import RemoteFolder
from artkit_shards.format.transfer import ShortFileError

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREADS_FOR_FAR: Final = 16
"""Files from far away come one after the other only as fast as the way there is short."""


def read_image(source: ImageSource) -> bytes:
    """Read an image of at most `MAX_IMAGE_BYTES`.

    Raises:
        ImageError: if it is missing, too large, or cannot be read.
    """
    if isinstance(source, Path):
        return read_image_file(source)
    if isinstance(source, bytes):
        return source
    if isinstance(source, FilePart):
        return _read_part(source, source.size)
    data, _ = _read_address(source, MAX_IMAGE_BYTES + 1)
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageError(f"file too large: more than {MAX_IMAGE_BYTES >> 20} MiB")
    return data


def read_head(source: ImageSource, most_bytes: int) -> tuple[bytes, int]:
    """Read the first bytes of an image.

    Returns:
        Up to `most_bytes` bytes, and the size of the whole image.

    Raises:
        ImageError: as `read_image`.
    """
    if isinstance(source, Path):
        return read_file_head(source, most_bytes)
    if isinstance(source, bytes):
        return source[:most_bytes], len(source)
    if isinstance(source, FilePart):
        return _read_part(source, min(source.size, most_bytes)), source.size
    head, size = _read_address(source, most_bytes)
    if size is None:
        data = read_image(source)
        return data[:most_bytes], len(data)
    return head, size


def is_far(source: ImageSource) -> bool:
    """Whether an image comes from another machine."""
    where = source.path if isinstance(source, FilePart) else source
    return isinstance(where, str) and is_address(where)


def source_state(source: ImageSource) -> tuple[int, ...] | None:
    """What changes when a file changes: its size and the time it was written, in nanoseconds.

    Returns:
        None for an image in memory, and for a file that cannot be looked at. Of a file at an address nothing is known
        without asking for each: it counts as never changed, and if it has changed, that shows when it is written.
    """
    if isinstance(source, bytes):
        return None
    part = (source.offset, source.size) if isinstance(source, FilePart) else ()
    if is_far(source):
        return part
    try:
        status = os.stat(source.path if isinstance(source, FilePart) else source)
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns, *part)


def threads_to_read(sources: Iterable[ImageSource], *, near: int = 0) -> int:
    """How many threads read images best: many if any comes from another machine, else `near`."""
    return _THREADS_FOR_FAR if any(map(is_far, sources)) else near


def read_ahead(read: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Callable[[], Result]]:
    """Read items ahead of their turn, in threads; with none, each when it is asked for.

    Yields:
        For each item, in order, a function that returns what `read` did, or raises its error.
    """
    if not threads:
        for item in items:
            yield partial(read, item)
        return
    with threads_while_wanted(threads, "read") as pool:
        under_way: deque[Future[Result]] = deque()
        for item in items:
            under_way.append(pool.submit(read, item))
            if len(under_way) > threads:
                yield under_way.popleft().result
        while under_way:
            yield under_way.popleft().result


def _read_part(part: FilePart, size: int) -> bytes:
    if not isinstance(part.path, str) or not is_address(part.path):
        return read_file_part(part.path, part.offset, size)
    if size > MAX_IMAGE_BYTES:
        raise ImageError(f"file too large: {size >> 20} MiB")
    try:
        folder, name = parse_address(part.path).split()
        return RemoteFolder(folder, DEFAULT_PATIENCE).read_at(name, part.offset, size)
    except ShortFileError as error:
        raise ImageError("truncated") from error
    except DatasetError as error:
        raise ImageError(f"cannot be read: {error}") from error


def _read_address(url: str, most_bytes: int) -> tuple[bytes, int | None]:
    """Up to `most_bytes` bytes of a file, and its size if that is known."""

    def read(system: Any, path: str, address: Address) -> tuple[bytes, int | None]:
        # Web servers are read in order: one that knows no ranges would else send the whole file for each.
        options = {"block_size": 0} if address.scheme in ("http", "https") else {}
        with system.open(path, "rb", **options) as file:
            return _read_up_to(file, most_bytes), getattr(file, "size", None)

    return _ask(url, read)


def _read_up_to(file: IO[bytes], most_bytes: int) -> bytes:
    """The first bytes of a file that may hand over less than is asked for, namely what has come so far."""
    pieces: list[bytes] = []
    left = most_bytes
    while left > 0 and (piece := file.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _ask(url: str, request: Callable[[Any, str, Address], Result]) -> Result:
    try:
        address = parse_address(url)
    except DatasetError as error:
        raise ImageError(f"cannot be read: {error}") from error
    try:
        system, path = file_system(address)
        return insist(lambda: request(system, path, address), address)
    except FileNotFoundError as error:
        raise ImageError("cannot be read: not found") from error
    except OSError as error:
        raise ImageError(f"cannot be read: {error}") from error
