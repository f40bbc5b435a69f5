"""How alike two pictures are, told from their thumbnails; and a code that brings alike ones together.

The *code* is a perceptual hash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions",
sec. 3.2.1): the signs of the 64 lowest frequencies of a cosine transform of the brightness, about their median. Copies
of another size, quality or brightness have codes that differ in few bits, so they are found without looking at all
pairs. But plain pictures, such as line drawings on white, come together that never were one.

The *difference* of two pictures decides: what is left of one after the other was fitted to it by brightness, contrast,
and a small shift and stretch along each axis, as a share of its own contrast. The fit is linear in the derivatives of
the picture (Lucas and Kanade 1981), so a copy that lost a few rows or columns at its edges leaves next to nothing.
Colours must agree as well, strong or pale, unless one of the two is gray.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.conversion.duplicates.thumbnail import SIDE

CODE_BITS: Final = 64
_FREQUENCIES: Final = 8
_LEAST_CONTRAST: Final = 4.0
"""Standard deviation of the brightness, in levels of 255, below which there is nothing in a picture to compare."""
_MOST_MOVED: Final = 0.1
"""Shift or stretch of a copy, as a share of the picture; what needs more is no copy."""
_SAME_COLOUR: Final = 6.0
"""Mean difference of colours, in levels of 255, up to which they agree once one was made as strong as the other."""
_MOST_PALED: Final = 0.4
"""How much paler than the original a copy may be."""
_GRAY: Final = 1.0
"""Mean distance from gray up to which a picture has no colour."""
_SAME_SHAPE: Final = 0.15
"""Largest difference of the logarithms of height to width."""
_WORTH_A_SECOND_LOOK: Final = 0.45
_NUM_TERMS: Final = 5
_CHUNK: Final = 1 << 12


def codes(luma: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The codes of pictures.

    Args:
        luma: Brightness (N, 16, 16), uint8.

    Returns:
        uint64 (N,).
    """
    places = (2 * np.arange(SIDE) + 1) * np.pi / (2 * SIDE)
    waves = np.cos(np.arange(_FREQUENCIES)[:, None] * places)
    found = np.empty(len(luma), dtype=np.uint64)
    for start in range(0, len(luma), _CHUNK):
        strengths = (waves @ luma[start : start + _CHUNK].astype(np.float64) @ waves.T).reshape(-1, CODE_BITS)
        # The first tells the mean brightness only, which would shift the median.
        signs = strengths > np.median(strengths[:, 1:], axis=1, keepdims=True)
        found[start : start + _CHUNK] = np.packbits(signs, axis=1).view(">u8")[:, 0]
    return found


def has_content(luma: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether there is enough contrast in pictures (N, 16, 16), uint8, to tell them apart; bool (N,)."""
    contrast = np.empty(len(luma))
    for start in range(0, len(luma), _CHUNK):
        contrast[start : start + _CHUNK] = luma[start : start + _CHUNK].std(axis=(1, 2))
    return contrast >= _LEAST_CONTRAST


class Likeness:
    """Differences between pictures of a set.

    Args:
        luma: Brightness (N, 16, 16), uint8.
        colour: Colour (N, 32), uint8, 128 being gray.
        shape: Logarithm of height to width, (N,).
    """

    def __init__(self, luma: NDArray[np.uint8], colour: NDArray[np.uint8], shape: NDArray[np.float64]) -> None:
        self._luma = luma
        self._colour = colour.astype(np.float32) - 128
        self._gray = np.abs(self._colour).mean(axis=1) <= _GRAY
        self._shape = shape

    def differences(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """How different the pictures of each pair are.

        Args:
            pairs: Numbers of pictures, (P, 2).

        Returns:
            float64 (P,): 0 for the same picture, about 1 for unrelated ones, infinite if shape or colour differ.
        """
        found = np.full(len(pairs), np.inf)
        one, other = pairs.T
        comparable = np.flatnonzero(
            (np.abs(self._shape[one] - self._shape[other]) <= _SAME_SHAPE) & self._same_colour(one, other)
        )
        for start in range(0, len(comparable), _CHUNK):
            rows = comparable[start : start + _CHUNK]
            found[rows] = self._unexplained(one[rows], other[rows])
            # The second look can only be worth its time where the first saw something.
            rows = rows[found[rows] <= _WORTH_A_SECOND_LOOK]
            found[rows] = np.minimum(found[rows], self._unexplained(other[rows], one[rows]))
        # Rounded, so that machines that add up in another order decide the same.
        return found.round(4)

    def _unexplained(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """What is left of the second pictures once the first are fitted to them, as a share of their contrast, (P,)."""
        first, place = np.unique(one, return_inverse=True)
        fit = _Fit(self._luma[first])
        second = self._luma[other].reshape(-1, SIDE * SIDE).astype(np.float32)
        return fit.unexplained(place, second - second.mean(axis=1, keepdims=True))

    def _same_colour(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
        same = np.asarray(self._gray[one] | self._gray[other])
        for start in range(0, len(one), _CHUNK):
            rows = slice(start, start + _CHUNK)
            same[rows] |= _colour_distance(self._colour[one[rows]], self._colour[other[rows]]) <= _SAME_COLOUR
        return same


def _colour_distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean difference of colours (P, 32), once those that are stronger were made paler, (P,)."""
    along = (one * other).sum(axis=1)
    gain = np.clip(along / np.maximum((one * one).sum(axis=1), 1e-6), _MOST_PALED, 1)
    back = np.clip(along / np.maximum((other * other).sum(axis=1), 1e-6), _MOST_PALED, 1)
    return np.asarray(np.abs(gain[:, None] * one - back[:, None] * other).mean(axis=1))


class _Fit:
    """Pictures, ready to be fitted to others by least squares.

    Everything that depends on one picture alone is worked out once: the terms of the fit (the picture, and its change
    with a shift down or right and a stretch along either axis, each about its mean) and the inverse of their normal
    matrix.

    Args:
        luma: Brightness (U, 16, 16), uint8.
    """

    def __init__(self, luma: NDArray[np.uint8]) -> None:
        picture = luma.astype(np.float32)
        from_centre = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
        down, right = np.gradient(picture, axis=(1, 2))
        stretched = (down * from_centre[:, None], right * from_centre)
        terms = np.stack([picture, down, right, *stretched], axis=1).reshape(len(luma), _NUM_TERMS, SIDE * SIDE)
        self._terms = terms - terms.mean(axis=2, keepdims=True)
        exact = self._terms.astype(np.float64)
        self._normal = exact @ exact.transpose(0, 2, 1)
        # A little is added to the diagonal, so that pictures without any change in one direction can be solved as well.
        self._inverse = np.linalg.inv(self._normal + 1e-3 * SIDE * SIDE * np.eye(_NUM_TERMS))

    def unexplained(self, place: NDArray[np.int64], others: NDArray[np.float32]) -> NDArray[np.float64]:
        """What is left of other pictures after the fit, as a share of their contrast.

        Args:
            place: Which picture is fitted to each of the others, (P,).
            others: Brightness about its mean, (P, 256).

        Returns:
            float64 (P,); infinite where the fit would turn light into dark, or move the picture too far.
        """
        along = (self._terms[place] @ others[:, :, None]).astype(np.float64)
        weights = self._inverse[place] @ along
        explained = 2 * weights * along - weights * (self._normal[place] @ weights)
        total = np.square(others, dtype=np.float64).sum(axis=1)
        left = np.sqrt(np.maximum(total - explained.sum(axis=(1, 2)), 0) / others.shape[1])
        gain, moves = weights[:, 0, 0], np.abs(weights[:, 1:, 0]) / (SIDE, SIDE, 2, 2)
        good = (gain > 0) & (moves.max(axis=1) <= _MOST_MOVED * gain)
        return np.where(good, left / (np.sqrt(total / others.shape[1]) + _LEAST_CONTRAST), np.inf)
