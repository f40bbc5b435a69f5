"""Images mixed in pairs: mixup shows both through one another, cutmix shows a box of one in the other.

All images of an optimizer step are mixed with one weight, and each pair becomes two images, each of which shows more of
another one: the weight of an image's own label is at least a half.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from artkit import Draws, Mixed
from artkit_plugins.augmenters.boxes import span


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixup:
    """An augmenter that mixes pixels (Zhang et al. 2018).

    Attributes:
        alpha: The weight has a beta distribution with both parameters alpha: towards 0, images stay nearly as they are.
    """

    mixes: ClassVar[bool] = True
    alpha: float

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Mixed:
        """Images (B, C, H, W) -> mixed images of the same shape and range; the input stays as it is."""
        weight = _own_share(_beta(self.alpha, draws.of_step()))
        partners_B = draws.partners()
        mixed_BCHW = images_BCHW[partners_B].lerp_(images_BCHW, weight)
        return Mixed(mixed_BCHW, partners_B, weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutmix:
    """An augmenter that puts a box of each image's partner into it, in its own place (Yun et al. 2019).

    A box of more than half of the image shows the image itself, with its partner around it. The box has
    the shape of the image, and lies wholly in it; labels are weighted by the pixels that it really has.

    Attributes:
        alpha: The share of the box has a beta distribution with both parameters alpha; with 1, all are equally likely.
    """

    mixes: ClassVar[bool] = True
    alpha: float

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Mixed:
        """Images (B, C, H, W) -> images of the same shape and range; the input stays as it is."""
        height, width = images_BCHW.shape[-2:]
        side = torch.tensor([math.sqrt(_beta(self.alpha, draws.of_step()))])
        columns, rows = (_pixels(side, draws.of_step(), length) for length in (width, height))
        box_share = (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
        partners_B = draws.partners()
        if box_share > 0.5:  # then the image itself is in the box, and its partner around it
            mixed_BCHW = images_BCHW[partners_B]
            mixed_BCHW[:, :, rows, columns] = images_BCHW[:, :, rows, columns]
        else:
            mixed_BCHW = images_BCHW.clone()
            mixed_BCHW[:, :, rows, columns] = images_BCHW[:, :, rows, columns][partners_B]
        return Mixed(mixed_BCHW, partners_B, _own_share(box_share))


def _pixels(side: Tensor, place: float, length: int) -> slice:
    first, end = (int(bound) for bound in span(side, torch.tensor([place]), length))
    return slice(first, end)


def _own_share(share: float) -> float:
    """The larger of two shares: which image of a pair is the one, and which is its partner, is only a name."""
    return max(share, 1 - share)


def _beta(alpha: float, uniform: float) -> float:
    """The value of a beta distribution, both of whose parameters are alpha, below which a share of its values is."""
    from scipy.special import betaincinv

    return float(betaincinv(alpha, alpha, uniform))
