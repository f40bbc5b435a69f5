"""Selecting classes: how few images of a class are enough."""

from collections.abc import Mapping

from artkit_shards.errors import ConvertError
from artkit_shards.wording import listed


def select_classes(class_counts: Mapping[str, int], min_count: int | None) -> tuple[list[str], list[str]]:
    """Choose the classes of a data set.

    Args:
        class_counts: Usable images of each class that was found, 0 included.
        min_count: Classes with fewer are left out; None wants each to have two, and leaves none out on its own.

    Returns:
        Class names, sorted, and what the user should know of those left out.

    Raises:
        ConvertError: if a class has too few images and nobody said what to do with it, or fewer than two classes are
            left.
    """
    least = 2 if min_count is None else min_count
    kept = sorted(label for label, count in class_counts.items() if count >= least)
    short = {label: count for label, count in sorted(class_counts.items()) if count < least}
    if short and min_count is None:
        raise ConvertError(
            f"{_with_counts(short)}: too few usable images to have one for training and one for testing. Add images, "
            "leave such classes out with --min-count 2, or keep those with one image, for training only, with "
            "--min-count 1"
        )
    if len(kept) < 2:
        raise ConvertError(
            f"{len(kept)} of {len(class_counts)} classes have {least} or more usable images, and a data set needs at "
            "least two classes; add images or ask for a lower --min-count"
        )
    notes = [f"classes with fewer than {least} usable images left out: {_with_counts(short)}"] if short else []
    return kept, notes


def _with_counts(counts: Mapping[str, int]) -> str:
    return listed([f"{label!r} ({count})" for label, count in counts.items()])
