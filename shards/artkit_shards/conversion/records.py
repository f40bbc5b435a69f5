"""A record: one image that is to be converted, and what is known of it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One image to convert.

    Attributes:
        path: Where to read it.
        file: What users know it by: its path below the folder that is converted, with forward slashes. Unique.
        label: Name of its class.
        split: The split it must go to, such as "train"; None lets the conversion decide.
        group: Images of one group never end up in different splits; None stands for a group of its own.
    """

    path: Path
    file: str
    label: str
    split: str | None = None
    group: str | None = None
