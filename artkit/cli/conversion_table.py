"""How many images of each class are in each split, as a table in plain text: the ends of a long tail, not all of it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from artkit_shards import ConvertReport

_MOST_CLASSES: Final = 14
_LARGEST: Final = 8
_SMALLEST: Final = 4
_WIDEST_NAME: Final = 40


def class_table(report: "ConvertReport") -> list[str]:
    """The lines of the table: classes from the largest to the smallest, and what else the splits hold.

    Of many classes the largest and the smallest have a line of their own, the others one together.
    """
    splits = list(report.split_counts)
    by_size = sorted(report.class_counts, key=lambda name: (-report.class_counts[name], name))
    rows = [_row(name, [name], report, splits) for name in by_size]
    if len(by_size) > _MOST_CLASSES:
        between = by_size[_LARGEST:-_SMALLEST]
        rows[_LARGEST:-_SMALLEST] = [_row(f"{len(between)} classes between", between, report, splits)]
    rows += _others(report, splits)
    totals = [report.split_counts[split] for split in splits]
    rows.append(["all", *map(str, totals), str(sum(totals))])
    return _aligned([["class", *splits, "all"], *rows])


def _row(title: str, names: Sequence[str], report: "ConvertReport", splits: Sequence[str]) -> list[str]:
    counts = [sum(report.split_class_counts[split].get(name, 0) for name in names) for split in splits]
    return [title, *map(_number, counts), str(sum(counts))]


def _others(report: "ConvertReport", splits: Sequence[str]) -> list[list[str]]:
    """Rows for what is of no class of the data set: held-out classes, images without a class, changed copies."""
    copies = {"train": report.num_augmented}
    left = {
        split: report.split_counts[split] - sum(report.split_class_counts[split].values()) - copies.get(split, 0)
        for split in splits
    }
    held_out = {"unknown": sum(report.held_out.values())}
    kinds: dict[str, Mapping[str, int]] = {
        f"held out: {_named(report.held_out)}": held_out,
        "class not known": {split: left[split] - held_out.get(split, 0) for split in splits},
        "changed copies": copies,
    }
    return [
        [title, *(_number(counts.get(split, 0)) for split in splits), str(sum(counts.values()))]
        for title, counts in kinds.items()
        if any(counts.values())
    ]


def _named(held_out: Mapping[str, int]) -> str:
    return next(iter(held_out), "") if len(held_out) == 1 else f"{len(held_out)} classes"


def _number(count: int) -> str:
    return str(count) if count else "-"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns one below the other: names to the left, numbers to the right."""
    from rich.cells import cell_len, set_cell_size

    names = [
        name if cell_len(name) <= _WIDEST_NAME else set_cell_size(name, _WIDEST_NAME - 1) + "…" for name, *_ in rows
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(1, len(rows[0]))]
    name_width = max(map(cell_len, names))
    return [
        "  ".join([set_cell_size(name, name_width), *map(str.rjust, numbers, widths)])
        for name, (_, *numbers) in zip(names, rows, strict=True)
    ]
