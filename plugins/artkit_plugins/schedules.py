"""Schedules: progress through training, from 0 to 1 -> a multiplier of the learning rate.

*Warm-up* is the first part of training, in which the multiplier rises in a straight line. It starts one step above 0,
for a step at 0 would teach nothing.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from artkit import Doc, Ge, Gt, Interval, RecipeError, Schedule, ScheduleContext

__all__ = ["constant", "cosine", "linear", "one_cycle", "plateau", "steps"]

Warmup = Annotated[float, Interval(ge=0, lt=1), Doc("share of training in which the rate rises from 0")]
Floor = Annotated[float, Interval(ge=0, le=1), Doc("multiplier at the end")]
Metric = Literal["val_loss", "val_accuracy", "val_macro_recall"]


def constant(ctx: ScheduleContext, *, warmup: Warmup = 0.0) -> Schedule:
    """The same learning rate all along, after the warm-up."""
    step = _step(ctx)

    def multiplier(progress: float, /) -> float:
        return _rise(progress, warmup, step)

    return multiplier


def linear(ctx: ScheduleContext, *, warmup: Warmup = 0.1, floor: Floor = 0.0) -> Schedule:
    """Warm-up, then a straight line down to the floor."""
    step = _step(ctx)

    def multiplier(progress: float, /) -> float:
        if progress < warmup:
            return _rise(progress, warmup, step)
        return 1 - (1 - floor) * (progress - warmup) / (1 - warmup)

    return multiplier


def cosine(ctx: ScheduleContext, *, warmup: Warmup = 0.1, floor: Floor = 0.0) -> Schedule:
    """Warm-up, then half a cosine down to the floor (Loshchilov and Hutter 2017, without restarts)."""
    step = _step(ctx)

    def multiplier(progress: float, /) -> float:
        if progress < warmup:
            return _rise(progress, warmup, step)
        return _half_cosine(1.0, floor, (progress - warmup) / (1 - warmup))

    return multiplier


def one_cycle(
    _ctx: ScheduleContext,
    *,
    rise: Annotated[float, Interval(gt=0, lt=1), Doc("share of training in which the rate rises")] = 0.3,
    start: Annotated[float, Interval(gt=0, le=1), Doc("multiplier at the start")] = 0.04,
    floor: Floor = 4e-6,
) -> Schedule:
    """Half a cosine up to the full rate, which may be high, and half a cosine down to nearly nothing.

    Smith and Topin 2018, "Super-convergence", in the form that fastai made popular; the momentum stays as it is.
    """

    def multiplier(progress: float, /) -> float:
        if progress < rise:
            return _half_cosine(start, 1.0, progress / rise)
        return _half_cosine(1.0, floor, (progress - rise) / (1 - rise))

    return multiplier


def steps(
    ctx: ScheduleContext,
    *,
    at: Annotated[
        tuple[float, ...], Interval(gt=0, lt=1), Doc("shares of training after which the rate falls, in order")
    ] = (0.5, 0.75),
    factor: Annotated[float, Interval(gt=0, lt=1), Doc("what the rate is multiplied by at each of them")] = 0.1,
    warmup: Warmup = 0.0,
) -> Schedule:
    """The learning rate falls at set times, and stays the same in between."""
    if not at or list(at) != sorted(set(at)):
        given = ", ".join(f"{share:g}" for share in at)
        raise RecipeError(f"schedule.at=[{given}] must be one or more shares of training, each above the one before.")
    step = _step(ctx)

    def multiplier(progress: float, /) -> float:
        return _rise(progress, warmup, step) * factor ** bisect_right(at, progress)

    return multiplier


def plateau(
    ctx: ScheduleContext,
    *,
    metric: Annotated[Metric, Doc("validation value to watch")] = "val_loss",
    factor: Annotated[float, Interval(gt=0, lt=1), Doc("what the rate is multiplied by when nothing improves")] = 0.1,
    patience: Annotated[int, Ge(1), Doc("epochs in a row without improvement before that")] = 5,
    floor: Annotated[
        float | None, Interval(ge=0, le=1), Doc("smallest multiplier; none: 0.001, or what lowest_rate asks for")
    ] = None,
    lowest_rate: Annotated[
        float | None, Gt(0), Doc("smallest learning rate itself, such as 1e-6, in place of floor; none: floor decides")
    ] = None,
    warmup: Warmup = 0.0,
) -> Schedule:
    """Lower the learning rate whenever validation stops improving."""
    if lowest_rate is not None:
        floor = _floor_of_rate(lowest_rate, floor, ctx.learning_rate)
    elif floor is None:
        floor = 1e-3
    return Plateau(metric=metric, factor=factor, patience=patience, floor=floor, warmup=warmup, step=_step(ctx))


class Plateau:
    """A schedule that falls by `factor` once `metric` has not reached a new best for `patience` epochs in a row.

    A value that is not a number counts as no improvement.
    """

    def __init__(
        self, *, metric: Metric, factor: float, patience: int, floor: float, warmup: float, step: float
    ) -> None:
        self.metric = metric
        self.factor = factor
        self.patience = patience
        self.floor = floor
        self.warmup = warmup
        self.step = step
        self._multiplier = 1.0
        self._best: float | None = None
        self._idle_epochs = 0

    def __call__(self, progress: float, /) -> float:
        """Progress in [0, 1] -> multiplier of the learning rate, from what was observed so far."""
        return self._multiplier * _rise(progress, self.warmup, self.step)

    def observe(self, values: Mapping[str, float]) -> None:
        """Take note of an epoch's values.

        Raises:
            RecipeError: if the metric is not among them.
        """
        if self.metric not in values:
            raise RecipeError(
                f"The schedule 'plateau' watches {self.metric}, but this run has no such value. "
                "Give the data set a validation split, or use the schedule 'cosine'."
            )
        if self._improves(values[self.metric]):
            self._best = values[self.metric]
            self._idle_epochs = 0
            return
        self._idle_epochs += 1
        if self._idle_epochs == self.patience:
            self._multiplier = max(self._multiplier * self.factor, self.floor)
            self._idle_epochs = 0

    def _improves(self, value: float) -> bool:
        if math.isnan(value):
            return False
        if self._best is None:
            return True
        return value < self._best if self.metric == "val_loss" else value > self._best

    def state_dict(self) -> dict[str, Any]:
        """What was observed so far, JSON-able."""
        return {"multiplier": self._multiplier, "best": self._best, "idle_epochs": self._idle_epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._multiplier = state["multiplier"]
        self._best = state["best"]
        self._idle_epochs = state["idle_epochs"]


def _floor_of_rate(lowest_rate: float, floor: float | None, learning_rate: float) -> float:
    """The multiplier that gives the lowest rate."""
    if floor is not None:
        raise RecipeError("schedule.floor and schedule.lowest_rate say the same in two ways; leave one of the two out.")
    if lowest_rate > learning_rate:
        raise RecipeError(
            f"schedule.lowest_rate={lowest_rate:g} is above the optimizer's learning rate {learning_rate:g}, so the "
            "rate could never fall. Lower it, or leave it out."
        )
    return lowest_rate / learning_rate


def _half_cosine(first: float, last: float, share: float) -> float:
    """Half a cosine from `first` to `last`, at a share of the way from 0 to 1."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def _step(ctx: ScheduleContext) -> float:
    """Progress that one optimizer step makes."""
    return 1 / (ctx.num_epochs * ctx.steps_per_epoch)


def _rise(progress: float, warmup: float, step: float) -> float:
    """Multiplier of a linear warm-up; 1 from its last step on."""
    return min((progress + step) / warmup, 1.0) if progress < warmup else 1.0
