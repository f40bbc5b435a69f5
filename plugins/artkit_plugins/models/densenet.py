"""SE-DenseNet: densely connected layers whose channels are weighted by squeeze-and-excitation.

A *dense layer* adds `growth_rate` channels to everything before it, a *dense block* is a row of such layers, and a
*transition* between two blocks halves the resolution and drops channels. A *squeeze-and-excitation* unit (SE) looks at
the mean of every channel over the picture and scales the channels by what it makes of them.

Parameters are named as in torchvision's DenseNet, so that weights go from one to the other.

Papers: Huang, Liu, van der Maaten and Weinberger 2017, "Densely Connected Convolutional Networks", of which this is the
variant DenseNet-BC; Hu, Shen and Sun 2018, "Squeeze-and-Excitation Networks".
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Stem = Literal["imagenet", "small"]
SEPlacement = Literal["block", "layer", "none"]

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
        means_BC = features_BCHW.mean((2, 3))
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


class SEDenseNet(nn.Module):
    """SE-DenseNet: images (B, in_channels, H, W), normalised floats -> logits (B, num_outputs).

    Any H and W of at least `smallest_image(stem, len(layers))` will do. In training, batch statistics normalise and
    dropout is on; in evaluation neither depends on the rest of the batch.

    Args:
        num_outputs: Number of logits.
        growth_rate: Channels that a dense layer adds.
        layers: Dense layers of each block.
        reduction: Share of the channels that a transition drops, 1 - theta in Huang et al. 2017, sec. 3.
        init_channels: Channels after the stem.
        stem: "imagenet" is a 7x7 convolution and a max-pool, both of stride 2; "small" a 3x3 convolution of stride 2.
        se_placement: "block" puts an SE unit behind every dense block and every transition; "layer" behind every dense
            layer, on its new channels, and every transition; "none" leaves them out.
        se_ratio: Channels per hidden unit of an SE unit.
        se_min_width: Fewest hidden units of an SE unit.
        dropout: Share of values set to 0 after each convolution of a dense layer.
        in_channels: Channels of the images.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        growth_rate: int = 16,
        layers: Sequence[int] = (6, 12, 24, 16),
        reduction: float = 0.5,
        init_channels: int = 64,
        stem: Stem = "imagenet",
        se_placement: SEPlacement = "block",
        se_ratio: int = 16,
        se_min_width: int = 1,
        dropout: float = 0.0,
        in_channels: int = 3,
    ) -> None:
        super().__init__()

        def se(channels: int, *, at: tuple[SEPlacement, ...]) -> nn.Module:
            if se_placement not in at:
                return nn.Identity()
            return SqueezeExcitation(channels, max(channels // se_ratio, se_min_width))

        self.features = _stem(stem, in_channels, init_channels)
        channels = init_channels
        for block, num_layers in enumerate(layers, start=1):
            if block > 1:
                kept = max(int(channels * (1 - reduction)), 1)
                self.features.add_module(f"transition{block - 1}", Transition(channels, kept))
                self.features.add_module(f"transition{block - 1}_se", se(kept, at=("block", "layer")))
                channels = kept
            dense = _dense_block(channels, num_layers, growth_rate, dropout, lambda c: se(c, at=("layer",)))
            channels += num_layers * growth_rate
            self.features.add_module(f"denseblock{block}", dense)
            self.features.add_module(f"denseblock{block}_se", se(channels, at=("block",)))
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, num_outputs)
        _initialise(self)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Images (B, in_channels, H, W) -> logits (B, num_outputs)."""
        features = F.relu(self.features(images_BCHW), inplace=True)
        logits_BK: Tensor = self.classifier(features.mean((2, 3)))
        return logits_BK


def smallest_image(stem: Stem, num_blocks: int) -> int:
    """Give the smallest height and width in pixels that leave one pixel for the last dense block."""
    size: int = 2 ** (num_blocks - 1)
    for _ in range(2 if stem == "imagenet" else 1):
        size = 2 * size - 1  # the padded layers of the stem round halves up, transitions round them down
    return size


def _stem(stem: Stem, in_channels: int, channels: int) -> nn.Sequential:
    kernel_size = 7 if stem == "imagenet" else 3
    conv = nn.Conv2d(in_channels, channels, kernel_size, stride=2, padding=kernel_size // 2, bias=False)
    layers = OrderedDict[str, nn.Module](conv0=conv, norm0=nn.BatchNorm2d(channels), relu0=nn.ReLU(inplace=True))
    if stem == "imagenet":
        layers["pool0"] = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    return nn.Sequential(layers)


def _dense_block(
    channels: int, num_layers: int, growth_rate: int, dropout: float, se: Callable[[int], nn.Module]
) -> DenseBlock:
    return DenseBlock(
        {
            f"denselayer{number + 1}": DenseLayer(
                channels + number * growth_rate, growth_rate, dropout, se(growth_rate)
            )
            for number in range(num_layers)
        }
    )


def _initialise(model: nn.Module) -> None:
    """Draw convolutions as He et al. 2015; every bias starts at 0, every normalisation at the identity."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
