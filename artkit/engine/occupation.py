"""One process at a time in a run folder: a lock that ends with its process, so that a killed run leaves none behind."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from artkit.engine.folder import RunFolder
from artkit.errors import RunError
from artkit_shards.errors import is_disk_full
from artkit_shards.format.locks import LockedError, hold_lock, read_lock

LOCK: Final = ".lock"


@contextmanager
def occupy(folder: RunFolder, warn: Callable[[str], None]) -> Iterator[None]:
    """Keep other processes out of a run folder for the block; of several ranks, the one that writes does so.

    Args:
        folder: An existing one.
        warn: Shows one line to the user.

    Raises:
        RunError: if another process is in it, saying which on which machine; if it cannot be written to.
        OSError: if the disk is full.
    """
    if not folder.writes:
        yield
        return
    mine = json.dumps({"process": os.getpid(), "machine": socket.gethostname()}).encode()
    with ExitStack() as stack:
        try:
            keeps_out = stack.enter_context(hold_lock(folder.path / LOCK, mine))
        except LockedError as error:
            raise RunError(
                f"{folder.path} is being carried out by {_who(error.note)}; wait until that ends, or stop it with "
                "Ctrl-C and go on then"
            ) from None
        except OSError as error:
            if is_disk_full(error):
                raise
            raise RunError(f"{folder.path} cannot be written to ({error.strerror}); allow it, and go on then") from None
        if not keeps_out:
            warn(f"the file system of {folder.path} knows no locks: go on with this run in one process at a time")
        yield


def occupant(folder: RunFolder) -> str | None:
    """The process that carries out a run at the moment, for people; None if none does."""
    note = read_lock(folder.path / LOCK)
    return None if note is None else _who(note)


def _who(note: bytes) -> str:
    try:
        told = json.loads(note)
        return f"process {told['process']} on {told['machine']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
