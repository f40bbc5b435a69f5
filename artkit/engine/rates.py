"""Sets the learning rates of an optimizer to what a schedule says."""

from collections.abc import Sequence

from torch.optim import Optimizer

from artkit.contracts import Schedule
from artkit.engine.returned import check_multiplier
from artkit.registry import Component


def set_learning_rates(
    optimizer: Optimizer, base_rates: Sequence[float], schedule: Schedule, component: Component, progress: float
) -> float:
    """Multiply the learning rate of each parameter group; returns that of the first.

    Args:
        optimizer: Its groups are changed.
        base_rates: What each group began with.
        schedule: Says the multiplier.
        component: The schedule's, named in errors.
        progress: Share of training that is done, from 0 to 1.

    Raises:
        ComponentError: if the schedule raised, or its multiplier is none.
    """
    with component.guard("computing the learning rate"):
        multiplier = float(schedule(progress))
    check_multiplier(multiplier, component)
    for group, base in zip(optimizer.param_groups, base_rates, strict=True):
        group["lr"] = base * multiplier
    return float(optimizer.param_groups[0]["lr"])
