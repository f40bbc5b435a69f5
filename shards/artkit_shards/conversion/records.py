"""A record: one image that is to be converted, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FilePart:
    """An image that lies within a larger file, such as an uncompressed tar."""

    path: Path | str
    offset: int
    """Of its first byte."""
    size: int
    """In bytes."""


ImageSource = Path | str | bytes | FilePart
"""Where the bytes of an image are: in a file, at a URL, here, or within a larger file."""


@dataclass(frozen=True, slots=True)
class Record:
    """One image to convert.

    Attributes:
        image: Where its bytes are.
        file: What users know it by: its path below the folder that is converted, with forward slashes. Unique.
        labels: Name of its class in each target, None where it is not known. The first target is the main one, which
            splits are stratified by. All records of a data set have the same targets in the same order.
        split: The split it must go to, such as "train"; None lets the conversion decide.
        group: Images of one group never end up in different splits; None stands for a group of its own.

    Example:
        `Record(Path("art/Monet/lilies.jpg"), "Monet/lilies.jpg", {"class": "Monet"})`
    """

    image: ImageSource
    file: str
    labels: Mapping[str, str | None]
    split: str | None = None
    group: str | None = None

    @property
    def label(self) -> str | None:
        """Name of its class in the main target."""
        return next(iter(self.labels.values()))

    @property
    def stratum(self) -> str:
        """What splits are stratified by: the class in the main target; records without one share the empty name."""
        return self.label or ""
