"""How images are stored: one format for the whole data set, and bytes kept as they are wherever that is right.

Readers of tar shards expect the same members in every sample, so all images of a data set have one suffix.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, cast

from artkit_shards.conversion.encoding import fitted_size
from artkit_shards.conversion.inspection import Inspection
from artkit_shards.format.tar import SUFFIXES, Suffix

IMAGE_FORMATS: Final = ("auto", *SUFFIXES)

_MAX_SIDE: Final = {"jpg": 65500, "png": 2**31 - 1, "webp": 16383}


def choose_suffix(inspections: Iterable[Inspection], image_format: str) -> Suffix:
    """The format asked for, or for "auto" the commonest of jpg, png and webp among the images, else png."""
    if image_format != "auto":
        return cast(Suffix, image_format)
    counts = Counter(inspection.format for inspection in inspections)
    if not any(counts[suffix] for suffix in SUFFIXES):
        return "png"
    return max(SUFFIXES, key=lambda suffix: counts[suffix])


def reasons_to_encode(inspection: Inspection, suffix: Suffix, max_side: int | None) -> tuple[str, ...]:
    """Why an image must be written anew; empty if its bytes can be kept."""
    reasons = inspection.changes
    if inspection.format != suffix:
        reasons += ("format",)
    if fitted_size(inspection.width, inspection.height, max_side) != (inspection.width, inspection.height):
        reasons += ("size",)
    return reasons


def too_large_for(inspection: Inspection, suffix: Suffix, max_side: int | None) -> str | None:
    """Why an image cannot be stored in a format at all, or None."""
    width, height = fitted_size(inspection.width, inspection.height, max_side)
    if max(width, height) <= _MAX_SIDE[suffix]:
        return None
    return f"too large for {suffix}: {width}x{height}"
