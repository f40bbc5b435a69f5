"""What the user should know of how the sampler and the loss balance the classes together, or do not.

Whether a loss corrects for anything is found out by trying: the same logits have another loss if it is told of other
draws. So this is right for the losses of any plugin, which need not say it.

`B` images, `K` classes.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.contracts import LossContext
from artkit.engine.early_ends import early_ends
from artkit.engine.epoch_loss import EpochLoss, deferred
from artkit.engine.objective import TargetLoss
from artkit.engine.returned import check_loss
from artkit.engine.sampling import Sampling
from artkit.recipe import Choice, Recipe

_MOST_LOGITS: Final = 4_000_000


def balance_notes(
    recipe: Recipe, sampling: Sampling, losses: Sequence[TargetLoss], device: torch.device
) -> Iterator[str]:
    """Say what is balanced twice, what has nothing to balance, and what is deferred without effect; a line each.

    Args:
        recipe: Of the run.
        sampling: Balances the classes of the first target, so what is said of the sampler is said of that one.
        losses: Of each target; a loss has an effect if it has one in any of them.
        device: Where losses are tried.

    Raises:
        ComponentError: if the loss cannot be computed.
    """
    first = losses[0]
    last = first.loss.context(recipe.train.epochs - 1)
    is_resampled = not _are_proportional(last.drawn_counts, last.class_counts)
    if is_resampled:
        where = f" in '{first.head.name}'" if len(losses) > 1 else ""
        yield from _stacking_notes(recipe, last, _Probe(recipe, first.loss, device), where)
    if _defer(recipe.sampler):
        yield from _deferral_notes(recipe, "sampler", sampling.first_epoch, has_effect=is_resampled)
    if _defer(recipe.loss):
        has_effect = any(_balances(recipe, target.loss, device) for target in losses)
        yield from _deferral_notes(recipe, "loss", first.loss.first_epoch, has_effect=has_effect)


def _balances(recipe: Recipe, loss: EpochLoss, device: torch.device) -> bool:
    """Whether the loss of a target corrects for anything in the last epoch."""
    last = loss.context(recipe.train.epochs - 1)
    return _Probe(recipe, loss, device).differs(last, deferred(last))


def _stacking_notes(recipe: Recipe, last: LossContext, probe: "_Probe", where: str) -> Iterator[str]:
    """Say what a loss makes of a sampler that draws some classes more often than others; `where` ends a sentence."""
    sampler, loss = recipe.sampler.component.name, recipe.loss.component.name
    natural = replace(last, drawn_counts=last.class_counts)
    if not probe.differs(natural, deferred(natural)):
        return
    if not probe.differs(natural, replace(natural, drawn_counts=np.ones_like(last.class_counts))):
        yield (
            f"the loss '{loss}' weighs classes by itself, on top of the sampler '{sampler}': what both favour counts "
            f"twice over{where}"
        )
    elif _are_equal(last.drawn_counts):
        yield (
            f"the loss '{loss}' corrects for what is drawn, and where the sampler '{sampler}' draws all classes "
            f"equally often it has nothing to correct{where}"
        )
    else:
        yield (
            f"the loss '{loss}' corrects for what the sampler '{sampler}' draws, not for how many images there are"
            f"{where}"
        )


def _deferral_notes(recipe: Recipe, kind: str, first_epoch: int, *, has_effect: bool) -> Iterator[str]:
    choice: Choice = getattr(recipe, kind)
    train, defer = recipe.train, _defer(choice)
    if not first_epoch:
        yield f"{kind}.defer={defer:g} of {train.epochs} epochs is less than one epoch, so nothing is deferred"
    elif not has_effect:
        yield f"{kind}.defer={defer:g} has no effect: in this run the {kind} '{choice.component.name}' balances nothing"
    else:
        for given in early_ends(train, first_epoch):
            yield f"{given} can end the run before epoch {first_epoch + 1}, where {kind}.defer ends"


def _defer(choice: Choice) -> float:
    # A component with an option of its own under this name has no other.
    return float(choice.shared.get("defer", 0.0))


class _Probe:
    """Compares losses by their value on a batch that has common and rare classes in it."""

    def __init__(self, recipe: Recipe, loss: EpochLoss, device: torch.device) -> None:
        self._component, self._model = recipe.loss.component, recipe.model.component
        self._loss = loss
        by_size_K = np.argsort(loss.context(0).class_counts, kind="stable")
        num_classes = len(by_size_K)
        num_images = min(num_classes, max(_MOST_LOGITS // num_classes, 2))
        places_B = np.linspace(0, num_classes - 1, num_images).round().astype(np.int64)
        self._labels_B = torch.from_numpy(by_size_K[places_B]).to(device)
        logits_BK = torch.linspace(-1, 1, num_images * num_classes).mul(1000).sin().view(num_images, num_classes)
        self._logits_BK = logits_BK.to(device).requires_grad_()

    def differs(self, one: LossContext, other: LossContext) -> bool:
        """Whether what the loss is told makes a difference."""
        return not math.isclose(self._value(one), self._value(other), rel_tol=1e-5)

    def _value(self, context: LossContext) -> float:
        loss = self._loss.build(context)
        with self._component.guard("computing the loss"):
            value = loss(self._logits_BK, self._labels_B)
        check_loss(value, self._logits_BK, self._component, self._model)
        return value.item()


def _are_equal(counts: NDArray[np.int64]) -> bool:
    """Whether counts that are not 0 are the same, to within one."""
    present = counts[counts > 0]
    return int(present.max() - present.min()) <= 1


def _are_proportional(drawn_counts: NDArray[np.int64], class_counts: NDArray[np.int64]) -> bool:
    """Whether each class is drawn in proportion to its images, to within one draw."""
    expected = class_counts * (drawn_counts.sum() / class_counts.sum())
    return bool((np.abs(drawn_counts - expected) <= 1).all())
