"""Transforms of kornia by name: those that change one image at a time, and its policies such as RandAugment."""

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from inspect import Parameter
from typing import Any, Final

import kornia
import torch
from kornia.augmentation import AugmentationBase2D, auto
from torch import Tensor

from artkit import RecipeError

_POLICIES: Final = ("AutoAugment", "RandAugment", "TrivialAugment")
_LEFT_OUT: Final = (
    *("Denormalize", "Normalize"),  # artkit normalises, behind all augmenters
    *("CenterCrop", "LongestMaxSize", "PadTo", "Resize", "SmallestMaxSize"),  # all that they do is to change the size
)
_ARTKITS: Final = {
    "p": "the probability is artkit's: --set augmenter.kornia.p=0.5",
    "p_batch": "each image is changed by draws of its own",
    "same_on_batch": "each image is changed by draws of its own",
    "keepdim": "images keep their form",
    "transformation_matrix_mode": "only images are returned",
}
"""Arguments of kornia that would contradict artkit."""


def known_transforms() -> dict[str, Any]:
    """The transforms that artkit can use, classes by kornia's names.

    Not among them are those that mix images, since labels would have to be mixed with them, and those that are there
    to change sizes or to normalise.
    """
    names = [name for name in kornia.augmentation.__all__ if not name.endswith("Base2D") and name not in _LEFT_OUT]
    found = {name: getattr(kornia.augmentation, name) for name in names}
    single = {name: one for name, one in found.items() if inspect.isclass(one) and issubclass(one, AugmentationBase2D)}
    return single | {name: getattr(auto, name) for name in _POLICIES}


def make_transform(name: str, options: Mapping[str, Any], *, image_size: int) -> Any:
    """Make a transform that acts on every image, (B, 3, H, W), and keeps its form.

    Args:
        name: kornia's name of it.
        options: Its arguments, as a recipe has them: lists stand for tuples and tensors.
        image_size: In pixels, of the run.

    Raises:
        RecipeError: if there is no such transform, it does not take these options, or changes the form of images.
    """
    made = _find(name)
    parameters = inspect.signature(made).parameters
    _check_options(name, options, parameters)
    arguments: dict[str, Any] = {"p": 1.0} if "p" in parameters else {}
    if "size" in parameters:
        arguments["size"] = (image_size, image_size)
    arguments |= {key: _value(value, parameters[key]) for key, value in options.items()}
    try:
        transform = made(**arguments)
        images_BCHW = torch.full((1, 3, image_size, image_size), 0.5)
        with torch.random.fork_rng([]), torch.no_grad():
            found = transform(images_BCHW.clone())
    except Exception as error:  # kornia checks values by whatever raises, some only when they are used
        raise RecipeError(
            f"kornia's {name} fails with these options: {_line(error)}. Change augmenter.options"
        ) from error
    if found.shape != images_BCHW.shape:
        raise RecipeError(
            f"kornia's {name} makes images {tuple(found.shape[1:])} of {tuple(images_BCHW.shape[1:])} with these "
            "options; training needs images of one size: choose options, or a transform, that keep it"
        )
    return transform


def _find(name: str) -> Any:
    known = known_transforms()
    if name in known:
        return known[name]
    if name in kornia.augmentation.__all__:
        raise RecipeError(
            f"kornia's {name} is no augmenter of single images that keeps their size; to mix, use mixup or cutmix. "
            f"There are: {', '.join(sorted(known))}"
        )
    close = get_close_matches(name, known, n=3)
    raise RecipeError(
        f"kornia {kornia.__version__} has no transform {name!r}. "
        + (f"Closest: {', '.join(close)}" if close else f"There are: {', '.join(sorted(known))}")
    )


def _check_options(name: str, options: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> None:
    named = [one for one in parameters.values() if one.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)]
    own = [one.name for one in named if one.name not in _ARTKITS]
    for option in options:
        if option in _ARTKITS:
            raise RecipeError(f"leave {option!r} out of the options of {name}: {_ARTKITS[option]}")
        if option not in own:
            close = get_close_matches(option, own, n=1)
            raise RecipeError(
                f"kornia's {name} has no option {option!r}."
                + (f" Did you mean {close[0]!r}?" if close else "")
                + f" It has: {', '.join(own) or 'none'}"
            )
    required = [one.name for one in named if one.default is Parameter.empty and one.name in own and one.name != "size"]
    lacking = [option for option in required if option not in options]
    if lacking:
        raise RecipeError(
            f"kornia's {name} needs {', '.join(lacking)}: --set 'augmenter.kornia.options={{ {lacking[0]} = ... }}'"
        )


def _value(value: Any, parameter: Parameter) -> Any:
    """A value of a recipe as kornia wants it."""
    if not isinstance(value, list | tuple):
        return value
    return torch.tensor(value) if parameter.annotation in (Tensor, "Tensor", "torch.Tensor") else _tuples(value)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def _line(error: Exception) -> str:
    """The type of an error and the beginning of what it says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200].rstrip('. ')}"
