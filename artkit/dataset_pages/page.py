"""One page about a data set: its numbers, and its pictures beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from artkit.drawing.files import write_whole
from artkit_shards import render_page
from artkit_shards.wording import counted

if TYPE_CHECKING:
    from artkit_shards import DatasetStatistics

PAGE: Final = "index.html"
_TEMPLATE: Final = Path(__file__).with_name("page.html.j2")
_ROWS_SHOWN: Final = 20


def write_page(folder: Path, statistics: "DatasetStatistics", pictures: Mapping[str, str]) -> Path:
    """Write `index.html`.

    Args:
        folder: Where the pictures are.
        statistics: What the data set holds.
        pictures: File names of pictures by title.

    Returns:
        The page.
    """
    write_whole(folder / PAGE, render_page(_TEMPLATE, _content(statistics, pictures)))
    return folder / PAGE


def _content(statistics: "DatasetStatistics", pictures: Mapping[str, str]) -> dict[str, Any]:
    duplicates = statistics.duplicates
    names = statistics.class_names
    order = sorted(range(len(names)), key=lambda k: -int(statistics.class_counts[k]))
    return {
        "path": str(statistics.path),
        "num_images": sum(split.num_images for split in statistics.splits),
        "num_copies": statistics.num_copies,
        "splits": statistics.splits,
        "targets": statistics.num_classes_of,
        "formats": statistics.formats,
        "classes": [
            (names[k], int(statistics.class_counts[k]), [int(split.class_counts[k]) for split in statistics.splits])
            for k in order
        ],
        "duplicates": duplicates,
        "num_learnt": sum(any(copy.split == "train" for copy in group) for group in duplicates.across_splits),
        "across_splits": [_described(group, names) for group in duplicates.across_splits[:_ROWS_SHOWN]],
        "across_classes": [_described(group, names) for group in duplicates.across_classes[:_ROWS_SHOWN]],
        "pictures": pictures,
        "counted": counted,
    }


def _described(group: Sequence[Any], names: Sequence[str]) -> list[str]:
    """Where each image of a group of duplicates stands."""
    return [
        f"{copy.split}: {copy.file} ({names[copy.label] if copy.label >= 0 else 'no class'}, key {copy.key})"
        for copy in group
    ]
