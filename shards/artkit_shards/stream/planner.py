"""Planners: who decides the order of an epoch, and the names under which orders are known.

A plan is a pure function of the planner's fields, the counts and the epoch. The fields say which function it is
("kind", a name with a version that is raised when the same fields would give another order) and what else it depends
on; they go into the state of a loader, which is refused by a loader with other fields.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from artkit_shards.stream.plan import plan_epoch


class Planner(Protocol):
    """Decides which sample is seen at which position of an epoch."""

    def fields(self) -> Mapping[str, str | int]:
        """What identifies the order beside data set, split, counts and epoch: "kind", and the planner's parameters."""
        ...

    def order(self, counts: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Plan an epoch; called in a thread of its own.

        Args:
            counts: Appearances of each sample, int64, (N,), >= 0, not all zero.
            epoch: Number of the epoch, from 0.

        Returns:
            Rows of samples in the order in which they are seen, int64, (sum of counts,).
        """
        ...

    def pinned(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows whose files should stay in memory while an epoch lasts, if shards come from far away; int64."""
        ...


class LocalPlanner:
    """The plan of `plan_epoch`: any sample may follow any other, which suits data sets on local disks.

    Args:
        labels: Class of each sample, int64, (N,).
        seed: Seed of the order.
    """

    def __init__(self, labels: NDArray[np.int64], seed: int) -> None:
        self._labels = labels
        self._seed = seed

    def fields(self) -> Mapping[str, str | int]:
        """Kind and seed."""
        # Under "local-1", copies of a sample could meet where one pass through a class ends and the next one begins.
        return {"kind": "local-2", "seed": self._seed}

    def order(self, counts: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Plan an epoch, see `plan_epoch`."""
        return plan_epoch(self._labels, counts, seed=self._seed, epoch=epoch)

    def pinned(self, _counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """None: any shard may be needed at any time anyway."""
        return np.empty(0, dtype=np.int64)


class RowPlanner:
    """Every sample in the order of the split, the same in every epoch: for evaluation."""

    def fields(self) -> Mapping[str, str | int]:
        """The kind."""
        return {"kind": "rows-1"}

    def order(self, counts: NDArray[np.int64], _epoch: int) -> NDArray[np.int64]:
        """Rows in their order, each as often as it is counted."""
        return np.repeat(np.arange(len(counts)), counts)

    def pinned(self, _counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """None: copies of a sample follow one another."""
        return np.empty(0, dtype=np.int64)
