"""Augmenters: training images (B, 3, H, W), float32 in [0, 1], and draws -> images of the same shape and range."""

from typing import TYPE_CHECKING, Annotated, Literal

from artkit import Augmenter, AugmenterContext, Doc, Draws, Ge, Interval

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["affine", "none"]


def affine(
    _ctx: AugmenterContext,
    *,
    rotation: Annotated[float, Interval(ge=0, le=180), Doc("largest angle in degrees, either way")] = 10.0,
    shift: Annotated[float, Interval(ge=0, le=1), Doc("largest shift, as a share of height and width")] = 0.1,
    zoom: Annotated[float, Ge(0), Doc("0.25: up to 1.25 times larger or smaller, evenly on a log scale")] = 0.25,
    horizontal_flip: Annotated[float, Interval(ge=0, le=1), Doc("probability of a flip, left to right")] = 0.5,
    vertical_flip: Annotated[float, Interval(ge=0, le=1), Doc("probability of a flip, top to bottom")] = 0.0,
    fill: Annotated[Literal["edge", "white", "black"], Doc("what comes in from outside the picture")] = "edge",
) -> Augmenter:
    """Rotation, shift, zoom and flips in one warp, each image by draws of its own."""
    from artkit_plugins.augmenters.warp import AffineWarp

    return AffineWarp(
        rotation=rotation,
        shift=shift,
        zoom=zoom,
        horizontal_flip=horizontal_flip,
        vertical_flip=vertical_flip,
        fill=fill,
    )


def none(_ctx: AugmenterContext) -> Augmenter:
    """Leave images as they are."""

    def unchanged(images_BCHW: "Tensor", _draws: Draws, /) -> "Tensor":
        return images_BCHW

    return unchanged
