"""Which test images are in the page: there is no room for all of many, so those that explain the most come first."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_plugins.reporters.report_page.results import PAIRS_SHOWN, Result

OF_A_PAIR: Final = 6
"""Images of each of the three groups of a pair that is shown."""
_OF_A_CLASS: Final = 4
"""Images that stand for a class wherever it is mentioned."""
_NONE: Final = np.empty(0, dtype=np.int64)


def choose_rows(result: Result, *, most: int) -> list[int]:
    """The rows of the images to show, the most telling first.

    These are the highest losses, copies of training images, the images of the pairs confused most often, some images
    of every class, and then mistakes: one of each confused pair, then a second one, and so on.

    Args:
        result: What was said.
        most: How many to choose at most.
    """
    chosen: dict[int, None] = {}
    for row in _in_turn(result):
        if len(chosen) >= most:
            break
        chosen[row] = None
    return list(chosen)


def _in_turn(result: Result) -> Iterator[int]:
    """All candidates, some more than once."""
    labels, predicted = result.predictions.labels, result.predictions.predicted
    surest = np.argsort(-result.samples.p_predicted, kind="stable")
    cells = _rows_by_cell(labels, predicted, surest, len(result.scores))
    num_classes = len(result.scores)
    yield from (loss.row for loss in result.losses)
    yield from (row for row, *_ in result.copies)
    for pair in result.pairs[:PAIRS_SHOWN]:
        for true, said in ((pair.true, pair.predicted), (pair.true,) * 2, (pair.predicted,) * 2):
            yield from cells.get(true * num_classes + said, _NONE)[:OF_A_PAIR].tolist()
    recognised = [cells.get(k * num_classes + k, _NONE) for k in result.order]
    yield from _dealt(rows[:_OF_A_CLASS] for rows in recognised)
    yield from _dealt(cells[pair.true * num_classes + pair.predicted] for pair in result.pairs)
    yield from _dealt(recognised)


def _rows_by_cell(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], order: NDArray[np.int64], num_classes: int
) -> dict[int, NDArray[np.int64]]:
    """The rows of each cell of the confusion matrix, numbered true * K + predicted, in the given order."""
    cell = (labels * num_classes + predicted)[order]
    grouped = np.argsort(cell, kind="stable")
    numbers, starts = np.unique(cell[grouped], return_index=True)
    parts = np.split(order[grouped], starts[1:])
    return dict(zip(numbers.tolist(), parts, strict=True))


def _dealt(groups: Iterable[NDArray[np.int64]]) -> Iterator[int]:
    """The first of each group, then the second of each, and so on."""
    left = [group.tolist() for group in groups]
    place = 0
    while left:
        yield from (group[place] for group in left if place < len(group))
        place += 1
        left = [group for group in left if place < len(group)]
