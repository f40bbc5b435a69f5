"""Files that are either whole or not there, and reading files of others with care."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    try:
        # A named pipe must not make us wait for whoever writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ImageError("not a regular file")
            if status.st_size > MAX_IMAGE_BYTES:
                raise ImageError(f"file too large: {status.st_size >> 20} MiB")
            return file.readall()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from error


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
def whole_file(path: Path, temporary_folder: Path) -> Iterator[BinaryIO]:
    """Write a file under a temporary name; at the end it is on the disk and takes its name in one step.

    If the body raises, nothing is left behind. The folder is not synced: see `sync_folder`.

    Args:
        path: The file's final name; a file that has it is replaced.
        temporary_folder: On the same file system, existing.
    """
    temporary = temporary_folder / f"{path.name}.part"
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Make the names of a folder's files last through a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
