"""Convolutions that step over the whole of what is left of an image, which some kernels of torch compute wrongly.

oneDNN's convolution in bfloat16 leaves most gradients of a kernel's weights undefined if its stride is wider than its
input (seen with torch 2.15 for kernels larger than 1 x 1; a stride of 2 over 1 pixel is the usual case).
"""

from contextlib import suppress
from typing import Any

import torch
from torch import nn


@torch.no_grad()
def overlong_strides(model: nn.Module, image_size: int, device: torch.device) -> list[str]:
    """Names of the convolutions of a model whose stride is wider than their input; it is left in evaluation mode.

    Args:
        model: Images (B, 3, H, W) -> logits.
        image_size: Height and width of the images in pixels.
        device: Where the model is.

    A model that raises is not looked at further: its first step will raise too, and tell who it was with all there is
    to know.
    """
    found: dict[str, None] = {}

    def look(name: str, layer: nn.Conv2d, images: torch.Tensor) -> None:
        pairs = zip(layer.stride, layer.kernel_size, images.shape[-2:], strict=True)
        if any(stride > size and kernel > 1 for stride, kernel, size in pairs):
            found[name] = None

    hooks: list[Any] = [
        module.register_forward_pre_hook(lambda layer, given, name=name: look(name, layer, given[0]))
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with suppress(Exception):
            model.eval()
            model(torch.zeros(1, 3, image_size, image_size, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return list(found)
