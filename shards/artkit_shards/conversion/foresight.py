"""Foresight: choices that cannot work, whatever is in the files, are refused before any of them is read.

Classes, splits and counts are known as soon as images are listed. Inspection can only take images away, so what is too
little then stays too little.
"""

from collections import Counter
from collections.abc import Sequence

from artkit_shards.conversion.coverage import check_training
from artkit_shards.conversion.records import Record
from artkit_shards.conversion.selection import select_classes
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.split import TRAIN, UNKNOWN
from artkit_shards.errors import ConvertError


def check_choices(listing: Sequence[Record], settings: Settings) -> None:
    """Raise ConvertError for choices of classes and splits that cannot work with these images.

    Args:
        listing: All images; that they can be used is not yet known.
        settings: What is wanted.
    """
    if settings.hold_out is not None:
        _check_no_unknown(listing)
    selection = select_classes(Counter(record.label for record in listing if record.label is not None), settings)
    if settings.top is None and settings.min_count is None and not isinstance(settings.hold_out, int):
        # Else bad images may leave out the very class that has none for training.
        splits = {record.file: record.split or TRAIN for record in listing}
        check_training(listing, splits, selection.classes)


def _check_no_unknown(listing: Sequence[Record]) -> None:
    for record in listing:
        if record.split == UNKNOWN:
            raise ConvertError(
                f"the image {record.file!r} brings the split {UNKNOWN!r}, which is for the classes that are held out; "
                "give its split another name"
            )
