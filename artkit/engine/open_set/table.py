"""unknown.csv: what was said of each stranger, and how strange it was found.

`class` is the one that was held out, `predicted` the known one that the model would name, `p_predicted` its
probability. Each score has a column of its name: the higher, the stranger. Numbers have six significant digits.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from artkit.drawing.files import write_whole
from artkit.engine.open_set.judgement import OpenSet

STRANGERS: Final = "unknown.csv"
_HEADER: Final = ("key", "file", "class", "predicted", "p_predicted")


def write_strangers(folder: Path, open_set: OpenSet, class_names: Sequence[str]) -> None:
    """Write the table, whole; nothing if there are no strangers.

    Args:
        folder: Of the files of the target.
        open_set: What was said.
        class_names: Of the model.
    """
    if open_set.strangers is None:
        return
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*_HEADER, *open_set.stranger_scores])
    writer.writerows(_rows(open_set, class_names))
    write_whole(folder / STRANGERS, buffer.getvalue())


def _rows(open_set: OpenSet, class_names: Sequence[str]) -> Iterator[Sequence[object]]:
    strangers, probabilities_MK = open_set.strangers, open_set.stranger_probabilities
    if strangers is None or probabilities_MK is None:
        return
    predicted = probabilities_MK.argmax(axis=1).tolist()
    columns = (probabilities_MK.max(axis=1), *open_set.stranger_scores.values())
    numbers = zip(*([f"{value:.6g}" for value in column.tolist()] for column in columns), strict=True)
    split = strangers.split
    for row, name, answer, values in zip(
        strangers.rows.tolist(), strangers.class_names, predicted, numbers, strict=True
    ):
        yield split.keys[row], split.files[row], name, class_names[answer], *values
