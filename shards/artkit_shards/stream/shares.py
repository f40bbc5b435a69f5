"""Shares: which positions of the plan a rank takes in each step.

A step takes the next `batch_size * world_size` positions, the global batch, and rank r the r-th of its equal parts. So
the samples of a step do not depend on how the global batch is cut, and every rank has the same number of steps. What is
left at the end of an epoch is cut into equal parts as well; where it does not divide, its own first positions are
repeated as padding, so that no rank waits for another. Neighbours 2k and 2k + 1 stay on one rank wherever the batch
size is even, so what is done to pairs of images does not depend on the number of ranks either.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The part of one rank.

    Raises:
        ValueError: for a value out of bounds, saying which rule it breaks.
    """

    batch_size: int
    """Positions a step of one rank, B."""
    rank: int
    """Number of this rank, from 0."""
    world_size: int
    """Number of ranks."""

    def __post_init__(self) -> None:
        for name, value in (("batch_size", self.batch_size), ("world_size", self.world_size)):
            if value < 1:
                raise ValueError(f"{name}={value} is out of bounds; it must be >= 1")
        if not 0 <= self.rank < self.world_size:
            raise ValueError(f"rank={self.rank} is outside [0, {self.world_size}) for world_size={self.world_size}")

    @property
    def global_batch(self) -> int:
        """Positions a step of all ranks together, G."""
        return self.batch_size * self.world_size

    def num_steps(self, first: int, length: int) -> int:
        """Steps from position `first` to the end of an epoch with `length` positions; the same for every rank."""
        return -(-(length - first) // self.global_batch)

    def step(self, first: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The rank's part of the step that begins at position `first`.

        Returns:
            Positions, int64, (B,), fewer in the last step; and a mask, bool, of the same shape: False for padding.

        Example:
            Of 5 positions left for 2 ranks of 4, rank 0 takes 0, 1, 2, 3 and rank 1 takes 4 and once more 0, 1, 2,
            masked.
        """
        count = min(self.global_batch, length - first)
        share = -(-count // self.world_size)
        if self.world_size > 1 and self.batch_size % 2 == 0:
            share += share % 2
        place = np.arange(self.rank * share, (self.rank + 1) * share)
        return first + place % count, place < count

    def sequence(self, first: int, length: int) -> NDArray[np.int64]:
        """All positions of the rank from `first` to the end, step after step, padding included, int64."""
        whole = (length - first) // self.global_batch
        begins = first + self.rank * self.batch_size + self.global_batch * np.arange(whole)
        positions = (begins[:, None] + np.arange(self.batch_size)).ravel()
        rest = first + whole * self.global_batch
        return positions if rest == length else np.concatenate([positions, self.step(rest, length)[0]])
