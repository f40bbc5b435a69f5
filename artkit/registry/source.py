"""The source of a plugin: a digest that changes when any file of it does."""

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from artkit.registry.failure import outermost_package

_MOST_FILES: Final = 5000
_MOST_BYTES: Final = 64 * 2**20
"""Of source; what is beyond is no source that anybody wrote, and a run must not wait for it."""


def source_digest(file: Path) -> str | None:
    """SHA-256 of a file of Python, or, if it belongs to a package, of all that the outermost one has.

    Args:
        file: Such as the one of the module that registers components.

    Returns:
        Of a file alone, that of its bytes. Of a package, that of the names and bytes of its files, sorted; those behind
        the first 5,000 files or 64 MiB are left out. None if the file is not there.
    """
    if not file.is_file():
        return None
    package = outermost_package(file)
    if package == file:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    digest, left = hashlib.sha256(), _MOST_BYTES
    for path in islice(_sources(package), _MOST_FILES):
        source = path.read_bytes()[:left]
        left -= len(source)
        digest.update(f"{path.relative_to(package).as_posix()}\0{len(source)}\0".encode() + source)
    return digest.hexdigest()


def _sources(package: Path) -> Iterator[Path]:
    """The Python files of a package and of those in it, in the same order wherever they are."""
    for place, folders, files in os.walk(package):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        # Editors keep links that lead nowhere beside the files that they have open; their names begin with a dot.
        yield from (Path(place, name) for name in sorted(files) if name.endswith(".py") and not name.startswith("."))
