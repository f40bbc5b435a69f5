"""A transform of kornia as an augmenter: random numbers from artkit's draws, all images at once where that is right.

kornia draws all its random numbers before it changes an image, as *parameters* of the call. Here they are drawn for one
image after another, each from a generator with the image's own seed, so that an image becomes the same in a batch of
any size, on any rank, and in a resumed run. Then most transforms are applied to the whole batch in one call. For some
that would be wrong, since kornia keeps a parameter for the batch rather than for the image, such as the order of
operations in ColorJiggle; these, and those not known here, are applied to one image after another.
"""

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from artkit import Augmenter, Draws, per_sample

TOGETHER: Final = frozenset(
    {
        "RandomAffine",
        "RandomAutoContrast",
        "RandomBoxBlur",
        "RandomBrightness",
        "RandomChannelShuffle",
        "RandomClahe",
        "RandomContrast",
        "RandomElasticTransform",
        "RandomEqualize",
        "RandomErasing",
        "RandomFisheye",
        "RandomGamma",
        "RandomGaussianBlur",
        "RandomGaussianIllumination",
        "RandomGaussianNoise",
        "RandomGrayscale",
        "RandomHorizontalFlip",
        "RandomHue",
        "RandomInvert",
        "RandomJPEG",
        "RandomLinearCornerIllumination",
        "RandomLinearIllumination",
        "RandomMedianBlur",
        "RandomPerspective",
        "RandomPlanckianJitter",
        "RandomPlasmaBrightness",
        "RandomPlasmaContrast",
        "RandomPlasmaShadow",
        "RandomPosterize",
        "RandomRGBShift",
        "RandomResizedCrop",
        "RandomRotation",
        "RandomRotation90",
        "RandomSaltAndPepperNoise",
        "RandomSaturation",
        "RandomSharpness",
        "RandomShear",
        "RandomSnow",
        "RandomSolarize",
        "RandomThinPlateSpline",
        "RandomTranslate",
        "RandomVerticalFlip",
    }
)
"""Transforms whose parameters are all of one image, so that those of several can stand one below the other."""

_SHAPE: Final = "forward_input_shape"


def lift(transform: Any) -> Augmenter:
    """Make an augmenter of a transform of kornia.

    Args:
        transform: Acts on every image that it is given, (B, 3, H, W), float32 in [0, 1].

    Returns:
        An augmenter; what it returns is cut to [0, 1], as noise may lead out of that.
    """
    if type(transform).__name__ in TOGETHER:
        return _Together(transform)
    return _OneByOne(transform)


class _Together:
    """Applies a transform to all images in one call, with parameters that were drawn image by image.

    Args:
        transform: One of `TOGETHER`.
    """

    def __init__(self, transform: Any) -> None:
        self._transform = transform

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Tensor:
        """Images (B, 3, H, W) -> images."""
        with torch.no_grad():
            # They stay on the CPU, where kornia reads some of them, and it moves the others to the images.
            parameters = self._draw(tuple(images_BCHW.shape), draws.seeds().tolist())
            # A copy, since some transforms work in place.
            changed: Tensor = self._transform(images_BCHW.clone(), params=parameters)
        return changed.clamp(0, 1)

    def _draw(self, shape: tuple[int, ...], seeds: Sequence[int]) -> dict[str, Tensor]:
        """The parameters of all images, (B, ...); torch's own generator stays as it is."""
        drawn = []
        with torch.random.fork_rng([]):
            for seed in seeds:
                # That of the CPU alone: kornia draws there, whatever device the images are on.
                torch.default_generator.manual_seed(seed)
                drawn.append(self._transform.forward_parameters((1, *shape[1:])))
        joined = {key: torch.cat([one[key] for one in drawn]) for key in drawn[0] if key != _SHAPE}
        return {**joined, _SHAPE: torch.tensor(shape)}


class _OneByOne:
    """Applies a transform to one image after another.

    Args:
        transform: Any that takes a batch of one.
    """

    def __init__(self, transform: Any) -> None:
        self._augment = per_sample(lambda image_CHW: transform(image_CHW[None])[0])

    def __call__(self, images_BCHW: Tensor, draws: Draws, /) -> Tensor:
        """Images (B, 3, H, W) -> images."""
        with torch.no_grad():
            changed: Tensor = self._augment(images_BCHW, draws)  # type: ignore[assignment] # nothing is mixed
        return changed.clamp(0, 1)
