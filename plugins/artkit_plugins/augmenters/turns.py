"""Turns by chosen angles, about the centre and against the clock; right angles move pixels and interpolate nothing."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from artkit import Draws
from artkit_plugins.augmenters.warp import Fill, resample, sampling_grid


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenTurns:
    """An augmenter: turns each image (B, C, H, W) by one of some angles, all equally likely.

    Multiples of 90 degrees are exact. Images keep their height and width: where these differ, a quarter turn is warped
    like any other, and what does not fit is cut off.

    Attributes:
        angles: In degrees, at least one.
        fill: What comes in from outside the picture: its edge repeated, white or black.
    """

    angles: tuple[float, ...]
    fill: Fill

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Tensor:
        """Images (B, C, H, W) -> turned images, same shape and range; the input stays as it is."""
        chosen_B = (draws.uniform() * len(self.angles)).long()
        height, width = images_BCHW.shape[-2:]
        quarters = [_exact_quarters(angle, is_square=height == width) for angle in self.angles]
        turned_BCHW = self._warped(images_BCHW, chosen_B) if None in quarters else images_BCHW
        for quarter in {quarter for quarter in quarters if quarter is not None}:
            numbers = [number for number, other in enumerate(quarters) if other == quarter]
            is_turned_B = (chosen_B[:, None] == torch.tensor(numbers, device=chosen_B.device)).any(1)
            exact_BCHW = torch.rot90(images_BCHW, quarter, (2, 3))
            turned_BCHW = torch.where(is_turned_B.view(-1, 1, 1, 1), exact_BCHW, turned_BCHW)
        return turned_BCHW

    def _warped(self, images_BCHW: Tensor, chosen_B: Tensor) -> Tensor:
        height, width = images_BCHW.shape[-2:]
        radians = [math.radians(angle) for angle in self.angles]
        cos_B, sin_B = (
            torch.tensor([function(angle) for angle in radians], device=chosen_B.device)[chosen_B]
            for function in (math.cos, math.sin)
        )
        still_B = torch.zeros_like(cos_B)
        grid = sampling_grid((cos_B, -sin_B), (sin_B, cos_B), (still_B, still_B), (height, width))
        return resample(images_BCHW, grid, self.fill)


def _exact_quarters(angle: float, *, is_square: bool) -> int | None:
    """Quarter turns, 0 to 3, if pixels of the image only move in a turn by this angle; else None."""
    quarters, rest = divmod(angle, 90)
    if rest or (quarters % 2 and not is_square):
        return None
    return int(quarters % 4)
