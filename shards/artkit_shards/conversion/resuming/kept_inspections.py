"""What was found in images, kept so that a conversion that was killed need not decode them again.

An inspection is used again for the same file with the same size and time of writing, if the same versions of what
decodes would make it. Reasons why files cannot be used are not kept: such files are few, and may have been mended.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final

from artkit_shards.conversion.inspection import Inspection
from artkit_shards.conversion.resuming.journal import Journal
from artkit_shards.conversion.resuming.plain import from_plain, to_plain

_FOLDER: Final = "inspections"
_MOST_PER_ENTRY: Final = 256
_LONGEST_DELAY_S: Final = 1.0
_SHARE_OF_TIME: Final = 20
"""Writing entries takes at most one second of so many, however slow the store is."""

State = tuple[int, ...]
"""See `source_state`."""


class KeptInspections:
    """Inspections of this conversion and of one that was not finished.

    Args:
        journal: Where they are kept.
        verify: How images are inspected; see `Settings.verify`.
    """

    def __init__(self, journal: Journal, verify: str) -> None:
        self._journal = journal
        self._kind = _kind_of_inspection(verify)
        self._waiting: list[tuple[str, State, Inspection]] = []
        self._written_at = time.monotonic()
        self._written_in = 0.0

    def load(self, states: Mapping[str, State | None]) -> dict[str, Inspection]:
        """Inspections of files that are still what they were.

        Args:
            states: Of all files, as they are now.
        """
        loaded = {}
        for name in self._journal.names(_FOLDER):
            loaded.update(self._entry(self._journal.read(_FOLDER, name), states))
        return loaded

    def add(self, file: str, state: State | None, inspection: Inspection) -> None:
        """Keep an inspection; it is on the way to the journal, and there after a second or so."""
        if state is not None:
            self._waiting.append((file, state, inspection))
            elapsed = time.monotonic() - self._written_at
            many = len(self._waiting) >= _MOST_PER_ENTRY or elapsed >= _LONGEST_DELAY_S
            if many and elapsed >= _SHARE_OF_TIME * self._written_in:
                self._write()

    def forget(self) -> None:
        """Remove all: one of them was wrong."""
        self._journal.forget(_FOLDER)

    def _write(self) -> None:
        started = time.monotonic()
        entries = [[file, state, to_plain(inspection)] for file, state, inspection in self._waiting]
        self._journal.write(_FOLDER, f"{secrets.token_hex(8)}.json", {"kind": self._kind, "inspections": entries})
        self._waiting.clear()
        self._written_at = time.monotonic()
        self._written_in = self._written_at - started

    def _entry(self, content: Any, states: Mapping[str, State | None]) -> dict[str, Inspection]:
        """What an entry of the journal says of files that are still the same."""
        if not isinstance(content, dict) or content.get("kind") != self._kind:
            return {}
        try:
            return {
                file: from_plain(Inspection, plain)
                for file, state, plain in content["inspections"]
                if states.get(file) == tuple(state)
            }
        except (KeyError, TypeError, ValueError):  # not as we would have written it
            return {}


def _kind_of_inspection(verify: str) -> str:
    """What would have to be equal for an inspection to come out the same."""
    versions = [f"{name} {metadata.version(name)}" for name in ("artkit", "pillow", "simplejpeg", "numpy")]
    facts = (verify, versions, Inspection.__annotations__)
    return hashlib.sha256(repr(facts).encode()).hexdigest()
