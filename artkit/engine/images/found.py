"""One image that was found, or something that cannot be used, with the reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from artkit_shards.conversion.sources.names import readable
from artkit_shards.format.files import read_image_file

_DETAIL: Final = re.compile(r": | \(")


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that has not been read yet."""

    name: str
    """What users know it by, such as its path; valid Unicode."""
    read: Callable[[], bytes]
    """Gives the bytes of its file, from any thread; raises ImageError or SampleError if they are not to be had."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """What cannot be used."""

    name: str
    """Of an image, a tar or a folder."""
    reason: str
    """Why; what stands before a colon or a bracket is one of a few kinds."""

    @property
    def kind(self) -> str:
        """The kind of reason, to count by."""
        return _DETAIL.split(self.reason, maxsplit=1)[0]


Found: TypeAlias = FoundImage | Unusable


def image_file(path: str) -> FoundImage:
    """The image that a file is supposed to be."""
    return FoundImage(readable(path), partial(read_image_file, Path(path)))
