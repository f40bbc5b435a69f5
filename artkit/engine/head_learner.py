"""Trains a head on features: the sampler, loss, optimizer and schedule of the recipe, without any images.

`V` views, `N` training images, `B` of a step, `D` features, `K` classes.
"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import clip_grad_norm_

from artkit.contracts import OptimizerContext
from artkit.engine.assembly import Assembly
from artkit.engine.events import Reporters
from artkit.engine.features import TrainingFeatures
from artkit.engine.finetuning import Finetuning
from artkit.engine.heads import ScaledHead
from artkit.engine.progress import Progress, StepValues
from artkit.engine.randomness import PositionDraws, seed_torch
from artkit.engine.rates import set_learning_rates
from artkit.engine.returned import check_optimizer
from artkit.engine.structure import Structure
from artkit.errors import RunError
from artkit_shards.stream.plan import plan_epoch

# Which view of an image a position shows must not depend on what augmenters draw.
_VIEW_STREAM: Final = 2_000_000
_LARGE_STEP: Final = 30_000_000  # products; about a hundredth of a second in one thread


class HeadLearner:
    """Trains the head of an assembly's model, or factors of its classes.

    Args:
        assembly: The parts of the run.
        head: The last layer of its model; starts anew, unless factors are trained.
        features: Of the training images.
        reporters: Hear of each step.
        scales: Whether to train factors only.

    Raises:
        ComponentError: if the optimizer cannot be built.
    """

    def __init__(
        self, assembly: Assembly, head: nn.Linear, features: TrainingFeatures, reporters: Reporters, *, scales: bool
    ) -> None:
        self._assembly = assembly
        self._head = head
        self._features = features
        self._reporters = reporters
        self._settings = assembly.recipe.train
        self._learner = ScaledHead(head) if scales else _renewed(head, self._settings.seed)
        choice = assembly.recipe.optimizer
        context = OptimizerContext(param_groups=_param_groups(self._learner))
        self._optimizer: torch.optim.Optimizer = choice.component.build(context, choice.options)
        check_optimizer(self._optimizer, choice.component)
        self._base_rates = [group["lr"] for group in self._optimizer.param_groups]

    def make(self, progress: Progress) -> dict[str, float]:
        """Train for the current epoch and write the head; returns the values of the epoch.

        Raises:
            RunError: if the loss is not finite.
            ComponentError: if a component raised, or broke its contract.
        """
        started = time.perf_counter()
        self._assembly.loss.begin_epoch(progress.epoch)
        with _few_threads(self._head, self._settings.batch_size * self._settings.accumulate):
            rate = self._learn(progress)
        progress.sums.seconds += time.perf_counter() - started
        if isinstance(self._learner, ScaledHead):
            self._learner.write_to(self._head)
        targets = [head.name for head in self._assembly.heads]
        return {**progress.sums.values(targets, with_clipped=self._settings.clip > 0), "learning_rate": rate}

    def observe(self, row: Mapping[str, float]) -> None:
        """Let a schedule that reacts to validation react."""
        schedule = self._assembly.schedule
        if hasattr(schedule, "observe"):
            with self._assembly.recipe.schedule.component.guard("observing an epoch"):
                schedule.observe(dict(row))

    def _learn(self, progress: Progress) -> float:
        """Take the steps of an epoch; returns the learning rate of the last one."""
        order = self._order(progress.epoch)
        rate = 0.0
        for positions in self._steps(len(order)):
            rate = self._set_learning_rate((progress.epoch + positions[0] / len(order)) / self._settings.epochs)
            self._count(self._step(order, positions, progress.epoch), rate, progress)
        return rate

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """The row of the training split at each position of an epoch's plan."""
        counts = self._assembly.sampling.counts(epoch)
        return plan_epoch(self._assembly.train.labels, counts, seed=self._settings.seed, epoch=epoch)

    def _steps(self, num_positions: int) -> Iterator[NDArray[np.int64]]:
        """The positions of each step; batches whose gradients would be added up are taken at once."""
        span = self._settings.batch_size * self._settings.accumulate
        for first in range(0, num_positions, span):
            yield np.arange(first, min(first + span, num_positions))

    def _step(self, order: NDArray[np.int64], positions: NDArray[np.int64], epoch: int) -> StepValues:
        assembly, recipe = self._assembly, self._assembly.recipe
        seed_torch(self._settings.seed, epoch, int(positions[0]), assembly.device)
        views = self._views(epoch, positions)
        rows = self._features.rows_of(views, order[positions])
        features_BD = self._features.views[views, torch.from_numpy(rows)].to(assembly.device)
        labels = {name: torch.from_numpy(of_all[rows]) for name, of_all in assembly.train.targets.items()}
        judged = assembly.loss(self._learner(features_BD), labels, None, rows)
        self._optimizer.zero_grad(set_to_none=True)
        judged.loss.backward()  # type: ignore[no-untyped-call]
        clip = self._settings.clip
        norm = float(clip_grad_norm_(self._learner.parameters(), clip)) if clip else None
        with recipe.optimizer.component.guard("step"):
            self._optimizer.step()
        losses = judged.sums.tolist()
        return StepValues(
            images=len(rows),
            loss=assembly.loss.loss_of_step(losses, rows),
            losses=tuple(losses),
            correct=tuple(judged.correct.tolist()),
            labelled=judged.labelled,
            gradient_norm=norm,
        )

    def _views(self, epoch: int, positions: NDArray[np.int64]) -> torch.Tensor:
        """The view that each position shows, int64 (B,)."""
        seed, num_views = self._settings.seed, len(self._features.views)
        draws = PositionDraws(seed, epoch, positions, step=int(positions[0]), stream=_VIEW_STREAM)
        return draws.seeds() % num_views

    def _set_learning_rate(self, progress: float) -> float:
        schedule, component = self._assembly.schedule, self._assembly.recipe.schedule.component
        return set_learning_rates(self._optimizer, self._base_rates, schedule, component, progress)

    def _count(self, values: StepValues, rate: float, progress: Progress) -> None:
        if not math.isfinite(values.loss):
            raise RunError(
                f"the loss is {values.loss} at step {progress.step + 1} of the head; lower the learning rate, such as "
                f"--lr {self._base_rates[0] / 10:.2g}"
            )
        progress.sums.add(values, self._settings.clip)
        self._reporters.log(progress.step, progress.epoch, {"loss": values.loss, "learning_rate": rate})
        progress.step += 1


@contextmanager
def _few_threads(head: nn.Linear, batch_size: int) -> Iterator[None]:
    """A context in which torch computes in one thread, if the steps are small.

    Threads wait for one another at every operation, and where other programs take their turns they wait long: a small
    head then takes 20 times as long in two threads as in one.
    """
    usual = torch.get_num_threads()
    torch.set_num_threads(1 if head.weight.numel() * batch_size < _LARGE_STEP else usual)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def _renewed(head: nn.Linear, seed: int) -> nn.Linear:
    """The head with random numbers in place of what it had learnt."""
    seed_torch(seed, 0, 0, head.weight.device)
    head.reset_parameters()
    return head


def _param_groups(learner: nn.Module) -> list[dict[str, Any]]:
    """What learns, for an optimizer; all of it at one rate."""
    trainable = frozenset(name for name, parameter in learner.named_parameters() if parameter.requires_grad)
    return Finetuning(trainable=trainable, structure=Structure(learner, ())).param_groups()
