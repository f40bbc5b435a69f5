"""What a data set says of the images of a split, column by column: their classes, and the JSON beside them.

Of the JSON, a tar is read at a place for each image, so it is read when a column is first asked for, and then kept.
"""

import json
from functools import cached_property
from typing import Any

from artkit.errors import RecipeError
from artkit.suggest import suggest
from artkit_shards import Dataset
from artkit_shards.wording import listed


class Columns:
    """The columns of a split.

    Args:
        dataset: The data set, by any of its targets.
        split: Name of the split.
    """

    def __init__(self, dataset: Dataset, split: str) -> None:
        self._dataset = dataset
        self._split = dataset.split(split)

    def column(self, name: str) -> list[str | None]:
        """What is said of each image under a name, (N,); None where nothing is.

        Args:
            name: Of a target, or of a field in the JSON beside images: text as it stands, all else as JSON has it.

        Raises:
            RecipeError: if no image has anything of that name.
            SampleError: if the JSON of an image cannot be read.
        """
        if name in self._dataset.targets:
            names = self._dataset.targets[name]
            return [names[label] if label >= 0 else None for label in self._split.targets[name].tolist()]
        values = [_text(fields.get(name)) for fields in self._fields]
        if all(value is None for value in values):
            raise RecipeError(self._unknown(name))
        return values

    @cached_property
    def _fields(self) -> list[dict[str, Any]]:
        return [self._split.fields(row) for row in range(len(self._split))]

    def _unknown(self, name: str) -> str:
        known = list(dict.fromkeys([*self._dataset.targets, *(field for fields in self._fields for field in fields)]))
        return (
            f"{self._dataset.path} says nothing called '{name}' of the images in '{self._split.name}', only "
            f"{listed(known, 8)}. {suggest(name, known)}".rstrip()
        )


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
