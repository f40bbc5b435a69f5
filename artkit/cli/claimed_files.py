"""Files that a command will write: claimed before any work is done, and never written over."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


def check_free(path: Path, option: str) -> None:
    """Raise RunError unless a new file can be written at a path; its folder is made if it is missing.

    Args:
        path: Where.
        option: What named it on the command line.
    """
    from artkit.errors import RunError

    if path.exists():
        raise RunError(f"{path} is there already; name another {option}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}); name another {option}") from None
    if not os.access(path.parent, os.W_OK):
        raise RunError(f"{path} cannot be written (no right to write to the folder); name another {option}")


@contextmanager
def claimed_file(path: Path, option: str) -> Iterator[TextIO]:
    """A new text file, open for writing in UTF-8.

    What has been written stays, whatever ends the block; a file that is still empty goes, so that the same command can
    be given again.

    Args:
        path: Where; the folder is made if it is missing.
        option: What named it on the command line.

    Raises:
        RunError: see `check_free`.
    """
    check_free(path, option)
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        if path.exists() and not path.stat().st_size:
            path.unlink()
        raise
