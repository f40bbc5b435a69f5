"""From the loader's bytes to what a model sees.

One object for training, evaluation and prediction, kept in checkpoints: a model that is evaluated with another
preparation than it was trained with is worth nothing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from artkit_shards.stream.decode import Fit

_SMALLEST_STD = 1 / 255  # one level of 8 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How images are fitted into the square and normalised."""

    image_size: int
    """Height and width S in pixels."""
    fit: Fit
    """"letterbox" (whole, on white) or "squash" (stretched)."""
    mean: tuple[float, float, float]
    """Mean of the training pixels, RGB in [0, 1]."""
    std: tuple[float, float, float]
    """Standard deviation of the training pixels."""

    @classmethod
    def for_pixels(
        cls, mean: tuple[float, float, float], std: tuple[float, float, float], *, image_size: int, fit: Fit
    ) -> "Preprocessing":
        """Normalise by the statistics of the training pixels."""
        # A channel without any variation (drawings in pure colours have them) must not be divided by zero.
        red, green, blue = (max(value, _SMALLEST_STD) for value in std)
        return cls(image_size=image_size, fit=fit, mean=mean, std=(red, green, blue))

    def to_unit(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Uint8 in [0, 255] -> float32 in [0, 1], on the same device and in the same memory format."""
        return torch.div(images_BCHW, 255)  # in one pass: that of `float` alone takes as long

    def normalise(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Float RGB in [0, 1] -> zero mean and unit variance over the training pixels."""
        mean, std = (torch.tensor(v, device=images_BCHW.device).view(1, 3, 1, 1) for v in (self.mean, self.std))
        return (images_BCHW - mean).div_(std)

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values, for `from_plain`."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """Read what `to_plain` gave."""
        return cls(
            image_size=values["image_size"], fit=values["fit"], mean=tuple(values["mean"]), std=tuple(values["std"])
        )
