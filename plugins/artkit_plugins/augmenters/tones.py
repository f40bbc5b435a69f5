"""Changes of tone with a strength of its own for each image: sharpness, fewer levels, reversal, and stretched ranges.

Each takes images (B, C, H, W), float32 in [0, 1], and gives new ones of the same shape and range. They do what the
operations of the same names do in Pillow, to every image by itself.
"""

from typing import Final

import torch
from torch import Tensor

_LEVELS: Final = 256


def sharpen(images_BCHW: Tensor, factors_B: Tensor) -> Tensor:
    """Multiply the difference from a blurred image; 0 gives the blurred one, 1 leaves images as they are.

    Pixels at the edge stay as they are.
    """
    height, width = images_BCHW.shape[-2:]
    if min(height, width) < 3:
        return images_BCHW.clone()
    centre = images_BCHW[..., 1:-1, 1:-1]
    # The kernel is 1 everywhere and 5 in its centre. Shifted sums, since a convolution may round otherwise in a batch
    # of another size.
    blurred = 4 * centre
    for top in range(3):
        for left in range(3):
            blurred.add_(images_BCHW[..., top : height - 2 + top, left : width - 2 + left])
    sharpened = images_BCHW.clone()
    sharpened[..., 1:-1, 1:-1] = torch.lerp(blurred.div_(13), centre, factors_B.view(-1, 1, 1, 1)).clamp_(0, 1)
    return sharpened


def posterise(images_BCHW: Tensor, bits_B: Tensor) -> Tensor:
    """Keep the highest bits, 1 to 8, of pixels of 8 bits."""
    steps = torch.exp2(8 - bits_B).view(-1, 1, 1, 1)
    return _levels(images_BCHW).div_(steps).floor_().mul_(steps).div_(_LEVELS - 1)


def solarise(images_BCHW: Tensor, thresholds_B: Tensor) -> Tensor:
    """Reverse what is as bright as a threshold, or brighter."""
    return torch.where(images_BCHW >= thresholds_B.view(-1, 1, 1, 1), 1 - images_BCHW, images_BCHW)


def stretch(images_BCHW: Tensor) -> Tensor:
    """Stretch each channel from its darkest and brightest pixel to 0 and 1; a plain channel stays as it is."""
    least, most = images_BCHW.amin((2, 3), keepdim=True), images_BCHW.amax((2, 3), keepdim=True)
    is_plain = least == most
    least, most = least.masked_fill(is_plain, 0), most.masked_fill(is_plain, 1)
    return (images_BCHW - least).div_(most - least).clamp_(0, 1)


def equalise(images_BCHW: Tensor) -> Tensor:
    """Make all of the 256 levels of each channel about equally frequent."""
    levels_RP = _levels(images_BCHW).long().flatten(2).flatten(0, 1)
    rows_R1 = torch.arange(len(levels_RP), device=levels_RP.device)[:, None]
    counts_RL = torch.bincount((levels_RP + _LEVELS * rows_R1).flatten(), minlength=_LEVELS * len(levels_RP))
    counts_RL = counts_RL.view(-1, _LEVELS)
    # All pixels but those of the brightest level that occurs, spread over the other 255 levels.
    brightest_R1 = levels_RP.amax(1, keepdim=True)
    steps_R1 = (counts_RL.sum(1, keepdim=True) - counts_RL.gather(1, brightest_R1)) // (_LEVELS - 1)
    below_RL = counts_RL.cumsum(1) - counts_RL
    table_RL = ((below_RL + steps_R1 // 2) // steps_R1.clamp(min=1)).clamp_(max=_LEVELS - 1)
    table_RL = torch.where(steps_R1 == 0, torch.arange(_LEVELS, device=table_RL.device), table_RL)
    equal_BCHW = table_RL.gather(1, levels_RP).view(images_BCHW.shape).to(images_BCHW.dtype).div_(_LEVELS - 1)
    return torch.where((steps_R1 == 0).view(*images_BCHW.shape[:2], 1, 1), images_BCHW, equal_BCHW)


def _levels(images_BCHW: Tensor) -> Tensor:
    """Pixels as levels of 8 bits, 0 to 255, still floats."""
    return images_BCHW.mul(_LEVELS - 1).round_()
