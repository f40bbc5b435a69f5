"""How a model lies in memory: as the loader lays out images, with the channels last; and a layer that cannot bear it.

With a stride, oneDNN's gradient of a 1 x 1 convolution writes behind the end of its memory if the channels lie last,
the batch is odd, and fewer than 16 channels come in; the process dies of it later (torch 2.15, CPU with AVX-512).
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_FEWEST_CHANNELS: Final = 16


def channels_last(model: nn.Module) -> nn.Module:
    """Lay out kernels as the loader lays out images; `Module.to` would refuse a model with parameters of rank 5."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.to(memory_format=torch.channels_last)
    return model


def avoid_narrow_strides(model: nn.Module) -> None:
    """Let a model learn without the gradients that spoil memory; its parameters and what it computes stay.

    Args:
        model: What is to be trained on the CPU.
    """
    for layer in model.modules():
        if type(layer) is nn.Conv2d and _spoils_memory(layer):
            layer.__class__ = _ThinnedConv2d


def _spoils_memory(layer: nn.Conv2d) -> bool:
    is_pointwise = layer.kernel_size == (1, 1) and layer.padding in {(0, 0), "valid"} and layer.groups == 1
    return is_pointwise and max(layer.stride) > 1 and layer.in_channels < _FEWEST_CHANNELS


class _ThinnedConv2d(nn.Conv2d):
    """A 1 x 1 convolution that sees every so many rows and columns while it learns, which is what a stride means.

    Answers are computed as ever: to the last bit as by the same model where it is not trained.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Features (B, in_channels, H, W) -> features (B, out_channels, H / stride, W / stride)."""
        if not torch.is_grad_enabled():
            return super().forward(input)
        rows, columns = self.stride
        return F.conv2d(input[..., ::rows, ::columns], self.weight, self.bias)
