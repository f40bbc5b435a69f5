"""The class of a sample of a tar without an index: a number, or a name whose number is known."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from artkit_shards.errors import DatasetError

_NUMBER: Final = "cls"
_FIELDS: Final = "json"
_MAX_NUMBER_BYTES: Final = 1024
_MAX_FIELDS_BYTES: Final = 1 << 20


class TarLabels:
    """Reads classes.

    Args:
        label: "cls" for the member of that suffix, anything else for a field of the JSON member.
        classes: Names of the classes in the order of their numbers; None if labels are numbers.
    """

    def __init__(self, label: str, classes: Sequence[str] | None) -> None:
        self._label = label
        self._numbers = None if classes is None else {name: number for number, name in enumerate(classes)}

    def most_bytes(self, suffix: str) -> int:
        """The largest member of a suffix that is worth reading; -1 if none is."""
        if suffix == _NUMBER and self._label == _NUMBER:
            return _MAX_NUMBER_BYTES
        return _MAX_FIELDS_BYTES if suffix == _FIELDS and self._label != _NUMBER else -1

    def read(self, sample: Mapping[str, Any]) -> int:
        """Number of a sample's class.

        Args:
            sample: Data of its members by suffix, bytes or None.

        Raises:
            ValueError: if the sample has none, saying why.
            DatasetError: if labels are names and nobody said which.
        """
        value = self._from_member(sample) if self._label == _NUMBER else self._from_fields(sample)
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value < (2**31 if self._numbers is None else len(self._numbers)):
                raise ValueError("its class is out of bounds")
            return value
        if self._numbers is None:
            raise DatasetError(
                f"sample {sample['__key__']} of {sample['__url__']} has the class {str(value)[:40]!r}, which is no "
                "number; give the names of all classes in their order with classes="
            )
        number = self._numbers.get(value) if isinstance(value, str) else None
        if number is None:
            raise ValueError("its class is not among the classes given")
        return number

    def _from_member(self, sample: Mapping[str, Any]) -> int | str:
        data = sample.get(_NUMBER)
        if data is None:
            raise ValueError("no class in a member 'cls'")
        text = data.decode("utf-8", "replace").strip()
        return int(text) if text.isascii() and text.isdecimal() else text

    def _from_fields(self, sample: Mapping[str, Any]) -> object:
        try:
            fields = json.loads(sample.get(_FIELDS) or b"null")
        except (ValueError, RecursionError):
            raise ValueError("its JSON is damaged") from None
        if not isinstance(fields, dict) or fields.get(self._label) is None:
            raise ValueError(f"no field {self._label!r} in its JSON")
        return fields[self._label]
