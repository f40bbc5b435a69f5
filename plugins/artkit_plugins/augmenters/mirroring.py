"""Mirror images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from artkit import Draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """An augmenter: mirrors images (B, C, H, W), each by draws of its own. Pixels move and stay what they are.

    Attributes:
        horizontal: Probability of a mirror image, left to right.
        vertical: Probability of a mirror image, top to bottom.
    """

    horizontal: float
    vertical: float

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Tensor:
        """Images (B, C, H, W) -> images of the same shape and range."""
        is_flipped = [(draws.uniform() < probability).tolist() for probability in (self.vertical, self.horizontal)]
        flipped_BCHW = torch.empty_like(images_BCHW)
        # One after the other: an image stays in the cache of a CPU, where a batch does not.
        for image_CHW, flipped_CHW, *chosen in zip(images_BCHW, flipped_BCHW, *is_flipped, strict=True):
            axes = [axis for axis, is_chosen in zip((1, 2), chosen, strict=True) if is_chosen]
            flipped_CHW.copy_(image_CHW.flip(axes) if axes else image_CHW)
        return flipped_BCHW
