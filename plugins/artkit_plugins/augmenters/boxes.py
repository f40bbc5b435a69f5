"""Boxes in images, whose size and place are shares of the image's."""

from collections.abc import Sequence

import torch
from torch import Tensor


def box_sides(areas_B: Tensor, stretches_B: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height, as shares of the image's, of boxes of an area that are stretched; at most 1 each.

    Args:
        areas_B: As shares of the image, in (0, 1].
        stretches_B: What the width is multiplied and the height divided by.
    """
    sides_B = torch.sqrt(areas_B)
    return (sides_B * stretches_B).clamp(max=1), (sides_B / stretches_B).clamp(max=1)


def inside(sides: tuple[Tensor, Tensor], places: tuple[Tensor, Tensor], shape: Sequence[int]) -> Tensor:
    """Which pixels are in boxes that lie wholly in their images, bool (B, 1, H, W).

    Args:
        sides: Width and height of each box, as shares of the image's, two tensors (B,).
        places: Where each box is, from 0 (left, top) to 1 (right, bottom), two tensors (B,).
        shape: Of the images, (B, C, H, W).
    """
    ranges = []
    for side_B, place_B, length in zip(sides, places, (shape[3], shape[2]), strict=True):
        first_B1, end_B1 = (bound_B[:, None] for bound_B in span(side_B, place_B, length))
        number_L = torch.arange(length, device=side_B.device)
        ranges.append((number_L >= first_B1) & (number_L < end_B1))
    columns_BW, rows_BH = ranges
    return (rows_BH[:, :, None] & columns_BW[:, None, :])[:, None]


def span(sides_B: Tensor, places_B: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """First pixel of each box along an axis of so many pixels, and the one behind its last; see `inside`."""
    pixels_B = (sides_B * length).round_()
    # Every first pixel that leaves the box inside is as likely as any other.
    first_B = (places_B * (length + 1 - pixels_B)).floor_().minimum(length - pixels_B)
    return first_B, first_B + pixels_B
