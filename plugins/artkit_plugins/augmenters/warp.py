"""Rotation, shift, zoom and flips of a batch, as one warp: every pixel is interpolated once, not once a step.

Each image has a *map* from its output to its input, in pixels from the centre. With x to the right and y down, a place
of the output is first shifted back, then turned back and scaled back about the centre, then mirrored back.

`B` images, `H` and `W` pixels.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from artkit import Draws

Fill = Literal["edge", "white", "black"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineWarp:
    """An augmenter: images (B, C, H, W), float32 in [0, 1] -> the same, each changed by draws of its own.

    Interpolation is bilinear. The number of draws is the same whatever the options, so that changing one option leaves
    the others' random numbers as they are.

    Attributes:
        rotation: Largest angle in degrees, either way.
        shift: Largest shift, as a share of height and width, in each direction.
        zoom: The picture becomes up to 1 + zoom times larger or smaller, by a factor drawn evenly on a log scale.
        horizontal_flip: Probability of a mirror image, left to right.
        vertical_flip: Probability of a mirror image, top to bottom.
        fill: What comes in from outside the picture: its edge repeated, white or black.
    """

    rotation: float
    shift: float
    zoom: float
    horizontal_flip: float
    vertical_flip: float
    fill: Fill

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Tensor:
        """Images (B, C, H, W) -> warped images, same shape and range; the input stays as it is."""
        height, width = images_BCHW.shape[-2:]
        angles_B = draws.uniform(-self.rotation, self.rotation) * (math.pi / 180)
        scales_B = torch.exp(draws.uniform(-1, 1) * math.log1p(self.zoom))
        right_B = draws.uniform(-self.shift, self.shift) * width
        down_B = draws.uniform(-self.shift, self.shift) * height
        mirror_x_B = 1 - 2 * (draws.uniform() < self.horizontal_flip).float()
        mirror_y_B = 1 - 2 * (draws.uniform() < self.vertical_flip).float()
        cos_B, sin_B = torch.cos(angles_B) / scales_B, torch.sin(angles_B) / scales_B
        grid = sampling_grid(
            (mirror_x_B * cos_B, -mirror_x_B * sin_B),
            (mirror_y_B * sin_B, mirror_y_B * cos_B),
            (right_B, down_B),
            (height, width),
        )
        return resample(images_BCHW, grid, self.fill)


def sampling_grid(
    row_x: tuple[Tensor, Tensor], row_y: tuple[Tensor, Tensor], offset: tuple[Tensor, Tensor], size: tuple[int, int]
) -> Tensor:
    """Give where each output pixel is read, as `grid_sample` wants it: (B, H, W, 2), x first, -1 to 1 over the image.

    An output pixel at (x, y) from the centre reads the input at `matrix @ ((x, y) - offset)` from the centre. Every
    value is worked out by itself, so that an image's grid does not depend on the images beside it, to the last bit.

    Args:
        row_x: First row of the matrix, two tensors (B,).
        row_y: Second row.
        offset: How far the picture moves to the right and down, in pixels, two tensors (B,).
        size: Height and width in pixels.
    """
    height, width = size
    device = row_x[0].device
    x_BW = torch.arange(width, device=device) - (width - 1) / 2 - offset[0][:, None]
    y_BH = torch.arange(height, device=device) - (height - 1) / 2 - offset[1][:, None]
    # x and y each lie together in memory, which is quicker to write and to read.
    planes_2BHW = torch.empty(2, len(x_BW), height, width, device=device)
    for plane_BHW, (row, extent) in zip(planes_2BHW, ((row_x, width), (row_y, height)), strict=True):
        along_x, along_y = (entry[:, None] * (2 / extent) for entry in row)
        torch.add((along_x * x_BW)[:, None, :], (along_y * y_BH)[:, :, None], out=plane_BHW)
    return planes_2BHW.permute(1, 2, 3, 0)


def resample(images_BCHW: Tensor, grid_BHW2: Tensor, fill: Fill) -> Tensor:
    """Read images in [0, 1] at the places of a grid, bilinear; `fill` says what lies outside."""
    if fill == "white":  # what lies outside is 0 to grid_sample, so 0 must be white
        return resample(1 - images_BCHW, grid_BHW2, "black").neg_().add_(1)
    padding = "border" if fill == "edge" else "zeros"
    # Pixels are read at random places: on a CPU a plane of one colour at a time stays in the cache, which takes a third
    # of the time away. What comes out has this layout too.
    images_BCHW = images_BCHW.contiguous()
    warped = F.grid_sample(images_BCHW, grid_BHW2, mode="bilinear", padding_mode=padding, align_corners=False)
    return warped.clamp_(0, 1)
