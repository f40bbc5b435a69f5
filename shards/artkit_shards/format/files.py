"""Files that are either whole or not there, and reading files of others with care."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from artkit_shards.errors import ImageError

MAX_IMAGE_BYTES: Final = 1 << 29
"""Image files above half a gigabyte are refused."""


def read_image_file(path: Path) -> bytes:
    """Read a regular file of at most `MAX_IMAGE_BYTES`.

    Raises:
        ImageError: if it is missing, no regular file, too large, or cannot be read.
    """
    with _image_file(path) as (file, _size):
        return file.readall()


def read_file_head(path: Path, most_bytes: int) -> tuple[bytes, int]:
    """Read up to `most_bytes` bytes from the beginning of a file; errors as in `read_image_file`.

    Returns:
        The bytes, and the size of the whole file.
    """
    with _image_file(path) as (file, size):
        return file.read(most_bytes), size


def read_image_into(path: Path, buffer: memoryview) -> None:
    """Read a regular file of a known size; errors as in `read_image_file`, and "another size".

    Args:
        path: The file.
        buffer: As large as the file.
    """
    with _image_file(path) as (file, size):
        if size != len(buffer):
            raise ImageError("another size")
        while buffer:
            count = file.readinto(buffer)
            if not count:
                raise ImageError("another size")
            buffer = buffer[count:]


@contextmanager
def _image_file(path: Path) -> Iterator[tuple[FileIO, int]]:
    """A file that is open for reading, and its size."""
    try:
        with FileIO(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ImageError("not a regular file")
            if status.st_size > MAX_IMAGE_BYTES:
                raise ImageError(f"file too large: {status.st_size >> 20} MiB")
            yield file, status.st_size
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from error


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a named pipe must not make us wait for whoever writes into it."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_file_part(path: Path | str, offset: int, size: int) -> bytes:
    """Read an image that lies within a larger regular file.

    Raises:
        ImageError: if the file is missing, does not hold the whole part, or cannot be read.
    """
    if size > MAX_IMAGE_BYTES:
        raise ImageError(f"file too large: {size >> 20} MiB")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from error
    if len(data) != size:
        raise ImageError("truncated")
    return data


@contextmanager
def whole_file(path: Path, temporary_folder: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Write a file under a temporary name; at the end it takes its name in one step.

    If the body raises, nothing is left behind. The folder is not synced: see `sync_folder`.

    Args:
        path: The file's final name; a file that has it is replaced.
        temporary_folder: On the same file system, existing.
        sync: Whether the file is on the disk before it takes its name. Otherwise it may be cut off or empty after a
            crash of the machine, unless `sync_file` is called for it.
    """
    temporary = temporary_folder / f"{path.name}.{secrets.token_hex(4)}.part"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def sync_file(path: Path) -> None:
    """Make what was written to a file, by whatever process of this machine, last through a crash of the machine."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names of a folder's files last through a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
