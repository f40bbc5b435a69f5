"""Brightness, contrast, saturation and hue.

All four are linear in the pixels, so they are one step: a pixel becomes a share of itself, of its luma and of a
constant. Nothing is cut off in between; only the result is brought back to [0, 1].
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from artkit import Draws

LUMA: Final = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma of ITU-R BT.601."""

_BLUE_TO_RED: Final = 0.492 / 0.877
"""How the two axes of chroma of BT.601 are scaled: U = 0.492 (blue - luma), V = 0.877 (red - luma)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourJitter:
    """An augmenter: changes the colours of images (B, 3, H, W), each by draws of its own.

    Attributes:
        brightness: Pixels are multiplied by a factor within 1 - brightness and 1 + brightness.
        contrast: Likewise their distance from the image's mean luma.
        saturation: Likewise their distance from their own luma.
        hue: Largest turn of the hue, either way, as a share of the full circle; luma stays.
    """

    brightness: float
    contrast: float
    saturation: float
    hue: float

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Tensor:
        """Images (B, 3, H, W) -> images of the same shape and range; the input stays as it is."""
        bright_B, contrast_B, saturation_B = (
            draws.uniform(1 - most, 1 + most) for most in (self.brightness, self.contrast, self.saturation)
        )
        angles_B = draws.uniform(-self.hue, self.hue) * math.tau
        changed_BCHW = blend(images_BCHW, bright_B, contrast_B, saturation_B)
        if self.hue:
            changed_BCHW = turn_hue(changed_BCHW, angles_B)
        return changed_BCHW.clamp_(0, 1)


def blend(images_BCHW: Tensor, bright_B: Tensor, contrast_B: Tensor, saturation_B: Tensor) -> Tensor:
    """Multiply brightness, contrast and saturation by factors, one after the other; not brought back to [0, 1]."""
    bright, contrast, saturation = (factors_B.view(-1, 1, 1, 1) for factors_B in (bright_B, contrast_B, saturation_B))
    # The mean of the channels first: a sum of few, long rows is the same in a batch of any size.
    mean = bright * luma(images_BCHW.mean((2, 3), keepdim=True))
    gray_B1HW = luma(images_BCHW).mul_((1 - saturation) * contrast * bright).add_((1 - contrast) * mean)
    return (images_BCHW * (saturation * contrast * bright)).add_(gray_B1HW)


def luma(images_BCHW: Tensor) -> Tensor:
    """RGB (B, 3, H, W) -> how bright they look, (B, 1, H, W)."""
    red, green, blue = images_BCHW[:, :1], images_BCHW[:, 1:2], images_BCHW[:, 2:]
    return (LUMA[0] * red).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def turn_hue(images_BCHW: Tensor, angles_B: Tensor) -> Tensor:
    """Turn the chroma of RGB images about the axis of greys, by angles in radians; luma stays."""
    gray_B1HW = luma(images_BCHW)
    chroma_BCHW = images_BCHW - gray_B1HW
    turned_BCHW = _quarter_turn(chroma_BCHW)
    cos, sin = (function(angles_B).view(-1, 1, 1, 1) for function in (torch.cos, torch.sin))
    return (cos * chroma_BCHW).add_(sin * turned_BCHW).add_(gray_B1HW)


def _quarter_turn(chroma_BCHW: Tensor) -> Tensor:
    """Chroma with U in the place of V and -V in the place of U; green follows, since the luma of chroma is 0."""
    red, blue = chroma_BCHW[:, :1], chroma_BCHW[:, 2:]
    new_red, new_blue = _BLUE_TO_RED * blue, -red / _BLUE_TO_RED
    new_green = (LUMA[0] * new_red + LUMA[2] * new_blue) / -LUMA[1]
    return torch.cat([new_red, new_green, new_blue], dim=1)
