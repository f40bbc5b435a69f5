"""TrivialAugment: one operation an image, drawn evenly, with a strength that is drawn evenly as well."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from artkit import Draws
from artkit_plugins.augmenters.jitter import blend
from artkit_plugins.augmenters.tones import equalise, posterise, sharpen, solarise, stretch
from artkit_plugins.augmenters.warp import Fill, resample, sampling_grid

_NUM_STRENGTHS: Final = 31
_MOST: Final = 0.99
"""Of shears, and of factors: from 1 - 0.99 to 1 + 0.99."""

_MOTIONS: Final = (_MOST, _MOST, 32 / 224, 32 / 224, math.radians(135))
"""Largest shear in x and in y, shift to the right and down as a share of the image, and turn."""

_TONES: Final[tuple[Callable[[Tensor, Tensor], Tensor], ...]] = (
    lambda images_BCHW, strengths_B: _coloured(images_BCHW, 1 + _MOST * strengths_B, 1, 1),
    lambda images_BCHW, strengths_B: _coloured(images_BCHW, 1, 1 + _MOST * strengths_B, 1),
    lambda images_BCHW, strengths_B: _coloured(images_BCHW, 1, 1, 1 + _MOST * strengths_B),
    lambda images_BCHW, strengths_B: sharpen(images_BCHW, 1 + _MOST * strengths_B),
    lambda images_BCHW, strengths_B: posterise(images_BCHW, 8 - (6 * strengths_B.abs()).round()),
    lambda images_BCHW, strengths_B: solarise(images_BCHW, _thresholds(strengths_B)),
    lambda images_BCHW, _: stretch(images_BCHW),
    lambda images_BCHW, _: equalise(images_BCHW),
)
"""Brightness, contrast, saturation, sharpness, fewer bits, reversal, and two of which each has one strength only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrivialAugment:
    """An augmenter: changes each image (B, 3, H, W) by one operation, all equally likely (Müller and Hutter 2021).

    Operations and strengths are those of the paper's wide space. Shifts are shares of the image, 32 pixels of 224, and
    what turns and shears does so about the centre.

    Attributes:
        geometric_only: Leave out what changes colours, which tell of the artist.
        fill: What comes in from outside the picture: its edge repeated, white or black.
    """

    geometric_only: bool
    fill: Fill

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Tensor:
        """Images (B, 3, H, W) -> images of the same shape and range; the input stays as it is."""
        # Motions come first, then tones; the last number leaves an image as it is.
        num_operations = len(_MOTIONS) + (0 if self.geometric_only else len(_TONES)) + 1
        chosen_B = (draws.uniform() * num_operations).long()
        strengths_B = (draws.uniform() * _NUM_STRENGTHS).floor_() / (_NUM_STRENGTHS - 1)
        strengths_B = torch.where(draws.uniform() < 0.5, -strengths_B, strengths_B)
        rows_of = _rows_by_number(chosen_B)
        changed_BCHW = images_BCHW.clone()
        moved = [row for number in range(len(_MOTIONS)) for row in rows_of.get(number, [])]
        if moved:
            changed_BCHW[moved] = _moved(images_BCHW[moved], chosen_B[moved], strengths_B[moved], self.fill)
        for number, tone in enumerate(_TONES[: num_operations - len(_MOTIONS) - 1], start=len(_MOTIONS)):
            rows = rows_of.get(number)
            if rows:
                changed_BCHW[rows] = tone(images_BCHW[rows], strengths_B[rows])
        return changed_BCHW


def _rows_by_number(numbers_B: Tensor) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for row, number in enumerate(numbers_B.tolist()):
        rows.setdefault(number, []).append(row)
    return rows


def _moved(images_BCHW: Tensor, chosen_B: Tensor, strengths_B: Tensor, fill: Fill) -> Tensor:
    """Move each image by the motion of its number, all in one warp."""
    still_B = torch.zeros_like(strengths_B)
    shear_x_B, shear_y_B, right_B, down_B, angles_B = (
        torch.where(chosen_B == number, most * strengths_B, still_B) for number, most in enumerate(_MOTIONS)
    )
    height, width = images_BCHW.shape[-2:]
    cos_B, sin_B = torch.cos(angles_B), torch.sin(angles_B)
    row_x, row_y = (cos_B, shear_x_B - sin_B), (shear_y_B + sin_B, cos_B)
    grid = sampling_grid(row_x, row_y, (right_B * width, down_B * height), (height, width))
    return resample(images_BCHW, grid, fill)


def _thresholds(strengths_B: Tensor) -> Tensor:
    """From which brightness on pixels are reversed: from level 256 of 8 bits, which none has, down to level 0."""
    return (1 - strengths_B.abs()) * (256 / 255)


def _coloured(images_BCHW: Tensor, *factors: Tensor | float) -> Tensor:
    """Multiply brightness, contrast and saturation by their factors."""
    of_each = (torch.as_tensor(factor, device=images_BCHW.device).expand(len(images_BCHW)) for factor in factors)
    return blend(images_BCHW, *of_each).clamp_(0, 1)
