"""Transforms of kornia as one augmenter of artkit; kornia's name of the transform is an option.

transforms.py   which transforms there are, and one of them made from a user's options
lifting.py      a transform with its random numbers from artkit's draws, all images at once where that is right
"""

from typing import Annotated

from artkit import Augmenter, AugmenterContext, Doc, RegisterAugmenters, hookimpl

__version__ = "0.1.0"

_Transform = Annotated[str, Doc("kornia's name of it, such as RandomPerspective, RandomMotionBlur, RandAugment")]
_Value = bool | int | float | str | list[int | float] | list[list[int | float]]
_Options = Annotated[dict[str, _Value] | None, Doc("arguments of the transform, such as {distortion_scale = 0.7}")]


@hookimpl
def artkit_augmenters(register: RegisterAugmenters) -> None:
    """Register the component."""
    example = {"transform": "RandomPerspective", "options": {"distortion_scale": 0.7}}
    register("kornia", kornia_transform, examples=[example])


def kornia_transform(ctx: AugmenterContext, *, transform: _Transform, options: _Options = None) -> Augmenter:
    """A transform of kornia.augmentation, each image by draws of its own.

    How often it is applied, `p` says; the transform itself always acts. One that wants a `size` gets the run's.
    """
    from artkit_kornia.lifting import lift
    from artkit_kornia.transforms import make_transform

    return lift(make_transform(transform, options or {}, image_size=ctx.image_size))
