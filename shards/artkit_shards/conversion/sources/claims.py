"""What the rows of tables say of images, row by row: claims.

Every row ends in one of three ways: it makes a claim of its image, or repeats or completes another's claim, or it is
rejected with a reason. Nothing is dropped in silence.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from artkit_shards.conversion.sources.columns import Columns, cell
from artkit_shards.conversion.sources.finder import MISSING, ImageFinder
from artkit_shards.conversion.sources.names import class_name, readable
from artkit_shards.conversion.sources.splits import split_of_name
from artkit_shards.conversion.sources.tables.rows import BadRow, Table

NO_LABEL: Final = "no label"
CONFLICT: Final = "contradicting rows"
REPEATED: Final = "repeated"
BY_END: Final = "by end"
_LONGEST_LABEL: Final = 300

Labels = tuple[str | None, ...]
"""Class in each target."""


class LocatedTable(NamedTuple):
    """A table, where it lies, and what that says of its images."""

    table: Table
    folder: str = ""
    """Its folder below the root, which its paths may be relative to."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.folder}/{self.table.name}" if self.folder else self.table.name


@dataclass(slots=True)
class Claim:
    """What rows say of one image."""

    labels: Labels
    split: str | None
    group: str | None
    table: LocatedTable
    line: int
    """Of the first row."""

    @property
    def place(self) -> str:
        """Table and line of the first row."""
        return f"{self.table.name}, line {self.line}"


@dataclass(slots=True)
class Tally:
    """How many rows ended how, with an example of each."""

    num_rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, example: str) -> None:
        """Count one more of a kind."""
        self.counts[kind] += 1
        self.examples.setdefault(kind, example)


class Claims:
    """The claims of all rows of tables.

    Args:
        tables: They all have the columns.
        columns: What these say.
        finder: Finds the images that rows name.

    Attributes:
        of_image: Claim by path of the image.
        rejects: File, or table and line; and the reason.
        tally: Counts of rows.
    """

    def __init__(self, tables: Sequence[LocatedTable], columns: Columns, finder: ImageFinder) -> None:
        self.of_image: dict[str, Claim] = {}
        self.rejects: list[tuple[str, str]] = []
        self.tally = Tally()
        self._columns = columns
        self._finder = finder
        self._contradicted: set[str] = set()
        self._class_names: dict[str, str] = {}
        self._labels: dict[Labels, Labels] = {}
        for table in tables:
            self._read(table)
        self._drop_unlabelled()

    def named(self) -> set[str]:
        """Paths of all images that a row names, rejected ones included."""
        return self._contradicted.union(self.of_image, self._unlabelled)

    def _read(self, table: LocatedTable) -> None:
        for row in table.table.rows(self._columns.names):
            self.tally.num_rows += 1
            if isinstance(row.content, BadRow):
                self._reject(f"{table.name}, line {row.line}", row.content.reason)
                continue
            image, *others = map(cell, row.content)
            if image is None:
                self._reject(f"{table.name}, line {row.line}", "row that names no image")
            else:
                self._read_row(table, row.line, image, others)

    def _read_row(self, table: LocatedTable, line: int, image: str, others: Sequence[str | None]) -> None:
        match = self._finder.find(image, table.folder)
        if match.path is None:
            where = f": {table.name}, line {line}" if match.reason == MISSING else ""
            self._reject(image, match.reason + where)
            return
        if match.by_end:
            self.tally.add(BY_END, image)
        self._add(match.path, self._claim(match.path, table, line, others))

    def _claim(self, path: str, table: LocatedTable, line: int, cells: Sequence[str | None]) -> Claim:
        """What a row says of an image, its cells being those behind the image's name."""
        rest = iter(cells)
        columns = self._columns
        folders = readable(path).split("/")[:-1]
        cells_of_labels = (
            next(rest) if column is not None else _class_folder(folders) for column in columns.labels.values()
        )
        labels = tuple(map(self._class_name, cells_of_labels))
        split = next(rest) if columns.split is not None else None
        if columns.split_folders and columns.split is None:
            split = next((name for name in map(split_of_name, folders) if name is not None), None)
        group = next(rest) if columns.group is not None else None
        return Claim(self._labels.setdefault(labels, labels), split, group, table, line)

    def _class_name(self, text: str | None) -> str | None:
        if text is None:
            return None
        if text not in self._class_names:
            self._class_names[text] = class_name(text)
        return self._class_names[text]

    def _add(self, path: str, claim: Claim) -> None:
        """Put a claim beside what rows before it said of the image."""
        if any(label is not None and len(label) > _LONGEST_LABEL for label in claim.labels):
            self._reject(readable(path), f"class name too long: {claim.place} has more than {_LONGEST_LABEL} letters")
            return
        if path in self._contradicted:
            return
        known = self.of_image.setdefault(path, claim)
        if known is claim:
            return
        contradiction = self._contradiction(known, claim)
        if contradiction:
            del self.of_image[path]
            self._contradicted.add(path)
            self._reject(readable(path), f"{CONFLICT}: {contradiction} ({known.place}; {claim.place})")
            return
        pairs = zip(known.labels, claim.labels, strict=True)
        known.labels = tuple(one if one is not None else other for one, other in pairs)
        known.split = known.split if known.split is not None else claim.split
        known.group = known.group if known.group is not None else claim.group
        self.tally.add(REPEATED, readable(path))

    def _contradiction(self, one: Claim, other: Claim) -> str:
        """What two rows say differently, or ""."""
        pairs = [
            *zip(self._columns.labels, one.labels, other.labels, strict=True),
            ("split", one.split, other.split),
            ("group", one.group, other.group),
        ]
        different = (
            f"{name} {this!r} and {that!r}"
            for name, this, that in pairs
            if this is not None and that is not None and this != that
        )
        return next(different, "")

    def _drop_unlabelled(self) -> None:
        """Reject images of which no row tells a class in any target."""
        self._unlabelled = [
            path for path, claim in self.of_image.items() if all(label is None for label in claim.labels)
        ]
        for path in self._unlabelled:
            self._reject(readable(path), f"{NO_LABEL}: {self.of_image.pop(path).place}")

    def _reject(self, file: str, reason: str) -> None:
        self.rejects.append((file, reason))
        kind, _, details = reason.partition(":")
        self.tally.add(kind, f"{file} ({details.strip()})" if details else file)


def _class_folder(folders: Sequence[str]) -> str | None:
    """The name of the folder that an image lies in, unless it is that of a split."""
    return folders[-1] if folders and split_of_name(folders[-1]) is None else None
