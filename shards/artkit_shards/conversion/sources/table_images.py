"""Joining tables with images: claims -> records, and what the user should know of the join."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from artkit_shards.conversion.records import Record
from artkit_shards.conversion.sources.claims import (
    BY_END,
    CONFLICT,
    NO_LABEL,
    REPEATED,
    Claim,
    Claims,
    Labels,
    LocatedTable,
    Tally,
)
from artkit_shards.conversion.sources.columns import Columns, columns_text
from artkit_shards.conversion.sources.finder import AMBIGUOUS, MISSING, ImageFinder
from artkit_shards.conversion.sources.listing import Tree
from artkit_shards.conversion.sources.names import garbled_twins, look_alike_notes, readable
from artkit_shards.conversion.sources.splits import OUT, read_splits
from artkit_shards.conversion.sources.tables.rows import Table
from artkit_shards.errors import ConvertError
from artkit_shards.wording import counted, joined

MAX_MISSING: Final = 0.95
"""Share of rows whose file may be missing by default: people convert one part of ten of what a table names, but who
gives the wrong folder finds next to nothing."""
_EXAMPLES: Final = 3
_SENTENCES: Final = {
    MISSING: "{count} of {rows} name a file that is not there, such as {example}",
    AMBIGUOUS: "{count} of {rows} name a file that lies in several folders, such as {example}",
    NO_LABEL: "{count} of {rows} have no label, such as that of {example}",
    CONFLICT: "{images} left out, since rows contradict each other, such as {example}",
    REPEATED: "{count} of {rows} say again what another says, such as of {example}",
    BY_END: "{count} of {rows} have paths of another computer, such as {example}; the images were found by the ends "
    "of these paths",
}


class TableImages:
    """The images that tables name.

    Args:
        tree: Where the images are.
        finder: Finds them by name.
        tables: The tables, which all have the columns.
        columns: What these say.

    Attributes:
        records: One an image, sorted by file.
        rejects: File, or table and line, and reason.
        tally: Counts of rows.

    Raises:
        ConvertError: if a table cannot be read, or its words for splits are unknown.
    """

    def __init__(self, tree: Tree, finder: ImageFinder, tables: Sequence[LocatedTable], columns: Columns) -> None:
        claims = Claims(tables, columns, finder)
        self.tally: Tally = claims.tally
        self.rejects: Sequence[tuple[str, str]] = claims.rejects
        self._columns = columns
        named = claims.named()
        self._others = [path for path in finder.paths if path not in named]
        self._remarks: list[str] = []
        self.records: Sequence[Record] = self._make_records(tree, claims.of_image)

    def notes(self) -> list[str]:
        """What the user should know, a sentence each."""
        return [*_row_notes(self.tally), *self._remarks, *self._image_notes()]

    def _make_records(self, tree: Tree, claims: Mapping[str, Claim]) -> list[Record]:
        splits, twins = self._splits(claims.values()), self._twins(claims.values())
        # Millions of images have but thousands of combinations of classes: records share them.
        shared: dict[Labels, Mapping[str, str | None]] = {}
        records = []
        for path in sorted(claims, key=readable):
            claim = claims[path]
            if claim.labels not in shared:
                named = zip(twins, claim.labels, strict=True)
                shared[claim.labels] = {
                    target: None if label is None else twins[target].get(label, label) for target, label in named
                }
            split = None if claim.split is None else splits[claim.split]
            if split == OUT:
                continue
            records.append(Record(tree.place(path), readable(path), shared[claim.labels], split, group=claim.group))
        num_out = len(claims) - len(records)
        if num_out:
            self._remarks.append(f"{counted(num_out, 'image')} left out, as --split-values wants")
        return records

    def _splits(self, claims: Collection[Claim]) -> Mapping[str, str | None]:
        """What the rows' words for splits stand for."""
        values = {claim.split for claim in claims if claim.split is not None}
        if self._columns.split is None:
            return {value: value for value in values}
        silent = sum(claim.split is None for claim in claims)
        if silent:
            self._remarks.append(
                f"the column {self._columns.split!r} says nothing of {counted(silent, 'image')}: --split decides"
            )
        return read_splits(self._columns.split, values, self._columns.split_values)

    def _twins(self, claims: Collection[Claim]) -> dict[str, dict[str, str]]:
        """For each target, garbled class names -> what they are called elsewhere in the tables."""
        twins = {}
        for number, target in enumerate(self._columns.labels):
            names = {claim.labels[number] for claim in claims}
            twins[target] = garbled_twins(name for name in names if name is not None)
            self._remarks += [
                f"the {target} {garbled!r} is taken for {name!r}: it is that name in a broken encoding"
                for garbled, name in sorted(twins[target].items())
            ]
        return twins

    def _image_notes(self) -> Iterator[str]:
        images = counted(len(self.records), "image")
        for target in self._columns.labels:
            unknown = sum(record.labels[target] is None for record in self.records)
            if unknown:
                yield f"the {target} of {unknown} of {images} is not known"
        yield from look_alike_notes({record.label for record in self.records if record.label is not None})
        if self._others:
            others = counted(len(self._others), "image")
            yield f"{others} that no row names left out, such as {readable(self._others[0])}"


def _row_notes(tally: Tally) -> Iterator[str]:
    """How rows ended that are no record of their own."""
    rows = counted(tally.num_rows, "row")
    for kind, count in tally.counts.items():
        sentence = _SENTENCES.get(kind, "{count} of {rows} left out, such as {example}: " + kind)
        images = counted(count, "image")
        yield sentence.format(count=count, rows=rows, images=images, example=tally.examples[kind])


def check_found(
    images: TableImages, finder: ImageFinder, table: Table, columns: Columns, tree: Tree, max_missing: float
) -> None:
    """Raise ConvertError if too few rows could be used: the wrong folder, table or column was given."""
    num_rows, num_missing = images.tally.num_rows, images.tally.counts[MISSING]
    if num_missing > max_missing * num_rows:
        raise ConvertError(_missing_text(images, finder, table, columns, tree, max_missing))
    if not images.records:
        reasons = "; ".join(f"{count} with {kind}" for kind, count in images.tally.counts.most_common(3))
        raise ConvertError(
            f"none of {counted(num_rows, 'row')} of {table.name} can be used: {reasons}. Images were looked for by the "
            f"column {columns.image!r}; name the columns of the class with --label, that of the image with "
            f"--image-column. {columns_text(table)}"
        )


def _missing_text(
    images: TableImages, finder: ImageFinder, table: Table, columns: Columns, tree: Tree, max_missing: float
) -> str:
    num_rows, num_missing = images.tally.num_rows, images.tally.counts[MISSING]
    tried = [file for file, reason in images.rejects if reason.startswith(MISSING)][:_EXAMPLES]
    there = f", such as {readable(finder.paths[0])}" if finder.paths else ""
    fewer = f", more than the share of {max_missing:g} that may be missing" if num_missing < num_rows else ""
    allow = ". If so few are to be there, allow it with --set source.max_missing=1" if num_missing < num_rows else ""
    return (
        f"{num_missing} of {counted(num_rows, 'row')} of {table.name} name files that are not in {tree.name}{fewer}. "
        f"The column {columns.image!r} names {joined(tried)}, looked for as paths below the folder and by their ends; "
        f"the folder has {counted(len(finder.paths), 'image')}{there}. Give the folder that holds the images as SRC, "
        f"or the column that names them with --image-column{allow}. {columns_text(table)}"
    )
