"""The learning-rate range test of Smith 2017, "Cyclical learning rates": the rate rises with each step, the loss tells.

At first it hardly moves, then it falls, and at last it explodes. A good largest rate lies below the bottom: that is
where steps are long and still lead downwards.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from artkit.engine.assembly import Assembly
from artkit.engine.step import Stepper
from artkit.engine.step_plan import StepPlan
from artkit.engine.trainer import StopRequested
from artkit.errors import RunError

_STEPS: Final = 100
_LOWEST, _HIGHEST = 1e-6, 10.0
_WINDOW: Final = 0.1  # of all steps: the loss is smoothed over as much of the range, however many steps it has
_EXPLODED: Final = 3.0  # times the lowest loss
_BELOW_BOTTOM: Final = 10.0
_FEWEST: Final = 10  # steps that say anything


@dataclass(frozen=True, slots=True)
class RangeTest:
    """What a test of learning rates found."""

    rates: tuple[float, ...]
    """Of each step, rising evenly on a logarithmic scale."""
    losses: tuple[float, ...]
    """Of each step, smoothed."""

    @property
    def bottom(self) -> float:
        """The rate with the lowest loss."""
        return self.rates[self.losses.index(min(self.losses))]

    @property
    def suggestion(self) -> float:
        """A tenth of the rate with the lowest loss, to two digits."""
        return float(f"{self.bottom / _BELOW_BOTTOM:.1e}")


def find_rate(assembly: Assembly, *, on_step: Callable[[int, int], None], should_stop: Callable[[], bool]) -> RangeTest:
    """Train with rising learning rates until the loss explodes; the model of the assembly is spoilt afterwards.

    Args:
        assembly: The parts of a run.
        on_step: Called with the number of the step and how many there are at most.
        should_stop: Asked after every step.

    Raises:
        StopRequested: if the user asked to stop; half a test would suggest a rate that is far too low.
        RunError: if there are too few steps to say anything, or the loss is not finite or explodes at once.
    """
    num_steps = _num_steps(assembly)
    if num_steps < _FEWEST:
        raise RunError(
            f"only {num_steps} steps could be taken, too few to tell a learning rate; use more --epochs or a smaller "
            "--batch-size"
        )
    rates: list[float] = []
    losses: list[float] = []
    average = 0.0
    memory = max(1 - 1 / (_WINDOW * num_steps), 0.0)
    ratio = (_HIGHEST / _LOWEST) ** (1 / (num_steps - 1))
    groups = assembly.optimizer.param_groups
    shares = [group["lr"] / groups[0]["lr"] for group in groups]
    for step, stepper in zip(range(num_steps), _steps(assembly), strict=False):
        rate = _LOWEST * ratio**step
        for group, share in zip(groups, shares, strict=True):
            group["lr"] = rate * share
        loss = stepper.take().loss
        average = memory * average + (1 - memory) * loss
        smooth = average / (1 - memory ** (step + 1))
        if not math.isfinite(loss) or (losses and smooth > _EXPLODED * min(losses)):
            break
        rates.append(rate)
        losses.append(smooth)
        on_step(step + 1, num_steps)
        if should_stop():
            raise StopRequested
    if len(rates) < max(num_steps // 10, 3):
        raise RunError(
            f"the loss was {loss:g} after {len(rates) + 1} steps with learning rates up to {rate:.1e}, so no rate can "
            "be told; look at the loss, or choose another --optimizer"
        )
    return RangeTest(tuple(rates), tuple(losses))


def _num_steps(assembly: Assembly) -> int:
    """Steps of the test: `_STEPS`, or all that the epochs have."""
    train, num_steps = assembly.recipe.train, 0
    for epoch in range(train.epochs):
        num_positions = int(assembly.sampling.counts(epoch).sum())
        num_steps += StepPlan(num_positions, train.batch_size, train.accumulate).num_steps
        if num_steps >= _STEPS:
            return _STEPS
    return num_steps


def _steps(assembly: Assembly) -> Iterator[Stepper]:
    """The gradients of the steps of all epochs, each ready to be taken."""
    stepper, loader, train = Stepper(assembly), assembly.loader, assembly.recipe.train
    for epoch in range(train.epochs):
        assembly.loss.begin_epoch(epoch)
        assembly.finetuning.enter_epoch(assembly.model, epoch)
        plan = StepPlan(loader.num_positions, train.batch_size, train.accumulate)
        for batch in loader:
            if plan.learns_from(plan.batch_images(int(batch.positions[0]))):
                stepper.add(batch, epoch, plan)
            if plan.ends_at(loader.consumed) and stepper.has_images:
                yield stepper
