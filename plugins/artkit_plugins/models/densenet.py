"""SE-DenseNet: densely connected layers whose channels are weighted by squeeze-and-excitation.

A *dense layer* adds `growth_rate` channels to everything before it, a *dense block* is a row of such layers, and a
*transition* between two blocks halves the resolution and drops channels. A *squeeze-and-excitation* unit (SE) looks at
the mean of every channel over the picture and scales the channels by what it makes of them.

Parameters are named as in torchvision's DenseNet, so that weights go from one to the other.

Papers: Huang, Liu, van der Maaten and Weinberger 2017, "Densely Connected Convolutional Networks", of which this is the
variant DenseNet-BC; Hu, Shen and Sun 2018, "Squeeze-and-Excitation Networks".
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from artkit_plugins.models.densenet_layers import DenseBlock, DenseLayer, SqueezeExcitation, Transition
from artkit_plugins.models.densenet_lean import LeanBlock, LeanestLayer, LeanFeatures, LeanLayer, LeanTransition

Memory = Literal["plain", "lean", "leanest"]
Stem = Literal["imagenet", "small", "tiny"]
SEPlacement = Literal["block", "layer", "none"]


class Form(NamedTuple):
    """The classes of a network's parts; those of all forms have the same parameters, outputs and gradients."""

    features: type[nn.Sequential]
    layer: type[DenseLayer]
    block: type[DenseBlock]
    transition: type[Transition]


FORMS: Final[dict[Memory, Form]] = {
    "plain": Form(nn.Sequential, DenseLayer, DenseBlock, Transition),
    "lean": Form(LeanFeatures, LeanLayer, LeanBlock, LeanTransition),
    "leanest": Form(LeanFeatures, LeanestLayer, LeanBlock, LeanTransition),
}


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
        stem: "imagenet" is a 7x7 convolution and a max-pool, both of stride 2; "small" a 3x3 convolution of stride 2;
            "tiny" one of stride 1.
        se_placement: "block" puts an SE unit behind every dense block and every transition; "layer" behind every dense
            layer, on its new channels, and every transition; "none" leaves them out.
        se_ratio: Channels per hidden unit of an SE unit.
        se_min_width: Fewest hidden units of an SE unit.
        dropout: Share of values set to 0 after each convolution of a dense layer.
        memory: What is kept for the backward pass. "plain" is all that automatic differentiation keeps; "lean" computes
            concatenation, normalisation and ReLU again; "leanest" the first convolution of each dense layer too.
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
        memory: Memory = "plain",
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        form = FORMS[memory]

        def se(channels: int, *, at: tuple[SEPlacement, ...]) -> nn.Module:
            if se_placement not in at:
                return nn.Identity()
            return SqueezeExcitation(channels, max(channels // se_ratio, se_min_width))

        self.features = _stem(stem, in_channels, init_channels, form)
        channels = init_channels
        for block, num_layers in enumerate(layers, start=1):
            if block > 1:
                kept = max(int(channels * (1 - reduction)), 1)
                self.features.add_module(f"transition{block - 1}", form.transition(channels, kept))
                self.features.add_module(f"transition{block - 1}_se", se(kept, at=("block", "layer")))
                channels = kept
            dense = form.block()
            for number in range(1, num_layers + 1):
                layer = form.layer(channels, growth_rate, dropout, se(growth_rate, at=("layer",)))
                dense.add_module(f"denselayer{number}", layer)
                channels += growth_rate
            self.features.add_module(f"denseblock{block}", dense)
            self.features.add_module(f"denseblock{block}_se", se(channels, at=("block",)))
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, num_outputs)
        self.artkit_stages = _stage_names(self.features)
        _initialise(self)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Images (B, in_channels, H, W) -> logits (B, num_outputs)."""
        features = F.relu(self.features(images_BCHW), inplace=True)
        logits_BK: Tensor = self.classifier(features.mean((2, 3)))
        return logits_BK


def smallest_image(stem: Stem, num_blocks: int) -> int:
    """Give the smallest height and width in pixels that leave one pixel for the last dense block."""
    size: int = 2 ** (num_blocks - 1)
    for _ in range({"imagenet": 2, "small": 1, "tiny": 0}[stem]):
        size = 2 * size - 1  # the padded layers of the stem round halves up, transitions round them down
    return size


def _stem(stem: Stem, in_channels: int, channels: int, form: Form) -> nn.Sequential:
    """The first layers of the features, to which the others are added."""
    kernel_size, stride = {"imagenet": (7, 2), "small": (3, 2), "tiny": (3, 1)}[stem]
    conv = nn.Conv2d(in_channels, channels, kernel_size, stride, padding=kernel_size // 2, bias=False)
    layers = OrderedDict[str, nn.Module](conv0=conv, norm0=nn.BatchNorm2d(channels), relu0=nn.ReLU(inplace=True))
    if stem != "imagenet":
        return nn.Sequential(layers)
    layers["pool0"] = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    return form.features(layers)


def _stage_names(features: nn.Sequential) -> list[list[str]]:
    """The parts that fine-tuning freezes and thaws by: the stem, and each dense block with the transition before it."""
    stages: list[list[str]] = [[]]
    for name, child in features.named_children():
        if not child.state_dict():
            continue
        if name == "denseblock1" or (name.startswith("transition") and not name.endswith("_se")):
            stages.append([])
        stages[-1].append(f"features.{name}")
    return stages


def _initialise(model: nn.Module) -> None:
    """Draw convolutions as He et al. 2015; every bias starts at 0, every normalisation at the identity."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
