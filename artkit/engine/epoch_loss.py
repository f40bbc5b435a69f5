"""The loss of a target, told in each epoch how often the classes are drawn in it.

A loss that corrects for the draws thus corrects for those of its own epoch, whatever the sampler does, and can be
deferred without knowing of it: while it is, it is told that all classes are drawn equally often.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.contracts import Loss, LossContext
from artkit.engine.deferral import first_balanced_epoch
from artkit.engine.sampling import Sampling
from artkit.recipe import Choice
from artkit_shards.format.dataset import count_classes


class EpochLoss:
    """The loss of the epoch that was begun last: (logits (B, K), labels (B,)) -> scalar.

    Args:
        choice: The loss.
        class_names: K names.
        labels: Class of each training image, (N,), -1 where it is not known.
        sampling: Says how often each class is drawn.
        num_epochs: Epochs of the run.
        other_class_names: Classes of the other targets that are learnt with this loss.

    Raises:
        ComponentError: if the loss cannot be built.
    """

    def __init__(
        self,
        choice: Choice,
        class_names: tuple[str, ...],
        labels: NDArray[np.int64],
        *,
        sampling: Sampling,
        num_epochs: int,
        other_class_names: Collection[str] = (),
    ) -> None:
        self._choice = choice
        self._labels = labels
        self._sampling = sampling
        self.first_epoch = first_balanced_epoch(choice.shared.get("defer", 0.0), num_epochs)
        """The first epoch in which the loss may correct for how often classes are drawn."""
        self._context = LossContext(
            class_names=class_names,
            other_class_names=other_class_names,
            class_counts=count_classes(labels, len(class_names)),
            drawn_counts=sampling.class_draws(0, labels, len(class_names)),
        )
        # Both are built before anything is written: what is wrong with the later one must not show after hours.
        self._loss = self.build(self._context)
        self.begin_epoch(0)

    def __call__(self, logits_BK: torch.Tensor, labels_B: torch.Tensor, /) -> torch.Tensor:
        """Logits (B, K) and labels (B,) -> scalar."""
        return self._loss(logits_BK, labels_B)

    def begin_epoch(self, epoch: int) -> None:
        """Tell the loss of the epoch's draws, where they are others than those it knows.

        Raises:
            ComponentError: if the sampler or the loss breaks its contract.
        """
        context = self.context(epoch)
        known = self._context
        if context.is_deferred == known.is_deferred and np.array_equal(context.drawn_counts, known.drawn_counts):
            return
        self._context, self._loss = context, self.build(context)

    def context(self, epoch: int) -> LossContext:
        """What the loss is told in an epoch."""
        if epoch < self.first_epoch:
            return deferred(self._context)
        drawn_counts = self._sampling.class_draws(epoch, self._labels, len(self._context.class_names))
        return replace(self._context, drawn_counts=drawn_counts, is_deferred=False)

    def build(self, context: LossContext) -> Loss:
        """The loss that is told this."""
        loss: Loss = self._choice.component.build(context, self._choice.options)
        return loss


def deferred(context: LossContext) -> LossContext:
    """The context of a loss that corrects nothing."""
    return replace(context, drawn_counts=np.ones_like(context.class_counts), is_deferred=True)
