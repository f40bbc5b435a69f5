"""What a step lowers: the sum over the targets of weight times mean loss over the images that have a label in it.

The mean of a target is one over all images of the optimizer step that have a label in it, in however many batches they
are computed. How many these are is a function of the plan and the labels, so it is known before the first batch.

`N` images of the training split, `B` of a batch, `S` of a step, `K` classes or outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.contracts import Mixed
from artkit.engine.epoch_loss import EpochLoss
from artkit.engine.returned import check_loss
from artkit.engine.targets import TargetHead
from artkit.registry import Component


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetLoss:
    """The loss of one target."""

    head: TargetHead
    loss: EpochLoss
    weight: float
    """What its mean is multiplied with."""
    labels: NDArray[np.int64]
    """Class of each training image, (N,), -1 where missing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchLoss:
    """What a batch adds to its step."""

    loss: torch.Tensor
    """Its share of the loss of the step: a scalar to differentiate."""
    sums: torch.Tensor
    """Sum of the losses of the images that have a label, in each target, float64 (targets,), without a gradient."""
    correct: torch.Tensor
    """Right answers in each target, int64, (targets,)."""
    labelled: tuple[int, ...]
    """Images with a label in each target."""

    def without_weight(self) -> "BatchLoss":
        """The same with a loss and counts of 0: for images that are computed, but do not count."""
        return BatchLoss(
            loss=self.loss * 0,
            sums=self.sums * 0,
            correct=self.correct * 0,
            labelled=(0,) * len(self.labelled),
        )


class Objective:
    """The losses of all targets as one.

    Args:
        losses: Of each target, in the order of the outputs.
        component: The loss, named in errors.
        model: The model, named in errors.
    """

    def __init__(self, losses: Sequence[TargetLoss], component: Component, model: Component) -> None:
        self.losses = tuple(losses)
        self._component = component
        self._model = model

    def begin_epoch(self, epoch: int) -> None:
        """Tell every loss of the epoch's draws, see `EpochLoss.begin_epoch`."""
        for target in self.losses:
            target.loss.begin_epoch(epoch)

    def __call__(
        self,
        logits_BK: torch.Tensor,
        labels: Mapping[str, torch.Tensor],
        mixed: Mixed | None,
        rows_S: NDArray[np.int64],
    ) -> BatchLoss:
        """Judge the answers to a batch in which at least one image has a label.

        Args:
            logits_BK: Of all targets.
            labels: Class of each image by target, int64 (B,), -1 where missing; on the CPU.
            mixed: How its images were mixed, if they were: they have the labels of both then, in their shares (Zhang
                et al. 2018, "mixup").
            rows_S: Row of each image of the whole step, as the plan has it.

        Raises:
            ComponentError: if the loss raised, or cannot be learnt from.
        """
        losses, sums, correct, labelled = [], [], [], []
        for target in self.losses:
            logits, labels_B = target.head.of(logits_BK), labels[target.head.name]
            labels_there = labels_B.to(logits.device, non_blocking=True)
            known = labels_B.numpy() >= 0
            labelled.append(int(known.sum()))
            if labelled[-1]:
                mean = self._mean(target, logits, labels_there, known, mixed)
                # Where another image stands in for a bad one, it may have a label that the plan did not foresee.
                share = target.weight * labelled[-1] / max(num_labelled(target.labels, rows_S), 1)
                losses.append(mean * share)
                sums.append(mean.detach().double() * labelled[-1])
            else:
                sums.append(torch.zeros((), dtype=torch.float64, device=logits.device))
            correct.append((logits.argmax(1) == labels_there).sum())
        return BatchLoss(
            loss=sum(losses[1:], losses[0]),
            sums=torch.stack(sums),
            correct=torch.stack(correct),
            labelled=tuple(labelled),
        )

    def loss_of_step(self, sums: Sequence[float], rows_S: NDArray[np.int64]) -> float:
        """The loss of a step.

        Args:
            sums: Of the losses of its images in each target, over all its batches.
            rows_S: Row of each of its images.
        """
        return sum(
            target.weight * (total / max(num_labelled(target.labels, rows_S), 1))
            for target, total in zip(self.losses, sums, strict=True)
        )

    def _mean(
        self,
        target: TargetLoss,
        logits_BK: torch.Tensor,
        labels_B: torch.Tensor,
        known_B: NDArray[np.bool_],
        mixed: Mixed | None,
    ) -> torch.Tensor:
        """Mean loss of a target over the images of a batch that have a label; `known_B` says which."""
        own = self._mean_of(target, logits_BK, labels_B, known_B)
        if mixed is None:
            return own
        # Only where labels are missing must the device be waited for.
        partners_known_B = known_B if known_B.all() else known_B[mixed.partners.cpu().numpy()]
        if not partners_known_B.any():
            return own
        partners = self._mean_of(target, logits_BK, labels_B[mixed.partners], partners_known_B)
        return mixed.weight * own + (1 - mixed.weight) * partners

    def _mean_of(
        self, target: TargetLoss, logits_BK: torch.Tensor, labels_B: torch.Tensor, known_B: NDArray[np.bool_]
    ) -> torch.Tensor:
        if not known_B.all():
            rows = torch.from_numpy(np.flatnonzero(known_B)).to(logits_BK.device, non_blocking=True)
            logits_BK, labels_B = logits_BK[rows], labels_B[rows]
        with self._component.guard("computing the loss"):
            mean = target.loss(logits_BK, labels_B)
        check_loss(mean, logits_BK, self._component, self._model)
        return mean.reshape(())


def num_labelled(labels_N: NDArray[np.int64], rows_S: NDArray[np.int64]) -> int:
    """How many images of a step have a label."""
    return int((labels_N[rows_S] >= 0).sum())
