"""Pairs of 64-bit codes that differ in few bits, found without comparing all with all.

Multi-index hashing (Norouzi, Punjani and Fleet 2012, "Fast search in Hamming space with multi-index hashing"): codes
are cut into bands. Two codes that differ in r bits differ in at most r // m bits in one of m bands, so it is enough to
look, band by band, for equal values once so many bits are flipped. Bands are about as wide as the number of codes asks
for, which keeps the buckets small, and the cost near linear. Where thousands of codes are alike, as those of the frames
of a film, each meets a few hundred of them only, the nearest by number.
"""

import math
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.conversion.duplicates.likeness import CODE_BITS

_MOST_BAND_BITS: Final = 24
_MOST_AT_ONCE: Final = 1 << 22
_CROWD: Final = 256
"""So many codes of a bucket are met at most."""


def near_pairs(codes: NDArray[np.uint64], radius: int) -> Iterator[NDArray[np.int64]]:
    """Pairs of codes that differ in at most `radius` bits.

    Args:
        codes: uint64 (N,).
        radius: In bits.

    Yields:
        int64 (P, 2), the smaller number first; a pair may come more than once.
    """
    num_bands = _best_num_bands(len(codes), radius)
    bounds = [band * CODE_BITS // num_bands for band in range(num_bands + 1)]
    for start, stop in pairwise(bounds):
        width = stop - start
        values = ((codes >> np.uint64(start)) & np.uint64((1 << width) - 1)).astype(np.int64)
        order = np.argsort(values, kind="stable")
        first = np.searchsorted(values[order], np.arange((1 << width) + 1))
        for mask in _masks(width, radius // num_bands):
            yield from _meetings(codes, values ^ mask, order, first, radius)


def _meetings(
    codes: NDArray[np.uint64],
    wanted: NDArray[np.int64],
    order: NDArray[np.int64],
    first: NDArray[np.int64],
    radius: int,
) -> Iterator[NDArray[np.int64]]:
    """Pairs of each code with those in the bucket that it wants, as far as they are near."""
    start_of, sizes = first[wanted], first[wanted + 1] - first[wanted]
    # Buckets are in the order of the codes' numbers, so those of near numbers are about here.
    here = sizes * np.arange(len(codes)) // max(len(codes), 1) - _CROWD // 2
    start_of += np.clip(here, 0, np.maximum(sizes - _CROWD, 0))
    sizes = np.minimum(sizes, _CROWD)
    ends = np.cumsum(sizes)
    start = 0
    while start < len(codes):
        done = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, done + _MOST_AT_ONCE, side="right"))
        chunk = slice(start, stop)
        one = np.repeat(np.arange(start, stop), sizes[chunk])
        # The place of each meeting in its bucket: its number, less that of the first of its code.
        place = np.arange(len(one)) - np.repeat(ends[chunk] - sizes[chunk] - done, sizes[chunk])
        other = order[start_of[one] + place]
        near = (one < other) & (np.bitwise_count(codes[one] ^ codes[other]) <= radius)
        yield np.stack([one[near], other[near]], axis=1)
        start = stop


def _masks(width: int, most_bits: int) -> list[int]:
    """All ways to flip at most so many bits of a band."""
    return [
        sum(1 << bit for bit in bits) for count in range(most_bits + 1) for bits in combinations(range(width), count)
    ]


def _best_num_bands(num_codes: int, radius: int) -> int:
    """The number of bands that lets the fewest codes be looked at, if codes were spread evenly."""

    def cost(num_bands: int) -> float:
        width = -(-CODE_BITS // num_bands)
        num_masks = sum(math.comb(width, count) for count in range(radius // num_bands + 1))
        return num_bands * (2.0**width + num_masks * num_codes * (1 + num_codes / 2.0**width))

    return min((bands for bands in range(1, CODE_BITS + 1) if -(-CODE_BITS // bands) <= _MOST_BAND_BITS), key=cost)
