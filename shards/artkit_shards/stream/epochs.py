"""The plans of the epochs of a loader: the present one, and the next one made in the background beside it."""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from artkit_shards.stream.plan import check_counts
from artkit_shards.stream.planner import Planner

Counts = NDArray[np.int64] | Callable[[int], NDArray[np.int64]]
"""Appearances of each sample, (N,): the same in every epoch, or a function of the number of the epoch."""


class EpochPlan:
    """The plan of one epoch.

    Args:
        planner: Who decides the order.
        counts: Appearances of each sample, checked, int64, (N,).
        epoch: Number of the epoch.
    """

    def __init__(self, planner: Planner, counts: NDArray[np.int64], epoch: int) -> None:
        self.epoch = epoch
        self.length = int(counts.sum())
        """Number of positions."""
        self.counts_digest = hashlib.sha256(counts.astype("<i8", copy=False).data).hexdigest()
        """sha256 of the counts, in hex."""
        self._planner = planner
        self._counts = counts
        self._order: Future[NDArray[np.int64]] | None = None

    def start(self) -> None:
        """Begin to plan in the background, if that has not begun."""
        if self._order is None:
            pool = ThreadPoolExecutor(1, thread_name_prefix="artkit-planner")
            self._order = pool.submit(self._planner.order, self._counts, self.epoch)
            pool.shutdown(wait=False)
            del self._counts  # as large as the plan, and done with

    @property
    def fails(self) -> bool:
        """Whether it cannot be planned, which `order` would raise; waits until that is known."""
        self.start()
        assert self._order is not None
        return self._order.exception() is not None

    @property
    def order(self) -> NDArray[np.int64]:
        """Row of the split at each position, int64; waits until it is planned."""
        self.start()
        assert self._order is not None
        return self._order.result()


class Epochs:
    """Plans epochs, and keeps the last two plans.

    Args:
        planner: Who decides the order.
        counts: How often each sample appears; by default once each. A function is called in the caller's thread.
        num_samples: Samples of the split, N.
    """

    def __init__(self, planner: Planner, counts: Counts | None, num_samples: int) -> None:
        self._planner = planner
        self._counts = np.ones(num_samples, dtype=np.int64) if counts is None else counts
        self._num_samples = num_samples
        self._plans: dict[int, EpochPlan | Exception] = {}

    def plan(self, epoch: int) -> EpochPlan:
        """The plan of an epoch.

        Raises:
            ValueError: if the counts are no counts, saying why; whatever a function for counts raised.
        """
        plan = self._plans.get(epoch)
        if isinstance(plan, Exception):
            raise plan
        if plan is None:
            plan = self._keep(epoch, self._make(epoch))
        return plan

    def prepare(self, epoch: int) -> None:
        """Plan an epoch in the background; what goes wrong is raised when it is asked for, which may never be."""
        if epoch in self._plans:
            return
        try:
            self._keep(epoch, self._make(epoch)).start()
        except Exception as error:
            self._plans[epoch] = error

    def order_if_any(self, epoch: int) -> NDArray[np.int64] | None:
        """The order of an epoch that was prepared; None if something went wrong with it."""
        plan = self._plans.get(epoch)
        return plan.order if isinstance(plan, EpochPlan) and not plan.fails else None

    def _make(self, epoch: int) -> EpochPlan:
        counts = self._counts(epoch) if callable(self._counts) else self._counts
        return EpochPlan(self._planner, check_counts(counts, self._num_samples), epoch)

    def _keep(self, epoch: int, plan: EpochPlan) -> EpochPlan:
        self._plans = {number: kept for number, kept in self._plans.items() if abs(number - epoch) == 1}
        self._plans[epoch] = plan
        return plan
