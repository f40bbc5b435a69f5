"""Where a conversion writes to: what may be replaced there, and in which order.

At every moment a data set either has a manifest and is complete, or has none. Files that are not ours are never
touched. Ours are the shards that the manifest of a conversion lists, or that an unfinished conversion has announced in
`.artkit/unfinished.json` before it wrote the first of them.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Final

from artkit_shards.conversion.records import FilePart, Record
from artkit_shards.conversion.resuming.journal import Journal
from artkit_shards.conversion.stores.opening import open_store
from artkit_shards.conversion.stores.store import Hold
from artkit_shards.errors import ConvertError, DatasetError
from artkit_shards.format.manifest import FILE_NAME, FOLDER, Manifest, is_shard_name
from artkit_shards.format.manifest_reader import parse_manifest
from artkit_shards.format.sidecar_contents import MARK
from artkit_shards.format.sidecars import sidecar_names

_MANIFEST: Final = f"{FOLDER}/{FILE_NAME}"
_INDEX: Final = f"{FOLDER}/index"
_UNFINISHED: Final = f"{FOLDER}/unfinished.json"
_REJECTS: Final = f"{FOLDER}/rejects.jsonl"
_NEW_REJECTS: Final = f"{FOLDER}/rejects.new.jsonl"


class Destination:
    """A place to convert to.

    Args:
        location: A folder, which need not exist, or an address such as "s3://bucket/folder".
        force: Whether a complete data set there may be replaced.

    Raises:
        ConvertError: if nothing can be written to such an address.
    """

    def __init__(self, location: Path | str, *, force: bool) -> None:
        self.store = open_store(location)
        self.location = self.store.location
        """What users know it by."""
        self.journal = Journal(self.store)
        self._force = force

    def check(self, records: Sequence[Record], sidecars: Sequence[str] = ()) -> None:
        """Raise ConvertError if this cannot be converted to; nothing is written."""
        if sidecars and not isinstance(self.location, Path):
            raise ConvertError(
                f"sidecars are written into folders only, and {self.location} is none; convert to a folder and copy "
                "it, or leave the sidecars out"
            )
        if isinstance(self.location, Path):
            self._check_folder(self.location, records)
        else:
            self._check_address(self.location, records)
        self._check_force()

    @contextmanager
    def hold(self) -> Iterator[Hold]:
        """Keep other conversions out for the block.

        Raises:
            ConvertError: if another conversion is writing here, or has completed one meanwhile.
        """
        with self.store.hold() as hold:
            self._check_force()
            yield hold

    def replace(self, shard_names: Sequence[str]) -> None:
        """Make room for new shards: from here until `commit` there is no manifest.

        Args:
            shard_names: The shards that are going to be written.

        Raises:
            ConvertError: if a file of someone else is in the way.
        """
        manifest = self._manifest()
        ours = self._our_shards(manifest)
        foreign = [name for name in shard_names if name not in ours and self.store.size(name) is not None]
        if foreign:
            raise ConvertError(
                f"{self.store.shown(foreign[0])} exists and belongs to no conversion that artkit knows of; "
                "choose another folder, or move the file away"
            )
        self.store.write(_UNFINISHED, json.dumps(sorted(ours.union(shard_names))).encode())
        if manifest is not None and not manifest.is_indexed:
            self._remove_sidecars(manifest)
        self.store.remove(_MANIFEST)
        self.store.settle_names(FOLDER)
        for name in ours.difference(shard_names):
            self.store.remove(name)

    def new_index(self) -> AbstractContextManager[Path]:
        """A folder of this machine to write the index to; it is in its place after the block."""
        return self.store.new_folder(_INDEX)

    def index_file(self, name: str) -> str:
        """Name by which the store knows a file of the index."""
        return f"{_INDEX}/{name}"

    def commit(self, manifest: bytes, splits: Iterable[str]) -> None:
        """Declare the data set complete: everything else is on the disk, the manifest is written last."""
        for folder in (*(f"{_INDEX}/{split}" for split in splits), _INDEX, ".", FOLDER):
            self.store.settle_names(folder)
        self.store.write(_MANIFEST, manifest)
        self.store.remove(_UNFINISHED)
        self.store.remove(_NEW_REJECTS)
        self.journal.clear()

    def write_rejects(self, rejects: Iterable[tuple[str, str]]) -> Path | str:
        """Write file and reason of each reject, one JSON object a line; returns where.

        A complete data set that is there keeps its own list: the new one is written beside it.
        """
        name = _REJECTS if self.store.size(_MANIFEST) is None else _NEW_REJECTS
        lines = (json.dumps({"file": file, "reason": reason}, ensure_ascii=False) + "\n" for file, reason in rejects)
        return self.write_note(name.removeprefix(f"{FOLDER}/"), "".join(lines).encode())

    def write_note(self, name: str, data: bytes) -> Path | str:
        """Write a file into the folder of the data set's own files; returns where it is."""
        self.store.write(f"{FOLDER}/{name}", data)
        return self.store.shown(f"{FOLDER}/{name}")

    def remove_note(self, name: str) -> None:
        """Remove such a file, if there is one."""
        self.store.remove(f"{FOLDER}/{name}")

    def _check_folder(self, directory: Path, records: Sequence[Record]) -> None:
        if directory.exists() and not directory.is_dir():
            raise ConvertError(f"{directory} is a file; give the folder to write the shards to")
        target = directory.resolve()
        files = (record.image.path if isinstance(record.image, FilePart) else record.image for record in records)
        holds_images = {folder.resolve() for folder in {file.parent for file in files if isinstance(file, Path)}}
        if not holds_images.isdisjoint((target, *target.parents)):
            raise ConvertError(
                f"{directory} lies among the images that are to be converted; choose a folder outside of them"
            )

    def _check_address(self, address: str, records: Sequence[Record]) -> None:
        holds_images = {record.image.rpartition("/")[0] for record in records if isinstance(record.image, str)}
        if not holds_images.isdisjoint(accumulate(address.split("/"), "{}/{}".format)):
            raise ConvertError(
                f"{address} lies among the images that are to be converted; choose an address outside of them"
            )

    def _check_force(self) -> None:
        if not self._force and self.store.size(_MANIFEST) is not None:
            raise ConvertError(
                f"{self.location} holds a complete data set already; choose another folder, or replace it with --force"
            )

    def _remove_sidecars(self, manifest: Manifest) -> None:
        """Remove what describes shards that are going to be others, but nothing that someone else has written."""
        for name in sidecar_names(manifest):
            by_hand = name.endswith(".yaml") and not (self.store.read(name) or b"").startswith(MARK.encode())
            if not by_hand:
                self.store.remove(name)

    def _manifest(self) -> Manifest | None:
        """The manifest that is there; None if there is none, or one that cannot be read."""
        data = self.store.read(_MANIFEST)
        if data is not None:
            with contextlib.suppress(DatasetError):
                return parse_manifest(data, str(self.store.shown(_MANIFEST)))
        return None

    def _our_shards(self, manifest: Manifest | None) -> set[str]:
        """Shards that may be replaced. Those of a manifest that cannot be read count as someone else's, and stay."""
        names: list[object] = []
        with contextlib.suppress(ValueError, RecursionError):
            announced = json.loads(self.store.read(_UNFINISHED) or b"[]")
            names += announced if isinstance(announced, list) else []
        if manifest is not None and not manifest.is_indexed:
            names += [shard.name for split in manifest.splits for shard in split.shards]
        return {name for name in names if isinstance(name, str) and is_shard_name(name)}
