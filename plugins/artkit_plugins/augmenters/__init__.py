"""Augmenters: training images (B, 3, H, W), float32 in [0, 1], and draws -> images of the same shape and range.

Each image is changed by draws of its own, so what it becomes does not depend on the images beside it. Two of them,
mixup and cutmix, mix images in pairs.

warp.py       turns, shifts, zoom and flips in one warp, and the grid that every warp reads by
mirroring.py  mirror images
turns.py      turns by chosen angles, exact where these are right
cropping.py   random parts, shown as large as the whole
jitter.py     brightness, contrast, saturation, hue
erasing.py    a box of each image is hidden
boxes.py      boxes as shares of images
mixing.py     mixup and cutmix
trivial.py    one operation an image, drawn evenly
tones.py      operations on tones for it
"""

from typing import TYPE_CHECKING, Annotated, Final, Literal

from artkit import Augmenter, AugmenterContext, Doc, Draws, Ge, Gt, Interval, RecipeError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "affine",
    "colour",
    "crop",
    "cutmix",
    "erase",
    "flips",
    "mixup",
    "none",
    "rotate",
    "trivial_augment",
]

Fill = Annotated[Literal["edge", "white", "black"], Doc("what comes in from outside the picture")]
Probability = Interval(ge=0, le=1)
_DEGREES: Final = 15.0


def affine(
    _ctx: AugmenterContext,
    *,
    rotation: Annotated[float, Interval(ge=0, le=180), Doc("largest angle in degrees, either way")] = 10.0,
    shift: Annotated[float, Interval(ge=0, le=1), Doc("largest shift, as a share of height and width")] = 0.1,
    zoom: Annotated[float, Ge(0), Doc("0.25: up to 1.25 times larger or smaller, evenly on a log scale")] = 0.25,
    horizontal_flip: Annotated[float, Probability, Doc("probability of a flip, left to right")] = 0.5,
    vertical_flip: Annotated[float, Probability, Doc("probability of a flip, top to bottom")] = 0.0,
    fill: Fill = "edge",
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


def flips(
    _ctx: AugmenterContext,
    *,
    horizontal: Annotated[float, Probability, Doc("probability of a mirror image, left to right")] = 0.5,
    vertical: Annotated[float, Probability, Doc("probability of a mirror image, top to bottom")] = 0.0,
) -> Augmenter:
    """Mirror images; pixels move and stay what they are."""
    from artkit_plugins.augmenters.mirroring import Flips

    return Flips(horizontal=horizontal, vertical=vertical)


def rotate(
    _ctx: AugmenterContext,
    *,
    degrees: Annotated[float, Interval(ge=0, le=180), Doc("largest angle, either way")] = _DEGREES,
    angles: Annotated[
        tuple[float, ...],
        Doc("turn by one of these in place of any up to `degrees`, such as 0,90,180,270; right angles are exact"),
    ] = (),
    fill: Fill = "edge",
) -> Augmenter:
    """Turns about the centre and against the clock, by any angle up to a largest one or by one of a list."""
    from artkit_plugins.augmenters.turns import ChosenTurns
    from artkit_plugins.augmenters.warp import AffineWarp

    if angles:
        if degrees != _DEGREES:
            raise RecipeError(f"augmenter.degrees={degrees:g} has no effect beside angles. Leave one of the two out.")
        return ChosenTurns(angles=angles, fill=fill)
    return AffineWarp(rotation=degrees, shift=0, zoom=0, horizontal_flip=0, vertical_flip=0, fill=fill)


def crop(
    _ctx: AugmenterContext,
    *,
    scale: Annotated[
        tuple[float, float], Interval(gt=0, le=1), Doc("smallest and largest area, as shares of the image")
    ] = (0.35, 1.0),
    ratio: Annotated[
        float, Ge(1), Doc("how far the part's shape may be from the image's: up to this many times wider, or higher")
    ] = 4 / 3,
) -> Augmenter:
    """A random part of each image, shown as large as the whole."""
    from artkit_plugins.augmenters.cropping import RandomCrop

    return RandomCrop(scale=_rising("scale", scale), ratio=ratio)


def colour(
    _ctx: AugmenterContext,
    *,
    brightness: Annotated[float, Interval(ge=0, le=1), Doc("0.2: factors from 0.8 to 1.2")] = 0.2,
    contrast: Annotated[float, Interval(ge=0, le=1), Doc("likewise")] = 0.2,
    saturation: Annotated[float, Interval(ge=0, le=1), Doc("likewise")] = 0.2,
    hue: Annotated[
        float, Interval(ge=0, le=0.5), Doc("largest turn, as a share of the full circle; the palette tells of artists")
    ] = 0.0,
) -> Augmenter:
    """Brightness, contrast, saturation and hue, each by a factor of the image's own."""
    from artkit_plugins.augmenters.jitter import ColourJitter

    return ColourJitter(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue)


def erase(
    _ctx: AugmenterContext,
    *,
    area: Annotated[
        tuple[float, float], Interval(ge=0, le=1), Doc("smallest and largest area, as shares of the image")
    ] = (0.02, 0.33),
    ratio: Annotated[float, Ge(1), Doc("up to this many times wider or higher than the image")] = 10 / 3,
    fill: Annotated[Literal["mean", "noise", "white", "black"], Doc("mean: the image's mean colour")] = "mean",
) -> Augmenter:
    """Hide a box of each image (Zhong et al. 2020); usual with p from 0.1 to 0.5."""
    from artkit_plugins.augmenters.erasing import RandomErasing

    return RandomErasing(area=_rising("area", area), ratio=ratio, fill=fill)


def mixup(
    _ctx: AugmenterContext,
    *,
    alpha: Annotated[float, Gt(0), Doc("of the beta distribution of weights; 0.2 is mild, 1 strong")] = 0.2,
) -> Augmenter:
    """Show each image and another one through one another, and learn both labels (Zhang et al. 2018)."""
    from artkit_plugins.augmenters.mixing import Mixup

    return Mixup(alpha=alpha)


def cutmix(
    _ctx: AugmenterContext,
    *,
    alpha: Annotated[float, Gt(0), Doc("of the beta distribution of the box's share; 1: all equally likely")] = 1.0,
) -> Augmenter:
    """Put a box of another image into each, and learn both labels by their share of pixels (Yun et al. 2019)."""
    from artkit_plugins.augmenters.mixing import Cutmix

    return Cutmix(alpha=alpha)


def trivial_augment(
    _ctx: AugmenterContext,
    *,
    geometric_only: Annotated[bool, Doc("leave out what changes colours, which tell of the artist")] = False,
    fill: Fill = "edge",
) -> Augmenter:
    """One operation an image, drawn evenly, at a strength that is drawn evenly (Müller and Hutter 2021)."""
    from artkit_plugins.augmenters.trivial import TrivialAugment

    return TrivialAugment(geometric_only=geometric_only, fill=fill)


def none(_ctx: AugmenterContext) -> Augmenter:
    """Leave images as they are."""

    def unchanged(images_BCHW: "Tensor", _draws: Draws, /) -> "Tensor":
        return images_BCHW

    return unchanged


def _rising(option: str, bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise RecipeError(f"augmenter.{option}={bounds[0]:g},{bounds[1]:g} falls. Give the smallest share first.")
    return bounds
