"""The parts of an SE-DenseNet: squeeze-and-excitation, dense layers and blocks, and the transitions between blocks.

Parameters are named as in torchvision's DenseNet, so that weights go from one to the other.

Papers: Huang, Liu, van der Maaten and Weinberger 2017, "Densely Connected Convolutional Networks", of which this is the
variant DenseNet-BC; Hu, Shen and Sun 2018, "Squeeze-and-Excitation Networks".
"""

from collections import OrderedDict
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BOTTLENECK_FACTOR: Final = 4
"""Channels between the two convolutions of a dense layer, in growth rates (Huang et al. 2017, sec. 3)."""


class SqueezeExcitation(nn.Module):
    """Scales each channel by a factor in (0, 1) that depends on the means of all channels: (B, C, H, W) -> the same.

    Args:
        channels: C.
        width: Units of the hidden layer; C / 16 in Hu et al. 2018, sec. 3.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, width)
        self.fc2 = nn.Linear(width, channels)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features (B, C, H, W) -> the same shape."""
        # the gradient of a sum is a view, that of a mean a tensor of the features' size
        sums_BC = features_BCHW.sum((2, 3), dtype=torch.promote_types(features_BCHW.dtype, torch.float32))
        means_BC = (sums_BC / features_BCHW.shape[2:].numel()).to(features_BCHW.dtype)
        scales_BC = torch.sigmoid(self.fc2(F.relu(self.fc1(means_BC))))
        return features_BCHW * scales_BC[:, :, None, None]


class DenseLayer(nn.Module):
    """BN, ReLU, 1x1 convolution, BN, ReLU, 3x3 convolution: (B, C, H, W) -> the new channels (B, growth_rate, H, W).

    Args:
        in_channels: C.
        growth_rate: Channels that the layer adds, k in Huang et al. 2017, sec. 3.
        dropout: Share of values set to 0 after each convolution in training.
        se: What weights the new channels; `nn.Identity` for nothing.
    """

    def __init__(self, in_channels: int, growth_rate: int, dropout: float, se: nn.Module) -> None:
        super().__init__()
        width = BOTTLENECK_FACTOR * growth_rate
        self.dropout = dropout
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, growth_rate, kernel_size=3, padding=1, bias=False)
        self.se = se

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features (B, C, H, W) -> new channels (B, growth_rate, H, W)."""
        bottleneck = self.conv1(F.relu(self.norm1(features_BCHW), inplace=True))
        bottleneck = F.dropout(bottleneck, self.dropout, self.training)
        new = self.conv2(F.relu(self.norm2(bottleneck), inplace=True))
        out: Tensor = self.se(F.dropout(new, self.dropout, self.training))
        return out


class DenseBlock(nn.ModuleDict):
    """Dense layers in a row; each sees the block's input and all that the layers before it added.

    Takes (B, C, H, W) and returns (B, C + num_layers * growth_rate, H, W).
    """

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features (B, C, H, W) -> features with the new channels behind the old ones."""
        for layer in self.values():
            features_BCHW = torch.cat([features_BCHW, layer(features_BCHW)], dim=1)
        return features_BCHW


class Transition(nn.Sequential):
    """BN, ReLU, 1x1 convolution, 2x2 average pool: (B, C, H, W) -> (B, out_channels, H // 2, W // 2)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            OrderedDict[str, nn.Module](
                norm=nn.BatchNorm2d(in_channels),
                relu=nn.ReLU(inplace=True),
                conv=nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
                pool=nn.AvgPool2d(kernel_size=2, stride=2),
            )
        )
