"""The listing: all records of a conversion, checked, in the one order that everything else is derived from."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from artkit_shards.conversion.records import Record
from artkit_shards.errors import ConvertError
from artkit_shards.format.manifest import is_plain_name


def make_listing(records: Iterable[Record]) -> list[Record]:
    """The records in the order of their names.

    Raises:
        ConvertError: if there are none, or one does not fit the others or the rules.
    """
    listing = sorted(records, key=lambda record: record.file)
    if not listing:
        raise ConvertError("there are no images to convert")
    for one, other in pairwise(listing):
        if one.file == other.file:
            raise ConvertError(f"the image {one.file!r} is listed twice; list each image once")
    targets = list(listing[0].labels)
    if not targets or not all(is_plain_name(target) for target in targets):
        raise ConvertError(
            f"the targets {targets} cannot be used; give one or more names of small letters, as 'artist'"
        )
    for record in listing:
        _check(record, targets)
    return listing


def _check(record: Record, targets: Sequence[str]) -> None:
    if list(record.labels) != targets:
        raise ConvertError(
            f"the image {record.file!r} has the targets {list(record.labels)}, others have {targets}; "
            "give all the same, with None where a class is not known"
        )
    if "" in record.labels.values():
        raise ConvertError(f"the image {record.file!r} has an empty class name; name its class")
    if record.split is not None and not is_plain_name(record.split):
        raise ConvertError(f"the image {record.file!r} has the split {record.split!r}; use a name such as 'train'")
