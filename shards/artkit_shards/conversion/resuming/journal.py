"""The journal of a conversion: what was done so far, kept where the data set will be, so that it is not done twice.

Entries are small files of JSON with a checksum, below `.artkit/journal/`. They are written without care for crashes of
the machine: one that was cut off does not fit its checksum, and counts as never written. Nothing in the journal is
trusted more than that: see `kept_inspections` and `kept_shards` for what is checked before an entry is used.
"""

import json
import zlib
from collections.abc import Sequence
from typing import Any, Final

from artkit_shards.conversion.stores.store import Store
from artkit_shards.format.manifest import FOLDER

_JOURNAL: Final = f"{FOLDER}/journal"


class Journal:
    """The entries of a journal, by folder and name."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self, folder: str) -> Sequence[str]:
        """Names of the entries of a folder, sorted."""
        return self._store.names(f"{_JOURNAL}/{folder}")

    def write(self, folder: str, name: str, content: Any) -> None:
        """Write an entry that JSON can hold."""
        text = json.dumps(content, separators=(",", ":")).encode()
        self._store.write(f"{_JOURNAL}/{folder}/{name}", b"%08x\n%s" % (zlib.crc32(text), text), durable=False)

    def read(self, folder: str, name: str) -> Any:
        """What an entry holds; None if it is not there, or not whole."""
        data = self._store.read(f"{_JOURNAL}/{folder}/{name}")
        if data is None:
            return None
        checksum, _, text = data.partition(b"\n")
        if checksum != b"%08x" % zlib.crc32(text):
            return None
        return json.loads(text)

    def forget(self, folder: str) -> None:
        """Remove the entries of a folder."""
        self._store.remove_folder(f"{_JOURNAL}/{folder}")

    def clear(self) -> None:
        """Remove the journal."""
        self._store.remove_folder(_JOURNAL)
