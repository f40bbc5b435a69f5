"""Class folders: SRC/<class>/.../<image>, or SRC/train/<class>/... with given splits.

The scan reads names only, never images, and is a pure function of the names below SRC.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from artkit_shards.conversion.records import Record
from artkit_shards.conversion.sources.copies import copy_note, find_copies
from artkit_shards.conversion.sources.images import ImageWalk, folders_in, has_images, is_image
from artkit_shards.conversion.sources.listing import Entry, open_tree
from artkit_shards.conversion.sources.names import class_name, garbled_twins, look_alike_notes, readable
from artkit_shards.conversion.sources.splits import split_of_name
from artkit_shards.conversion.sources.tables.opening import tables_in
from artkit_shards.errors import ConvertError
from artkit_shards.wording import counted, listed

CLASS: Final = "class"
"""Name of the target that folders tell."""

_NO_WORD: Final = re.compile(r"[\W\d_]+")
_EXPECTED: Final = (
    "artkit expects a folder for each class with its images in it, such as {root}/Claude Monet/lilies.jpg"
)


class _ClassFolder(NamedTuple):
    """A folder whose images are of one class."""

    entry: Entry
    label: str
    split: str | None


class ClassFolders:
    """The images of a folder of class folders, and what was left out.

    Iterating yields one `Record` an image, sorted. A class is a folder right below `root`, whatever lies between it and
    its images; its name is trimmed and in Unicode's composed form (NFC). If the folders below `root` are named as
    splits ("train" and any of "val", "valid", "validation", "test", nothing else), classes are one level deeper. If
    there is but one folder below `root` and no image beside it, as in SRC/images/<class>, classes are looked for in
    that one. A folder such as resized/, whose images have the names of those beside it, is a second copy and left out.

    Folders whose names differ in blanks, Unicode form or a garbled encoding are one class.

    Args:
        root: The folder to scan, or its URL.
        series: Whether images of a class whose names differ in numbers only, such as rose_01.png and rose_02.png, form
            a group, so that they stay together in one split. Names of numbers alone form none.

    Raises:
        ConvertError: if there are not at least two class folders with images, with how the folder must look.
    """

    def __init__(self, root: Path | str, *, series: bool = False) -> None:
        self._tree = open_tree(root)
        self.root = self._tree.root
        self._series = series
        self._walk = ImageWalk(self._tree)
        self._empty: list[str] = []
        self._loose: list[str] = []
        self._remarks: list[str] = []
        self._records = self._scan()

    def __iter__(self) -> Iterator[Record]:
        """Yield the records, sorted by split and file."""
        return iter(self._records)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._records)

    def notes(self) -> tuple[str, ...]:
        """What the user should know of the scan: one sentence each on what was left out or put together."""
        notes = list(self._remarks)
        if self._loose:
            notes.append(
                f"{counted(len(self._loose), 'image')} not in any class folder left out, such as {self._loose[0]}; "
                "the folder an image lies in names its class"
            )
        if self._empty:
            notes.append(f"{counted(len(self._empty), 'folder')} without images left out: {listed(self._empty, 5)}")
        return (*notes, *self._walk.notes())

    def _scan(self) -> list[Record]:
        start, copies = self._start()
        folders = []
        for folder, split in self._split_folders(start, copies):
            self._loose += [readable(image.path) for image in self._walk.right_in(folder)]
            folders += [
                _ClassFolder(entry, class_name(readable(entry.name)), split)
                for entry in folders_in(self._tree, folder)
                if entry.path not in copies
            ]
        records = [record for folder in self._merged(folders) for record in self._records_of(folder)]
        self._check(records)
        labels = {str(record.label) for record in records}
        self._remarks += look_alike_notes(labels)
        return records

    def _start(self) -> tuple[str, frozenset[str]]:
        """The folder that holds classes or splits, and the folders in it that are second copies."""
        outer = self._copies("")
        start, copies = "", outer
        while (inner := self._wrapped(start, copies)) is not None:
            start, copies = inner, self._copies(inner)
        if not start or not self._has_parts(start, copies):
            return "", outer
        self._remarks.append(f"the classes are the folders in {readable(start)}")
        return start, copies

    def _wrapped(self, folder: str, copies: frozenset[str]) -> str | None:
        """The folder that alone has images, if it is a mere wrapper around folders."""
        inner = self._with_images(folder, copies)
        if len(inner) != 1 or split_of_name(inner[0].name) is not None:
            return None
        has_own = any(is_image(entry) for place in (folder, inner[0].path) for entry in self._tree.entries(place))
        return None if has_own else inner[0].path

    def _has_parts(self, folder: str, copies: frozenset[str]) -> bool:
        """Whether a folder has several classes in it, or splits."""
        inner = self._with_images(folder, copies)
        return len(inner) > 1 or any(split_of_name(entry.name) is not None for entry in inner)

    def _with_images(self, folder: str, copies: frozenset[str]) -> list[Entry]:
        return [
            entry
            for entry in folders_in(self._tree, folder)
            if entry.path not in copies and has_images(self._tree, entry.path)
        ]

    def _copies(self, folder: str) -> frozenset[str]:
        copies = find_copies(self._tree, folder)
        self._remarks += map(copy_note, copies)
        return frozenset(copy.path for copy in copies)

    def _split_folders(self, start: str, copies: frozenset[str]) -> list[tuple[str, str | None]]:
        """The folders whose subfolders are classes: the start itself, or those of the given splits."""
        folders = [entry for entry in folders_in(self._tree, start) if entry.path not in copies]
        splits = {entry.path: split_of_name(entry.name) for entry in folders}
        if "train" not in splits.values() or None in splits.values():
            return [(start, None)]
        self._loose += [readable(image.path) for image in self._walk.right_in(start)]
        return list(splits.items())

    def _merged(self, folders: list[_ClassFolder]) -> list[_ClassFolder]:
        """The folders with one name for each class; says where names were put together."""
        twins = garbled_twins(folder.label for folder in folders)
        merged = [folder._replace(label=twins.get(folder.label, folder.label)) for folder in folders]
        names: defaultdict[str, set[str]] = defaultdict(set)
        for folder in merged:
            names[folder.label].add(readable(folder.entry.name))
        self._remarks += [
            f"the folders {', '.join(map(repr, sorted(several)))} are taken for one class, {label!r}: their names "
            "differ in blanks or encoding only"
            for label, several in sorted(names.items())
            if len(several) > 1
        ]
        return merged

    def _records_of(self, folder: _ClassFolder) -> list[Record]:
        records = [self._record(image, folder) for image in self._walk.below(folder.entry.path)]
        if not records:
            self._empty.append(readable(folder.entry.path))
        return records

    def _record(self, image: Entry, folder: _ClassFolder) -> Record:
        name = series_name(PurePosixPath(image.name).stem) if self._series else ""
        group = f"{folder.label}/{name}" if name else None
        return Record(
            self._tree.place(image.path), readable(image.path), {CLASS: folder.label}, folder.split, group=group
        )

    def _check(self, records: list[Record]) -> None:
        root = self._tree.name
        expected = _EXPECTED.format(root=root) + self._table_advice()
        labels = {str(record.label) for record in records}
        if not labels and self._loose:
            raise ConvertError(f"the images in {root} are not in class folders ({self._loose[0]}); {expected}")
        if not labels:
            raise ConvertError(f"there are no images in {root}; {expected}")
        if len(labels) == 1:
            raise ConvertError(f"{root} has one class only, {labels.pop()!r}; there must be at least two. {expected}")
        parts = {split_of_name(series_name(label)) for label in labels}
        if "train" in parts and None not in parts:
            raise ConvertError(
                f"the folders {listed(sorted(labels), 4)} in {root} are named as parts of splits, not as classes; "
                f"{expected}"
            )

    def _table_advice(self) -> str:
        """What to do about a table that lies beside the folders."""
        tables = tables_in(self._tree)
        if not tables:
            return ""
        return f". If a table tells the classes, name it: --labels {shlex.quote(tables[0])} --label COLUMN"


def series_name(stem: str) -> str:
    """What the names of a numbered series share; empty for names of numbers alone.

    Example:
        "Rose_01", "rose-02" and "rose (3)" all give "rose".
    """
    return " ".join(_NO_WORD.sub(" ", stem.casefold()).split())
