"""The chain of augmenters: each gets its own random numbers, and is applied to an image with its probability `p`.

What mixes images is applied to all images of an optimizer step or to none, since the labels are mixed with one weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.contracts import Augmenter, Mixed
from artkit.engine.randomness import PositionDraws
from artkit.engine.returned import check_augmented, check_mixed
from artkit.registry import Component

# The decision whether to apply an augmenter must not shift the numbers that the augmenter itself draws.
_APPLY_STREAM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class AugmentationStep:
    """One augmenter of the chain."""

    component: Component
    augmenter: Augmenter
    p: float
    """Probability for each image, in [0, 1], or for each step if it mixes images."""

    @property
    def mixes(self) -> bool:
        """Whether it mixes images with one another."""
        return bool(getattr(self.augmenter, "mixes", False))


@dataclass(frozen=True, slots=True, eq=False)
class Augmented:
    """Images for a training step, and whose labels they have."""

    images: torch.Tensor
    """Float32 RGB in [0, 1], (B, 3, H, W)."""
    mixed: Mixed | None = None
    """How they were mixed, if they were; its images may have been changed since."""


class AugmentationChain:
    """Applies augmenters in order to a batch of training images.

    Args:
        steps: The augmenters.
        seed: Seed of the run.
    """

    def __init__(self, steps: Sequence[AugmentationStep], seed: int) -> None:
        self._steps = [(number, step) for number, step in enumerate(steps) if step.p > 0]
        self._seed = seed

    def unmixed(self) -> "AugmentationChain":
        """The same chain without what mixes images, so that each image keeps its one label."""
        chain = AugmentationChain((), self._seed)
        # Each keeps its number, and so its random numbers.
        chain._steps = [(number, step) for number, step in self._steps if not step.mixes]
        return chain

    @property
    def mixes(self) -> bool:
        """Whether any augmenter mixes images with one another."""
        return any(step.mixes for _, step in self._steps)

    def __call__(self, images_BCHW: torch.Tensor, epoch: int, positions: NDArray[np.int64], step: int) -> Augmented:
        """Augment a batch.

        Args:
            images_BCHW: Float32 RGB in [0, 1], (B, 3, H, W).
            epoch: Number of the epoch, from 0.
            positions: Position of each image in the epoch's plan, (B,).
            step: What all batches and ranks of an optimizer step have in common, such as the position at which it
                begins.

        Raises:
            ComponentError: if an augmenter raised, or returned what it must not.
        """
        mixed: Mixed | None = None
        for number, augmentation in self._steps:
            draws, choice = (
                PositionDraws(self._seed, epoch, positions, step=step, stream=stream, device=images_BCHW.device)
                for stream in (number, _APPLY_STREAM + number)
            )
            if not augmentation.mixes:
                images_BCHW = _change(augmentation, images_BCHW, draws, choice)
            elif mixed is None and choice.of_step() < augmentation.p:
                mixed = _mix(augmentation, images_BCHW, draws)
                images_BCHW = mixed.images
        return Augmented(images_BCHW, mixed)


def _change(
    step: AugmentationStep, images_BCHW: torch.Tensor, draws: PositionDraws, choice: PositionDraws
) -> torch.Tensor:
    with step.component.guard("augmenting a batch"):
        changed = step.augmenter(images_BCHW, draws)
    changed_BCHW = check_augmented(changed, images_BCHW, step.component)
    if step.p == 1:
        return changed_BCHW
    applied = (choice.uniform() < step.p).view(-1, 1, 1, 1)
    return torch.where(applied, changed_BCHW, images_BCHW)


def _mix(step: AugmentationStep, images_BCHW: torch.Tensor, draws: PositionDraws) -> Mixed:
    with step.component.guard("mixing a batch"):
        mixed = step.augmenter(images_BCHW, draws)
    return check_mixed(mixed, images_BCHW, step.component)
