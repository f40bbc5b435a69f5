"""Random erasing: a box of each image is hidden."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from artkit import Draws
from artkit_plugins.augmenters.boxes import box_sides, inside

EraseFill = Literal["mean", "noise", "white", "black"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomErasing:
    """An augmenter: hides a box of each image (B, C, H, W), by draws of its own (Zhong et al. 2020).

    Attributes:
        area: Smallest and largest area of the box, as a share of the image.
        ratio: The box becomes up to this many times wider or higher, relative to the image, evenly on a log scale.
        fill: What hides it: the mean colour of the image, noise, white or black.
    """

    area: tuple[float, float]
    ratio: float
    fill: EraseFill

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Tensor:
        """Images (B, C, H, W) -> images of the same shape and range; the input stays as it is."""
        areas_B = draws.uniform(*self.area)
        stretches_B = torch.exp(draws.uniform(-1, 1) * (math.log(self.ratio) / 2))
        sides = box_sides(areas_B, stretches_B)
        hidden_B1HW = inside(sides, (draws.uniform(), draws.uniform()), images_BCHW.shape)
        return torch.where(hidden_B1HW, self._cover(images_BCHW, draws), images_BCHW)

    def _cover(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """What hides boxes, of a shape that broadcasts to that of the images."""
        if self.fill == "mean":
            return images_BCHW.mean((2, 3), keepdim=True)
        if self.fill == "noise":
            return _noise(images_BCHW, draws)
        return images_BCHW.new_tensor(1.0 if self.fill == "white" else 0.0)


def _noise(images_BCHW: Tensor, draws: Draws) -> Tensor:
    """Pixels that are uniform in [0, 1), of the shape of the images, each image's from a generator of its own."""
    generator, noise_BCHW = torch.Generator(), torch.empty_like(images_BCHW, device="cpu")
    for noise_CHW, seed in zip(noise_BCHW, draws.seeds().tolist(), strict=True):
        noise_CHW.copy_(torch.rand(noise_CHW.shape, generator=generator.manual_seed(seed)))
    return noise_BCHW.to(images_BCHW.device)
