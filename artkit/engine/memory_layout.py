"""How a model lies in memory: as the loader lays out images, with the channels last; and a layer that cannot bear it.

With a stride, oneDNN's gradient of a 1 x 1 convolution writes behind the end of its memory if the channels lie last,
the batch is odd, and fewer than 16 channels come in; the process dies of it later (torch 2.15, CPU with AVX-512).
"""

import functools
from typing import Any, Final

import torch
from torch import nn

_FEWEST_CHANNELS: Final = 16


def channels_last(model: nn.Module) -> nn.Module:
    """Lay out kernels as the loader lays out images; `Module.to` would refuse a model with parameters of rank 5."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.to(memory_format=torch.channels_last)
    return model


def avoid_narrow_strides(model: nn.Module) -> None:
    """Let convolutions that would spoil memory see every so many rows and columns, which is what a stride means.

    Args:
        model: What is trained, where it is trained; it is changed, but not in what it computes nor in its parameters.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d) and _spoils_memory(layer):
            layer.register_forward_pre_hook(functools.partial(_thin, stride=layer.stride))
            layer.stride = (1, 1)


def _spoils_memory(layer: nn.Conv2d) -> bool:
    return (
        layer.weight.device.type == "cpu"
        and layer.kernel_size == (1, 1)
        and layer.padding in {(0, 0), "valid"}
        and max(layer.stride) > 1
        and layer.in_channels < _FEWEST_CHANNELS
    )


def _thin(_layer: nn.Module, given: tuple[Any, ...], *, stride: tuple[int, ...]) -> tuple[Any, ...]:
    features, *others = given
    return features[..., :: stride[0], :: stride[1]], *others
