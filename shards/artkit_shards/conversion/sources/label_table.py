"""A folder of images, and a table that tells their classes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from artkit_shards.conversion.records import Record
from artkit_shards.conversion.sources.claims import LocatedTable
from artkit_shards.conversion.sources.columns import (
    Columns,
    check_has_rows,
    find_column,
    guess_image_column,
    targets_of,
)
from artkit_shards.conversion.sources.copies import copy_note, find_copies
from artkit_shards.conversion.sources.finder import ImageFinder
from artkit_shards.conversion.sources.listing import Tree, open_tree
from artkit_shards.conversion.sources.table_images import MAX_MISSING, TableImages, check_found
from artkit_shards.conversion.sources.tables.opening import open_table, tables_in
from artkit_shards.conversion.sources.tables.rows import Table
from artkit_shards.errors import ConvertError
from artkit_shards.format.addresses import is_address
from artkit_shards.wording import listed


class LabelTable:
    """The images of a folder that a table names, with the classes it tells.

    Iterating yields one `Record` an image, sorted by file. How cells name images is told in `finder.py`: by path, by
    file name, with or without ending; never outside `root`. Cells are trimmed and in Unicode's composed form (NFC);
    empty ones, and "nan", "none" and "null", say nothing. A row without a class in any target, without an image, or
    that contradicts another row of its image is a reject; so is one whose file is missing.

    Args:
        root: The folder that the images are in, at any depth; or its URL.
        labels_file: The table: .csv, .tsv, .jsonl or .parquet. A path that does not exist is looked for in `root`.
        image_column: The column that names images; by default the one whose cells name most that are there.
        label_columns: The columns of classes, each a target; the first is the main one.
        split_column: The column that tells the split.
        split_values: What its values stand for, where they do not say "train", "val", "test", or true and false.
        group_column: The column that tells what must stay in one split, such as the photographer.
        encoding: Of the table's text.
        max_missing: Share of rows whose file may be missing, 0 to 1.

    Raises:
        ConvertError: if the table cannot be read, a column does not exist, or too many files are missing.
    """

    def __init__(
        self,
        root: Path | str,
        labels_file: Path | str,
        *,
        image_column: str | None = None,
        label_columns: Sequence[str] = (),
        split_column: str | None = None,
        split_values: Mapping[str, str] | None = None,
        group_column: str | None = None,
        encoding: str = "utf-8",
        max_missing: float = MAX_MISSING,
    ) -> None:
        tree = open_tree(root)
        self.root = tree.root
        place = _locate(labels_file, tree)
        table = open_table(place, encoding=encoding)
        check_has_rows(table)
        targets = targets_of(table, label_columns)
        split = None if split_column is None else find_column(table, split_column, "the split")
        group = None if group_column is None else find_column(table, group_column, "the group")
        copies = find_copies(tree)
        finder = ImageFinder(tree, leave_out=[*(copy.path for copy in copies), _path_below(place, tree)])
        if not finder.paths:
            raise ConvertError(f"there are no images in {tree.name}; give the folder that holds them")
        folder = _path_below(place, tree).rpartition("/")[0]
        self._notes = [copy_note(copy) for copy in copies]
        image = self._image_column(table, image_column, finder, folder)
        columns = Columns(image=image, labels=targets, split=split, group=group, split_values=split_values or {})
        self._images = TableImages(tree, finder, [LocatedTable(table, folder)], columns)
        check_found(self._images, finder, table, columns, tree, max_missing)
        self._notes += [*self._images.notes(), *finder.walk.notes()]

    def __iter__(self) -> Iterator[Record]:
        """Yield the records, sorted by file."""
        return iter(self._images.records)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._images.records)

    def notes(self) -> tuple[str, ...]:
        """What the user should know of table and images, a sentence each."""
        return tuple(self._notes)

    def rejects(self) -> Sequence[tuple[str, str]]:
        """Rows that cannot be used: the file they name, or table and line, and the reason."""
        return self._images.rejects

    def _image_column(self, table: Table, given: str | None, finder: ImageFinder, folder: str) -> str:
        if given is not None:
            return find_column(table, given, "the image")
        column = guess_image_column(table, finder, folder)
        self._notes.append(f"images are named by the column {column!r} of {table.name}; --image-column names another")
        return column


def _locate(labels_file: Path | str, tree: Tree) -> Path | str:
    """Where the table is: as given, or in the folder of the images."""
    if is_address(labels_file) or Path(labels_file).exists():
        return labels_file
    if not is_address(tree.root) and Path(tree.root, labels_file).is_file():
        return Path(tree.root, labels_file)
    tables = tables_in(tree)
    if str(labels_file) in tables:
        return tree.place(str(labels_file))
    there = f"; tables there: {listed(tables)}" if tables else ""
    raise ConvertError(f"the table {labels_file} is neither there nor in {tree.name}{there}; give its path")


def _path_below(place: Path | str, tree: Tree) -> str:
    """Path of the table below the root; "" if it lies elsewhere."""
    if is_address(place) or is_address(tree.root):
        return ""
    path, root = Path(place).resolve(), Path(tree.root).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
