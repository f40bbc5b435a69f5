"""Random resized crops, drawn before an image is decoded, so that it need not be decoded larger than its crop.

Each crop is a function of (seed, epoch, position) and the size of the image: the same on any rank, with any number of
threads, and after a restart.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.hashing import STREAM_CROP, hash_uniform

_ATTEMPTS: Final = 10


@dataclass(frozen=True, slots=True)
class RandomResizedCrop:
    """A part of the image of random area, shape and place, stretched to the square (Szegedy et al. 2015).

    The area is uniform in `scale`, the shape log-uniform in `ratio`. Of ten draws the first that fits into the image is
    taken; if none does, the largest part in the middle with a shape within `ratio`.

    Raises:
        ValueError: for a value out of bounds, saying which rule it breaks.
    """

    scale: tuple[float, float] = (0.35, 1.0)
    """Least and largest area of a crop as a share of the image's area."""
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    """Least and largest width of a crop as a multiple of its height."""

    def __post_init__(self) -> None:
        # State files and recipes hold lists; as tuples they compare and hash.
        object.__setattr__(self, "scale", tuple(self.scale))
        object.__setattr__(self, "ratio", tuple(self.ratio))
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"scale={self.scale} must be two shares of the area, 0 < least <= largest <= 1")
        if len(self.ratio) != 2 or not 0 < self.ratio[0] <= self.ratio[1] < math.inf:
            raise ValueError(f"ratio={self.ratio} must be two shapes as width / height, 0 < least <= largest")

    def boxes(
        self,
        seed: int,
        epoch: int,
        positions: NDArray[np.int64],
        heights: NDArray[np.integer],
        widths: NDArray[np.integer],
    ) -> NDArray[np.float64]:
        """Draw the crops of some positions.

        Args:
            seed: Seed of the run.
            epoch: Number of the epoch.
            positions: In the plan of the epoch, int, (B,).
            heights: Of the upright images in pixels, int, (B,).
            widths: Of the upright images in pixels, int, (B,).

        Returns:
            Top, left, height and width of each crop in pixels, float64, (B, 4); inside the image.
        """
        # Four numbers an attempt: (4, B, attempts).
        uniform = hash_uniform(
            seed, STREAM_CROP, epoch, positions[None, :, None], np.arange(_ATTEMPTS), np.arange(4)[:, None, None]
        )
        image_height, image_width = heights[:, None].astype(np.float64), widths[:, None].astype(np.float64)
        area = image_height * image_width * _between(*self.scale, uniform[0])
        shape = np.exp(_between(math.log(self.ratio[0]), math.log(self.ratio[1]), uniform[1]))
        height, width = np.sqrt(area / shape), np.sqrt(area * shape)
        top, left = (image_height - height) * uniform[2], (image_width - width) * uniform[3]
        fits = (height <= image_height) & (width <= image_width)
        drawn = np.stack([top, left, height, width], axis=-1)[np.arange(len(positions)), fits.argmax(axis=1)]
        return np.where(fits.any(axis=1, keepdims=True), drawn, self._middle(heights, widths))

    def _middle(self, heights: NDArray[np.integer], widths: NDArray[np.integer]) -> NDArray[np.float64]:
        """The largest parts in the middle with a shape within `ratio`, (B, 4)."""
        shape = np.clip(widths / heights, *self.ratio)
        height, width = np.minimum(heights, widths / shape), np.minimum(widths, heights * shape)
        return np.stack([(heights - height) / 2, (widths - width) / 2, height, width], axis=-1)


def _between(low: float, high: float, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    return low + (high - low) * uniform
