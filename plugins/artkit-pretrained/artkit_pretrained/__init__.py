"""Models for artkit with weights that install from a package, so that transfer learning needs no network in a run.

packages.py       finds a file of weights in an installed package, without importing it
efficientnet.py   EfficientNet-Lite0
mobilenet.py      torchvision's MobileNetV2
enlarging.py      shows a model enlarged images
"""

from typing import TYPE_CHECKING, Annotated

from artkit import Doc, Interval, ModelContext, RecipeError, RegisterModels, hookimpl

if TYPE_CHECKING:
    from torch import nn

__version__ = "0.1.0"

_Pretrained = Annotated[bool, Doc("start from weights trained on ImageNet; false: from random numbers")]
_Dropout = Annotated[float, Interval(ge=0, lt=1), Doc("share of the pooled features set to 0 in training")]
_Enlarge = Annotated[
    float, Interval(ge=1, le=8), Doc("enlarge images so many times before the first layer, such as 2 for those of 64")
]


@hookimpl
def artkit_models(register: RegisterModels) -> None:
    """Register the models."""
    register("efficientnet-lite0", efficientnet_lite0)
    register("mobilenet-v2", mobilenet_v2)


def efficientnet_lite0(
    ctx: ModelContext, *, pretrained: _Pretrained = True, dropout: _Dropout = 0.2, enlarge: _Enlarge = 1
) -> "nn.Module":
    """EfficientNet-Lite0, trained on ImageNet: small, and the better of the two."""
    _check_channels(ctx)
    from artkit_pretrained.efficientnet import build
    from artkit_pretrained.enlarging import enlarge_images

    model = build(ctx.num_outputs, pretrained=pretrained and ctx.load_weights, dropout=dropout)
    enlarge_images(model, enlarge)
    return model


def mobilenet_v2(
    ctx: ModelContext, *, pretrained: _Pretrained = True, dropout: _Dropout = 0.2, enlarge: _Enlarge = 1
) -> "nn.Module":
    """MobileNetV2, trained on ImageNet: small and quick."""
    _check_channels(ctx)
    from artkit_pretrained.enlarging import enlarge_images
    from artkit_pretrained.mobilenet import build

    model = build(ctx.num_outputs, pretrained=pretrained and ctx.load_weights, dropout=dropout)
    enlarge_images(model, enlarge)
    return model


def _check_channels(ctx: ModelContext) -> None:
    if ctx.in_channels != 3:
        raise RecipeError(
            f"the weights are for images of 3 channels, these have {ctx.in_channels}; choose a model "
            "that is trained from random numbers, such as small-resnet"
        )
