"""What an indexing did."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What was found and written."""

    location: str
    """Folder or address of the data set."""
    split_counts: Mapping[str, int]
    """Samples in the index, by split."""
    class_counts: Mapping[str, int]
    """The same by class of the main target, over all splits."""
    targets: Mapping[str, int]
    """Number of classes of each target."""
    image_suffix: str
    num_shards: int
    num_bytes: int
    """Of all shards."""
    rejects: Mapping[str, int]
    """Samples and tars left out, by reason."""
    rejects_file: str
    notes: tuple[str, ...]
    """What the user should know, one sentence each."""
