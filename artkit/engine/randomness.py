"""Random numbers of training: a pure function of (seed, epoch, position in the plan, stream).

Because no generator carries a state from one batch to the next, a resumed run draws what the undisturbed one drew, and
the batch size, the threads and the number of ranks change nothing.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.seeding import seed_generators
from artkit_shards.hashing import STREAM_AUGMENTER, STREAM_STEP, hash_uint64, hash_uniform


class PositionDraws:
    """The `Draws` of one batch for one augmenter.

    Args:
        seed: Seed of the run.
        epoch: Number of the epoch, from 0.
        positions: Position of each image in the epoch's plan, (B,).
        step: The position at which the optimizer step begins that sees the batch, or any other number of the step's.
        stream: Keeps augmenters of one chain apart; their place in it.
        device: Where the numbers are wanted.
    """

    def __init__(
        self,
        seed: int,
        epoch: int,
        positions: NDArray[np.int64],
        *,
        step: int,
        stream: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self._key = (seed, STREAM_AUGMENTER, epoch, stream)
        self._positions = positions
        self._step = step
        self._device = device
        self._calls = 0

    def uniform(self, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Uniform in [low, high), float32, (B,)."""
        unit = hash_uniform(*self._key, self._next_call(), self._positions)
        # Rounding to float32 could reach `high`, which is not in the range.
        below_high = np.nextafter(np.float32(high), np.float32(low))
        values = np.minimum((low + (high - low) * unit).astype(np.float32), below_high)
        return torch.from_numpy(values).to(self._device)

    def seeds(self) -> torch.Tensor:
        """A seed for each image, int64 (B,), from 0, on the CPU."""
        bits = hash_uint64(*self._key, self._next_call(), self._positions)
        return torch.from_numpy((bits >> np.uint64(1)).astype(np.int64))

    def of_step(self, low: float = 0.0, high: float = 1.0) -> float:
        """Uniform in [low, high), one number for the whole step."""
        # One counter more than the numbers of images have, which keeps a step and a position of one value apart.
        unit = float(hash_uniform(*self._key, self._next_call(), self._step, 1))
        return min(low + (high - low) * unit, float(np.nextafter(high, low)))

    def partners(self) -> torch.Tensor:
        """Place in the batch of the image at the other position of each pair (2k, 2k + 1), int64, (B,)."""
        return torch.from_numpy(_places_of(self._positions ^ 1, self._positions)).to(self._device)

    def _next_call(self) -> int:
        self._calls += 1
        return self._calls - 1


def seed_torch(seed: int, epoch: int, position: int, device: torch.device) -> None:
    """Seed torch's own generators for the step that starts at a position: dropout and the like resume exactly."""
    seed_generators(int(hash_uint64(seed, STREAM_STEP, epoch, position)) >> 1, device)


def _places_of(wanted: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each wanted position stands among the positions; its own place where it is not there."""
    order = np.argsort(positions, kind="stable")
    places = order[np.searchsorted(positions, wanted, sorter=order).clip(max=len(positions) - 1)]
    return np.where(positions[places] == wanted, places, np.arange(len(positions)))
