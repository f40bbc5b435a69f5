"""Image folders as Hugging Face has them: `metadata.csv`, `.jsonl` or `.parquet` beside the images.

The column `file_name` holds paths relative to the folder of the metadata. There may be several metadata files, each in
a folder of its own. Folders named as splits ("train", "test", ...) name the split, unless a column does.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from artkit_shards.conversion.records import Record
from artkit_shards.conversion.sources.claims import LocatedTable
from artkit_shards.conversion.sources.class_folders import CLASS
from artkit_shards.conversion.sources.columns import Columns, check_has_rows, find_column, targets_of
from artkit_shards.conversion.sources.finder import ImageFinder
from artkit_shards.conversion.sources.listing import Tree, open_tree
from artkit_shards.conversion.sources.table_images import MAX_MISSING, TableImages, check_found
from artkit_shards.conversion.sources.tables.opening import open_table
from artkit_shards.conversion.sources.tables.rows import Table
from artkit_shards.errors import ConvertError

METADATA_FILES: Final = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
IMAGE_COLUMN: Final = "file_name"
_LABEL_COLUMNS: Final = ("label", "labels", "class")


class MetadataFolder:
    """The images that the metadata files of a folder name, with the classes that columns or folders tell.

    Iterating yields one `Record` an image, sorted by file. How cells are read, and what becomes of rows that cannot be
    used, is as in `LabelTable`.

    Args:
        root: The folder, or its URL.
        image_column: The column that names images.
        label_columns: The columns of classes, each a target; the first is the main one. By default the first of
            "label", "labels" and "class" that there is; without one, the folder that an image lies in names its class.
        split_column: The column that tells the split; by default folders do.
        split_values: What its values stand for, as in `LabelTable`.
        group_column: The column that tells what must stay in one split.
        max_missing: Share of rows whose file may be missing, 0 to 1.

    Raises:
        ConvertError: if there is no metadata, a column does not exist, or too many files are missing.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        image_column: str | None = None,
        label_columns: Sequence[str] = (),
        split_column: str | None = None,
        split_values: Mapping[str, str] | None = None,
        group_column: str | None = None,
        max_missing: float = MAX_MISSING,
    ) -> None:
        tree = open_tree(root)
        self.root = tree.root
        paths = find_metadata(tree)
        if not paths:
            raise ConvertError(
                f"there is no metadata.csv, .jsonl or .parquet in {tree.name}; another table is read with --labels FILE"
            )
        tables = [LocatedTable(open_table(tree.place(path)), path.rpartition("/")[0]) for path in paths]
        first = tables[0].table
        if len(tables) == 1:
            check_has_rows(first)
        columns = Columns(
            image=find_column(first, image_column or IMAGE_COLUMN, "the image"),
            labels=_targets(first, label_columns),
            split=None if split_column is None else find_column(first, split_column, "the split"),
            group=None if group_column is None else find_column(first, group_column, "the group"),
            split_values=split_values or {},
            split_folders=split_column is None,
        )
        for located in tables:
            for name in columns.names:
                find_column(located.table, name, f"what {first.name} of another folder has it for")
        finder = ImageFinder(tree, leave_out=paths)
        self._images = TableImages(tree, finder, tables, columns)
        check_found(self._images, finder, first, columns, tree, max_missing)
        self._notes = (*self._images.notes(), *finder.walk.notes())

    def __iter__(self) -> Iterator[Record]:
        """Yield the records, sorted by file."""
        return iter(self._images.records)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._images.records)

    def notes(self) -> tuple[str, ...]:
        """What the user should know of metadata and images, a sentence each."""
        return self._notes

    def rejects(self) -> Sequence[tuple[str, str]]:
        """Rows that cannot be used: the file they name, or file and line of the metadata, and the reason."""
        return self._images.rejects


def find_metadata(tree: Tree, depth: int | None = None) -> list[str]:
    """Paths of the metadata files of a tree, one a folder, the outer ones first.

    Args:
        tree: The folder.
        depth: How many folders deep to look; None for all.

    Raises:
        ConvertError: if a folder has several, which would contradict each other or be read twice.
    """
    found = []
    folders = deque([("", 0)])
    while folders:
        folder, level = folders.popleft()
        entries = tree.entries(folder)
        here = [entry.path for entry in entries if entry.kind == "file" and entry.name in METADATA_FILES]
        if len(here) > 1:
            raise ConvertError(f"{here[0]} and {here[1]} both tell of the same folder; take one of them away")
        found += here
        if depth is None or level < depth:
            folders.extend((entry.path, level + 1) for entry in entries if entry.kind == "folder")
    return found


def _targets(table: Table, label_columns: Sequence[str]) -> Mapping[str, str | None]:
    if label_columns:
        return targets_of(table, label_columns)
    usual = [name for name in _LABEL_COLUMNS if name in table.columns]
    return targets_of(table, usual[:1]) if usual else {CLASS: None}
