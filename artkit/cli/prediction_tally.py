"""Images that could not be used: counted by reason, the first of them named, all of them listed in a file if wanted."""

import csv
from collections import Counter
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from artkit.engine.images.found import Unusable

_NAMED: Final = 3
_LONGEST_NAME: Final = 100
_LONGEST_REASON: Final = 200
_MOST_REASONS: Final = 6


class UnusableTally:
    """Hears of each image that could not be used.

    Args:
        stream: Gets a table of all of them; None: nothing does.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._kinds: Counter[str] = Counter()
        self._first: list[Unusable] = []
        self._rows = None if stream is None else csv.writer(stream, lineterminator="\n")
        if self._rows is not None:
            self._rows.writerow(("file", "reason"))

    def __call__(self, unusable: "Unusable") -> None:
        """Count one."""
        self._kinds[unusable.kind] += 1
        if len(self._first) < _NAMED:
            self._first.append(unusable)
        if self._rows is not None:
            self._rows.writerow((unusable.name, unusable.reason))

    def __len__(self) -> int:
        """How many there were."""
        return self._kinds.total()

    def notes(self) -> list[str]:
        """What to tell of them, in one note; none if there were none."""
        from artkit_shards.wording import counted, listed

        if not self._first:
            return []
        kinds = [f"{kind} ({count})" for kind, count in self._kinds.most_common()]
        lines = [f"{counted(len(self), 'file')} could not be used: {listed(kinds, _MOST_REASONS)}"]
        lines += [f"  {_short(one.name, _LONGEST_NAME)}: {_short(one.reason, _LONGEST_REASON)}" for one in self._first]
        if len(self) > len(self._first):
            lines.append("  and others" if self._rows else "  and others; --rejects FILE lists all of them")
        return ["\n".join(lines)]


def _short(text: str, most: int) -> str:
    """Text that a terminal only shows, its middle left out if it is long: both ends of a path tell most."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2) :]}"
