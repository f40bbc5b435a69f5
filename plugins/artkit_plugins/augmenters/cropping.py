"""Random parts of images, shown as large as the whole, in one warp."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from artkit import Draws
from artkit_plugins.augmenters.boxes import box_sides
from artkit_plugins.augmenters.warp import resample, sampling_grid


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomCrop:
    """An augmenter: shows a random part of each image (B, C, H, W) in the size of the whole (Szegedy et al. 2015).

    A part is at most as large as its image, so it is only ever enlarged: bilinear interpolation needs no filter against
    aliasing. What would reach beyond the image is as long or as wide as the image instead.

    Attributes:
        scale: Smallest and largest area of the part, as a share of the image.
        ratio: The part becomes up to this many times wider or higher, relative to the image, evenly on a log scale.
    """

    scale: tuple[float, float]
    ratio: float

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Tensor:
        """Images (B, C, H, W) -> enlarged parts, same shape and range; the input stays as it is."""
        height, width = images_BCHW.shape[-2:]
        areas_B = draws.uniform(*self.scale)
        stretches_B = torch.exp(draws.uniform(-1, 1) * (math.log(self.ratio) / 2))
        wide_B, high_B = box_sides(areas_B, stretches_B)
        # Where the centre of the part is from that of the image, in pixels.
        right_B = draws.uniform(-0.5, 0.5) * (1 - wide_B) * width
        down_B = draws.uniform(-0.5, 0.5) * (1 - high_B) * height
        none_B = torch.zeros_like(wide_B)
        offset = (-right_B / wide_B, -down_B / high_B)
        grid = sampling_grid((wide_B, none_B), (none_B, high_B), offset, (height, width))
        return resample(images_BCHW, grid, "edge")
