"""A short residual network for small images: as few convolutions as a residual network can have, and those wide.

With one block a stage it is known as ResNet-10. The stem halves the resolution with a 3x3 window: an image of 64 pixels
reaches the first block with 32, or with 16 if the stem pools. It pools before it normalises: the largest values are the
same either way while the scales are positive, and normalising a quarter of the pixels makes a training step about a
sixth shorter.

Papers: He, Zhang, Ren and Sun 2016, "Deep Residual Learning for Image Recognition"; Goyal et al. 2017, "Accurate, Large
Minibatch SGD", sec. 5.1, for blocks that start as their shortcut alone.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: (B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            pointwise = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)
            self.downsample = nn.Sequential(pointwise, nn.BatchNorm2d(out_channels))

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features (B, in_channels, H, W) -> features (B, out_channels, H / stride, W / stride)."""
        new = F.relu(self.bn1(self.conv1(features_BCHW)), inplace=True)
        return F.relu(self.bn2(self.conv2(new)) + self.downsample(features_BCHW), inplace=True)


class SmallResNet(nn.Module):
    """Residual network for small images: (B, in_channels, H, W), normalised floats -> logits (B, num_outputs).

    Any H and W will do; from 32 pixels on, the last stage still sees more than one place of the image.

    Args:
        num_outputs: Number of logits.
        width: Channels of the first stage; every further stage has twice as many as the one before.
        blocks: Residual blocks of each stage; every stage but the first halves the resolution.
        pools: Whether the stem halves the resolution once more.
        dropout: Share of the pooled features set to 0 in training.
        in_channels: Channels of the images.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        width: int = 32,
        blocks: Sequence[int] = (1, 1, 1, 1),
        pools: bool = False,
        dropout: float = 0.0,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1) if pools else nn.Identity()
        self.stages = nn.Sequential()
        channels = width
        for stage, num_blocks in enumerate(blocks):
            out_channels = width * 2**stage
            for block in range(num_blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                self.stages.append(BasicBlock(channels, out_channels, stride))
                channels = out_channels
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_outputs)
        self.artkit_stages = _stage_names(blocks)
        _initialise(self)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Images (B, in_channels, H, W) -> logits (B, num_outputs)."""
        features = F.relu(self.bn1(self.maxpool(self.conv1(images_BCHW))), inplace=True)
        features = self.stages(features)
        logits_BK: Tensor = self.fc(self.dropout(features.mean((2, 3))))
        return logits_BK


def _stage_names(blocks: Sequence[int]) -> list[list[str]]:
    """The parts that fine-tuning freezes and thaws by: the stem, and the blocks of each stage."""
    firsts = [sum(blocks[:stage]) for stage in range(len(blocks))]
    stages = [[f"stages.{first + block}" for block in range(num)] for first, num in zip(firsts, blocks, strict=True)]
    return [["conv1", "bn1"], *stages]


def _initialise(model: nn.Module) -> None:
    """Draw convolutions as He et al. 2015 and silence the last normalisation of each block."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, BasicBlock):
            nn.init.zeros_(module.bn2.weight)
