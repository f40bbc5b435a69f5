"""Scanning class folders: SRC/<class>/.../<image>, or SRC/train/<class>/... with given splits.

The scan reads names only, never images. It is a pure function of the names below SRC: folders are walked in the order
of code points, whatever order the file system has. Links are not followed, so nothing outside SRC is read.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from artkit_shards.conversion.records import Record
from artkit_shards.errors import ConvertError
from artkit_shards.images import IMAGE_ENDINGS
from artkit_shards.wording import counted, listed

CLASS: Final = "class"
"""Name of the target that folders tell."""

_SPLIT_FOLDERS: Final = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_NO_WORD: Final = re.compile(r"[\W\d_]+")
_EXPECTED: Final = (
    "artkit expects a folder for each class with its images in it, such as {root}/Claude Monet/lilies.jpg"
)


class ClassFolders:
    """The images of a folder of class folders, and what was left out.

    Iterating yields one `Record` an image, sorted. A class is a folder right below `root`, whatever lies between it and
    its images; its name is trimmed and in Unicode's composed form (NFC). If the folders below `root` are named as
    splits ("train" and any of "val", "valid", "validation", "test", nothing else), classes are one level deeper.

    Args:
        root: The folder to scan.
        series: Whether images of a class whose names differ in numbers only, such as rose_01.png and rose_02.png, form
            a group, so that they stay together in one split. Names of numbers alone form none.

    Raises:
        ConvertError: if there are not at least two class folders with images, with how the folder must look.
    """

    def __init__(self, root: Path | str, *, series: bool = False) -> None:
        self.root = Path(root)
        self._series = series
        self._num_links = 0
        self._skipped: Counter[str] = Counter()
        self._empty: list[str] = []
        self._loose: list[str] = []
        self._records = self._scan()

    def __iter__(self) -> Iterator[Record]:
        """Yield the records, sorted by split and file."""
        return iter(self._records)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._records)

    def notes(self) -> tuple[str, ...]:
        """What the user should know of the scan: one sentence each on files that were left out."""
        notes = []
        if self._loose:
            notes.append(
                f"{counted(len(self._loose), 'image')} not in any class folder left out, such as {self._loose[0]}; "
                "the folder an image lies in names its class"
            )
        if self._empty:
            notes.append(f"{counted(len(self._empty), 'folder')} without images left out: {listed(self._empty, 5)}")
        if self._num_links:
            links = counted(self._num_links, "link")
            notes.append(f"{links} not followed; put the files themselves there if they belong to the set")
        if self._skipped:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self._skipped.most_common(5))
            notes.append(f"{counted(self._skipped.total(), 'file')} not named as an image left out ({kinds})")
        return tuple(notes)

    def _scan(self) -> list[Record]:
        if not self.root.exists():
            raise ConvertError(f"{self.root} does not exist; give the folder that holds the class folders")
        if not self.root.is_dir():
            raise ConvertError(f"{self.root} is not a folder; give the folder that holds the class folders")
        records = []
        for folder, split in self._split_folders():
            records += self._scan_classes(folder, split)
        self._check(records)
        return records

    def _split_folders(self) -> list[tuple[Path, str | None]]:
        """The folders whose subfolders are classes: root itself, or those of the given splits."""
        names = [entry.name for entry in self._entries(self.root) if entry.is_dir(follow_symlinks=False)]
        splits = {name: _SPLIT_FOLDERS.get(name.casefold()) for name in names}
        if "train" not in splits.values() or None in splits.values():
            return [(self.root, None)]
        self._loose += [self._file(path) for path in self._images_in(self.root)]
        return [(self.root / name, split) for name, split in splits.items()]

    def _scan_classes(self, folder: Path, split: str | None) -> list[Record]:
        self._loose += [self._file(path) for path in self._images_in(folder)]
        records: list[Record] = []
        folder_of: dict[str, str] = {}
        for entry in self._entries(folder):
            if not entry.is_dir(follow_symlinks=False):
                continue
            label = unicodedata.normalize("NFC", _readable(entry.name)).strip()
            if label in folder_of:
                raise ConvertError(
                    f"the folders {folder_of[label]!r} and {_readable(entry.name)!r} in {folder} name the same class "
                    f"{label!r}, apart from blanks or Unicode form; rename one of them or move its images to the other"
                )
            folder_of[label] = _readable(entry.name)
            images = [self._record(path, label, split) for path in self._images_below(Path(entry.path))]
            if not images:
                self._empty.append(self._file(Path(entry.path)))
            records += images
        return records

    def _record(self, path: Path, label: str, split: str | None) -> Record:
        name = series_name(path.stem) if self._series else ""
        return Record(path, self._file(path), {CLASS: label}, split, group=f"{label}/{name}" if name else None)

    def _images_below(self, folder: Path) -> Iterator[Path]:
        """Images of a folder and of the folders in it, however deep, in order."""
        yield from self._images_in(folder)
        for entry in self._entries(folder):
            if entry.is_dir(follow_symlinks=False):
                yield from self._images_below(Path(entry.path))

    def _images_in(self, folder: Path) -> list[Path]:
        """Images right in a folder; everything else that is no folder is counted as left out."""
        images = []
        for entry in self._entries(folder):
            if entry.is_symlink():
                self._num_links += 1
            elif entry.is_file() and entry.name.lower().endswith(IMAGE_ENDINGS):
                images.append(Path(entry.path))
            elif not entry.is_dir():
                self._skipped[Path(entry.name).suffix.lower() or "without ending"] += 1
        return images

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """What a folder holds, sorted; without hidden files and what macOS adds to archives."""
        try:
            with os.scandir(folder) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".") and entry.name != "__MACOSX"]
        except OSError as error:
            raise ConvertError(f"{folder} cannot be read: {error.strerror}; check the rights of the folder") from error
        return sorted(visible, key=lambda entry: entry.name)

    def _file(self, path: Path) -> str:
        return _readable(path.relative_to(self.root).as_posix())

    def _check(self, records: list[Record]) -> None:
        expected = _EXPECTED.format(root=self.root)
        labels = {str(record.label) for record in records}
        if not labels and self._loose:
            raise ConvertError(f"the images in {self.root} are not in class folders ({self._loose[0]}); {expected}")
        if not labels:
            raise ConvertError(f"there are no images in {self.root}; {expected}")
        if len(labels) == 1:
            (label,) = labels
            raise ConvertError(
                f"{self.root} has one class only, {label!r}; there must be at least two. {expected}. "
                f"If the folders in {self.root / label} are the classes, give that folder instead"
            )


def series_name(stem: str) -> str:
    """What the names of a numbered series share; empty for names of numbers alone.

    Example:
        "Rose_01", "rose-02" and "rose (3)" all give "rose".
    """
    return " ".join(_NO_WORD.sub(" ", stem.casefold()).split())


def _readable(name: str) -> str:
    """The name as valid Unicode: bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
