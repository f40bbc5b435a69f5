"""The folder that a conversion writes to: what may be replaced there, and in which order.

At every moment the folder either has a manifest and is complete, or has none. Files that are not ours are never
touched. Ours are the shards that a manifest lists, or that an unfinished conversion has announced in
`.artkit/unfinished.json` before it wrote the first of them.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from artkit_shards.conversion.records import FilePart, Record
from artkit_shards.errors import ConvertError, DatasetError
from artkit_shards.format.files import sync_folder, whole_file
from artkit_shards.format.manifest import FILE_NAME, FOLDER, is_shard_name
from artkit_shards.format.manifest_reader import read_manifest


class Destination:
    """A folder to convert to.

    Args:
        directory: Need not exist.
        force: Whether a complete data set there may be replaced.
    """

    def __init__(self, directory: Path | str, *, force: bool) -> None:
        self.directory = Path(directory)
        self.folder = self.directory / FOLDER
        self.manifest = self.folder / FILE_NAME
        self.temporary = self.folder / "tmp"
        """For files that are being written; whatever is left in it is waste."""
        self.index = self.folder / "index"
        self.new_index = self.temporary / "index"
        """Where the index is written, before `commit` puts it in its place."""
        self._unfinished = self.folder / "unfinished.json"
        self._force = force

    def check(self, records: Sequence[Record]) -> None:
        """Raise ConvertError if the folder cannot be converted to; nothing is written."""
        if self.directory.exists() and not self.directory.is_dir():
            raise ConvertError(f"{self.directory} is a file; give the folder to write the shards to")
        self._check_force()
        target = self.directory.resolve()
        files = (record.image.path if isinstance(record.image, FilePart) else record.image for record in records)
        holds_images = {folder.resolve() for folder in {file.parent for file in files if isinstance(file, Path)}}
        if not holds_images.isdisjoint((target, *target.parents)):
            raise ConvertError(
                f"{self.directory} lies among the images that are to be converted; choose a folder outside of them"
            )

    @contextmanager
    def replace(self, shard_names: Sequence[str]) -> Iterator[None]:
        """Make room for new shards: from here until `commit` there is no manifest.

        Args:
            shard_names: The shards that are going to be written.

        Raises:
            ConvertError: if another conversion is writing here, or a file of someone else is in the way.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._check_force()
            ours = self._our_shards()
            foreign = [name for name in shard_names if name not in ours and os.path.lexists(self.directory / name)]
            if foreign:
                raise ConvertError(
                    f"{self.directory / foreign[0]} exists and belongs to no conversion that artkit knows of; "
                    "choose another folder, or move the file away"
                )
            shutil.rmtree(self.temporary, ignore_errors=True)
            self.temporary.mkdir()
            with whole_file(self._unfinished, self.temporary) as file:
                file.write(json.dumps(sorted(ours.union(shard_names))).encode())
            self.manifest.unlink(missing_ok=True)
            sync_folder(self.folder)
            try:
                yield
            finally:
                shutil.rmtree(self.temporary, ignore_errors=True)

    def commit(self, manifest: bytes, shard_names: Iterable[str]) -> None:
        """Declare the data set complete: remove shards of earlier conversions, write the manifest last of all."""
        for name in self._our_shards().difference(shard_names):
            (self.directory / name).unlink(missing_ok=True)
        shutil.rmtree(self.index, ignore_errors=True)
        self.new_index.rename(self.index)
        sync_folder(self.directory)
        sync_folder(self.folder)
        with whole_file(self.manifest, self.temporary) as file:
            file.write(manifest)
        sync_folder(self.folder)
        self._unfinished.unlink()
        (self.folder / "rejects.new.jsonl").unlink(missing_ok=True)

    def existing_folder(self) -> Path:
        """The folder, or what there is of the way to it."""
        return next(folder for folder in (self.directory, *self.directory.absolute().parents) if folder.is_dir())

    def write_rejects(self, rejects: Iterable[tuple[str, str]]) -> Path:
        """Write file and reason of each reject, one JSON object a line.

        A complete data set that is there keeps its own list: the new one is written beside it.
        """
        path = self.folder / ("rejects.new.jsonl" if self.manifest.exists() else "rejects.jsonl")
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path, self.folder) as lines:
            for file, reason in rejects:
                lines.write(json.dumps({"file": file, "reason": reason}, ensure_ascii=False).encode() + b"\n")
        return path

    def _check_force(self) -> None:
        if self.manifest.exists() and not self._force:
            raise ConvertError(
                f"{self.directory} holds a complete data set already; choose another folder, or replace it with --force"
            )

    def _our_shards(self) -> set[str]:
        names: list[str] = []
        if self._unfinished.exists():
            names += json.loads(self._unfinished.read_bytes())
        if self.manifest.exists():
            # One that cannot be read names no shards; then they count as someone else's and stay.
            with contextlib.suppress(DatasetError):
                names += [shard.name for split in read_manifest(self.directory).splits for shard in split.shards]
        return {name for name in names if is_shard_name(name)}

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the folder alone; the system lets go of it when the process ends, however it ends."""
        path = self.folder / "lock"
        with path.open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConvertError(
                    f"another conversion is writing to {self.directory}; wait until it is done"
                ) from error
            except OSError as error:
                # Some network file systems know no locks; one conversion at a time works there all the same.
                if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
                    raise
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
