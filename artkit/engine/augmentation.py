"""The chain of augmenters: each gets its own random numbers, and is applied to an image with its probability `p`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.contracts import Augmenter
from artkit.engine.randomness import PositionDraws
from artkit.engine.returned import check_augmented
from artkit.registry import Component

# The decision whether to apply an augmenter must not shift the numbers that the augmenter itself draws.
_APPLY_STREAM = 1_000_000


@dataclass(frozen=True, slots=True)
class AugmentationStep:
    """One augmenter of the chain."""

    component: Component
    augmenter: Augmenter
    p: float
    """Probability for each image, in [0, 1]."""


class AugmentationChain:
    """Applies augmenters in order to a batch of training images.

    Args:
        steps: The augmenters.
        seed: Seed of the run.
    """

    def __init__(self, steps: Sequence[AugmentationStep], seed: int) -> None:
        self._steps = steps
        self._seed = seed

    def __call__(self, images_BCHW: torch.Tensor, epoch: int, positions: NDArray[np.int64]) -> torch.Tensor:
        """Augment float32 RGB images in [0, 1], (B, 3, H, W), at their positions in the epoch's plan."""
        for number, step in enumerate(self._steps):
            if step.p == 0:
                continue
            draws = PositionDraws(self._seed, epoch, positions, number, images_BCHW.device)
            with step.component.guard("augmenting a batch"):
                augmented = step.augmenter(images_BCHW, draws)
            check_augmented(augmented, images_BCHW, step.component)
            if step.p < 1:
                choice = PositionDraws(self._seed, epoch, positions, _APPLY_STREAM + number, images_BCHW.device)
                applied = (choice.uniform() < step.p).view(-1, 1, 1, 1)
                augmented = torch.where(applied, augmented, images_BCHW)
            images_BCHW = augmented
        return images_BCHW
