"""The loader of a run: delivers its training images, smaller ones at first where the recipe says so.

Howard 2018 (fast.ai's DAWNBench entry), "progressive resizing": the first epochs see small images, which are quicker
and teach what is coarse. The plan of an epoch does not depend on the size, so the same images come in the same order.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artkit_shards import Batch, Loader, Split
from artkit_shards.stream.replacement import Replacement


class TrainingLoader:
    """A `Loader` whose images grow once.

    Args:
        make: Makes the loader for a size in pixels, standing at the beginning of an epoch.
        small: Height and width of the images before they grow.
        full: Height and width of the images afterwards; the same if they never grow.
        share: Share of training in which images are small, in [0, 1].
    """

    def __init__(self, make: Callable[[int, int], Loader], *, small: int, full: int, share: float) -> None:
        self._make = make
        self._small = small
        self._full = full
        self._share = share
        self._replaced: list[Replacement] = []
        # First the full size, also where it comes later: what cannot be with it shows before anything is trained.
        self.current = make(full, 0)
        """What delivers the images of the current size."""

    @property
    def split(self) -> Split:
        """The training split."""
        return self.current.split

    @property
    def epoch(self) -> int:
        """Number of the epoch at which the loader stands."""
        return self.current.epoch

    @property
    def consumed(self) -> int:
        """Positions of its plan that are delivered."""
        return self.current.consumed

    @property
    def num_positions(self) -> int:
        """Positions of its plan."""
        return self.current.num_positions

    @property
    def plan(self) -> NDArray[np.int64]:
        """Its plan: the row of the split at each position, int64."""
        return self.current.plan

    @property
    def replaced(self) -> list[Replacement]:
        """Bad samples that another one stood in for, in the order of delivery, over all epochs."""
        return self._replaced + self.current.replaced

    def begin_epoch(self, progress: float) -> None:
        """Choose the size of the images of an epoch that was not begun; without effect in the middle of one.

        Args:
            progress: Share of training that is done, from 0 to 1.
        """
        size = self._small if progress < self._share else self._full
        if self.consumed == 0 and size != self.current.image_size:
            self._change(size, self.epoch)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the rest of the epoch, see `Loader`."""
        return iter(self.current)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands, see `Loader`."""
        return self.current.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another one stood.

        Raises:
            StateError: if the state is that of another plan.
        """
        size = dict(state.get("fields", {})).get("image_size")
        if size != self.current.image_size and size in (self._small, self._full):
            self._change(size, 0)
        self.current.load_state_dict(state)

    def _change(self, size: int, epoch: int) -> None:
        self._replaced += self.current.replaced
        self.current = self._make(size, epoch)
