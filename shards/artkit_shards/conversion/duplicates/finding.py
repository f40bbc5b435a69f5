"""Duplicates: images that show the same picture, be it the very same bytes or a copy of another size or quality.

A copy in training of what is tested makes a test worthless, so copies are found before the split is drawn. Files of the
same bytes are told by size and checksum. Others are candidates if their codes differ in few bits, and copies if their
difference is small: see `likeness`. What is a copy of a copy belongs to the same *cluster*.

The bounds were chosen on 4390 pieces of clip art, of which many share a template, and on photographs, with copies of
both that were made smaller and larger, of lower quality, darker, paler, gray or cropped.
"""

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.conversion.duplicates.groups import Groups
from artkit_shards.conversion.duplicates.hamming import near_pairs
from artkit_shards.conversion.duplicates.likeness import Likeness, codes, has_content
from artkit_shards.conversion.duplicates.thumbnail import unpack
from artkit_shards.conversion.inspection import Inspection

MUCH_ALIKE: Final = 0.15
"""Difference up to which images must not be torn apart by a split."""
SAME_PICTURE: Final = 0.08
"""Difference up to which one of two images can be dropped."""

_RADIUS: Final = 10
_RADIUS_OF_MANY: Final = 8
_MANY: Final = 200_000
"""With more images than this, fewer bits may differ, so that the search takes less than a minute for a million."""


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs of images that show the same picture."""

    pairs: NDArray[np.int64]
    """Numbers of images, (P, 2), the smaller first."""
    differences: NDArray[np.float64]
    """(P,): 0 for the same bytes, else above 0 and at most `MUCH_ALIKE`."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Images that show the same picture."""

    rows: tuple[int, ...]
    """Numbers of the images, ascending."""
    is_exact: bool
    """Whether all have the same bytes."""


def find_links(inspections: Sequence[Inspection]) -> Links:
    """Find the pairs of images that show the same picture.

    Of images with the same bytes each is linked to the first of them, which alone is compared with others. Images
    whose header only was inspected, and those with next to no contrast, are linked by their bytes alone. Images that
    are known to show the same picture through others are not linked once more.
    """
    first_of: dict[tuple[int, int, int, int, bytes], int] = {}
    same: list[tuple[int, int]] = []
    for row, image in enumerate(inspections):
        look = b"" if image.pixels is None else image.pixels.thumbnail
        first = first_of.setdefault((image.num_bytes, image.crc32, image.width, image.height, look), row)
        if first != row:
            same.append((first, row))
    rows = [row for row in first_of.values() if inspections[row].pixels is not None]
    near, differences = _near_links(inspections, np.array(rows, dtype=np.int64))
    exact = np.array(same, dtype=np.int64).reshape(-1, 2)
    return Links(np.concatenate([exact, near]), np.concatenate([np.zeros(len(exact)), differences]))


def clusters(links: Links, most_different: float = MUCH_ALIKE) -> list[Cluster]:
    """Put together what is linked.

    Args:
        links: As found.
        most_different: Links of images that differ by more are left out.

    Returns:
        Clusters of two or more images, in the order of their first.
    """
    used = links.differences <= most_different
    groups = Groups(int(links.pairs.max(initial=-1)) + 1)
    groups.join(links.pairs[used])
    inexact = set(groups.of(links.pairs[used & (links.differences > 0), 0]).tolist())
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in np.unique(links.pairs[used]).tolist():
        members[int(groups.of(row))].append(row)
    return [Cluster(tuple(rows), group not in inexact) for group, rows in members.items()]


def redundant(
    links: Links, inspections: Sequence[Inspection], files: Sequence[str], *, among: Container[int]
) -> set[int]:
    """Images that can be dropped, because another shows the same picture.

    Of a cluster of the same picture the one with most pixels stays; of equal ones that with most bytes, and of these
    the first by name.

    Args:
        links: As found.
        inspections: Of all images.
        files: Names of all images.
        among: Numbers of the images that count.

    Returns:
        Numbers of the others.
    """

    def best_first(row: int) -> tuple[int, int, str]:
        image = inspections[row]
        return -image.width * image.height, -image.num_bytes, files[row]

    groups = [[row for row in found.rows if row in among] for found in clusters(links, SAME_PICTURE)]
    return {row for rows in groups for row in sorted(rows, key=best_first)[1:]}


def _near_links(
    inspections: Sequence[Inspection], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of images with other bytes that are much alike, and their differences."""
    luma, colour = unpack([pixels.thumbnail for row in rows.tolist() if (pixels := inspections[row].pixels)])
    telling = has_content(luma)
    rows, luma, colour = rows[telling], luma[telling], colour[telling]
    shape = np.log([inspections[row].height / inspections[row].width for row in rows.tolist()])
    likeness = Likeness(luma, colour, shape)
    same_picture = Groups(len(rows))
    found = [(np.empty((0, 2), dtype=np.int64), np.empty(0))]
    for candidates in near_pairs(codes(luma), _RADIUS if len(rows) < _MANY else _RADIUS_OF_MANY):
        pairs = np.unique(candidates[same_picture.of(candidates[:, 0]) != same_picture.of(candidates[:, 1])], axis=0)
        differences = likeness.differences(pairs)
        same_picture.join(pairs[differences <= SAME_PICTURE])
        alike = differences <= MUCH_ALIKE
        # Equal thumbnails are no proof of equal bytes.
        found.append((rows[pairs[alike]], np.maximum(differences[alike], np.finfo(np.float64).tiny)))
    pairs = np.concatenate([pairs for pairs, _ in found])
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    return pairs, np.concatenate([differences for _, differences in found])[first]
