"""Claims: how one conversion at a time writes to a store that knows no locks.

Whoever writes keeps a file there with a random id and a number that grows: a sign of life. Whoever comes and finds such
a file watches it; if the number stands still for three beats, or the process was one of this machine and is gone, the
claim is dead and is taken over. Two who come at the same moment both write theirs, wait, and look whose is left; the
other one gives up. A conversion that was taken for dead, because it or its network stood still, finds another id in the
file at its next beat, and stops before it declares anything complete. If it stood still between looking and writing,
it may have written over the id of the one that took over: then both stop, since neither finds its own or trusts it.
"""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from artkit_shards.conversion.stores.store import Store
from artkit_shards.errors import ConvertError
from artkit_shards.format.manifest import FOLDER

CLAIM: Final = f"{FOLDER}/claim.json"
_BEATS_UNTIL_DEAD: Final = 3
_LOOKS_PER_BEAT: Final = 4


class Claim:
    """A claim of this process; see `hold_claim`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._id = secrets.token_hex(8)
        self._beats = 0
        # Times of this process's clock: when the claim was known to be ours before it was written last, and before it
        # was written without learning that it arrived.
        self._last_beat = 0.0
        self._unsure_since: float | None = None
        self._lost = threading.Event()

    def check(self) -> None:
        """Raise ConvertError if someone else has taken over."""
        if self._lost.is_set() or not self._is_ours():
            raise ConvertError(
                f"another conversion has begun to write to {self._store.location}; wait until it is done"
            )

    def begin(self) -> None:
        """Give the first sign of life."""
        self._write()
        self._last_beat = time.monotonic()

    def beat(self, beat_s: float) -> None:
        """Give another sign of life, unless someone else has taken over, or may have."""
        looked = time.monotonic()
        if not self._is_ours():
            self._lost.set()
            return
        if self._unsure_since is None:
            self._unsure_since = looked
        self._write()
        now = time.monotonic()
        # Whoever takes over looks at the claim this long after writing it, and gives up if it is no longer theirs.
        may_be_unseen = now - self._unsure_since >= beat_s / _LOOKS_PER_BEAT
        if may_be_unseen and now - self._last_beat >= _BEATS_UNTIL_DEAD * beat_s:
            self._lost.set()
        self._last_beat, self._unsure_since = looked, None

    def _write(self) -> None:
        self._beats += 1
        content = {"id": self._id, "beat": self._beats, "machine": _machine(), "process": os.getpid()}
        self._store.write(CLAIM, json.dumps(content).encode())

    def keep_beating(self, stop: threading.Event, beat_s: float) -> None:
        """Give signs of life until told to stop, or until someone else has taken over."""
        while not stop.wait(beat_s) and not self._lost.is_set():
            # A store that does not answer for a while may answer at the next beat; `check` tells if it was too late.
            with suppress(OSError):
                self.beat(beat_s)

    def release(self) -> None:
        """Take the claim back."""
        if self._is_ours():
            self._store.remove(CLAIM)

    def _is_ours(self) -> bool:
        return _read(self._store).get("id") == self._id


@contextmanager
def hold_claim(store: Store, beat_s: float) -> Iterator[Claim]:
    """Claim a store for the block.

    Args:
        store: Where the claim is written.
        beat_s: Seconds between signs of life; the same for all who may write there.

    Raises:
        ConvertError: if another conversion is writing there.
    """
    _watch_others(store, beat_s)
    claim = Claim(store)
    claim.begin()
    stop = threading.Event()
    beating = threading.Thread(target=claim.keep_beating, args=(stop, beat_s), daemon=True)
    try:
        time.sleep(beat_s / _LOOKS_PER_BEAT)
        claim.check()
        beating.start()
        yield claim
    finally:
        stop.set()
        if beating.ident is not None:
            beating.join()
        claim.release()


def _watch_others(store: Store, beat_s: float) -> None:
    """Return when nobody writes, or nobody who is alive."""
    first = _read(store)
    for _ in range(_BEATS_UNTIL_DEAD * _LOOKS_PER_BEAT):
        if not first or _is_gone(first):
            return
        time.sleep(beat_s / _LOOKS_PER_BEAT)
        now = _read(store)
        if now and now != first:
            raise ConvertError(f"another conversion is writing to {store.location}; wait until it is done")
        first = now


def _read(store: Store) -> dict[str, Any]:
    """The claim that stands; empty if there is none that can be read."""
    try:
        content = json.loads(store.read(CLAIM) or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _is_gone(claim: dict[str, Any]) -> bool:
    """Whether a claim is that of a process of this machine that has ended."""
    process = claim.get("process")
    if claim.get("machine") != _machine() or not isinstance(process, int) or process < 1:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, and is someone else's
        pass
    return False


def _machine() -> str:
    """This machine since it was started, as its processes see it: containers are machines of their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        # Nobody else can be told to be on this machine then, and is watched instead.
        return secrets.token_hex(8)
