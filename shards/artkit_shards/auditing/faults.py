"""What is wrong with a data set: which file, which sample, what, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COPY_AGAIN: Final = "copy the file again from where it is whole"
CONVERT_AGAIN: Final = "convert the images again: artkit shard SRC DST --force"
INDEX_AGAIN: Final = "index the tars again: artkit dataset index DIR --force"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    file: str
    """Below the folder of the data set."""
    key: str | None
    """Of the sample, if it is about one."""
    text: str
    advice: str

    def __str__(self) -> str:
        """The fault in one line."""
        where = self.file if self.key is None else f"{self.file}, sample {self.key}"
        return f"{where}: {self.text}; {self.advice}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What a verification found."""

    directory: Path | str
    """Its folder, or its address without secrets."""
    faults: tuple[Fault, ...]
    num_shards: int
    num_samples: int
    """In the index."""
    num_bytes: int
    readers: Mapping[str, tuple[str, ...]]
    """What keeps each other reader from reading the shards as they are; nothing if it can."""
    sidecars: tuple[str, ...]
    """Kinds of sidecars that are there."""

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def fault_of(file: str, error: Exception, advice: str) -> Fault:
    """The fault that an error tells; errors that say what to do keep their own advice."""
    text, semicolon, own = str(error).rpartition("; ")
    return Fault(file, None, text, own) if semicolon else Fault(file, None, own, advice)
