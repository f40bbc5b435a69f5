"""Random numbers of training: a pure function of (seed, epoch, position in the plan, stream).

Because no generator carries a state from one batch to the next, a resumed run draws what the undisturbed one drew, and
the batch size, the threads and the number of ranks change nothing.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from artkit_shards.hashing import STREAM_AUGMENTER, STREAM_STEP, hash_uint64, hash_uniform


class PositionDraws:
    """The `Draws` of one batch for one augmenter.

    Args:
        seed: Seed of the run.
        epoch: Number of the epoch, from 0.
        positions: Position of each image in the epoch's plan, (B,).
        stream: Keeps augmenters of one chain apart; their place in it.
        device: Where the numbers are wanted.
    """

    def __init__(
        self, seed: int, epoch: int, positions: NDArray[np.int64], stream: int, device: torch.device | str = "cpu"
    ) -> None:
        self._key = (seed, epoch, positions, stream)
        self._device = device
        self._calls = 0

    def uniform(self, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Uniform in [low, high), float32, (B,)."""
        seed, epoch, positions, stream = self._key
        unit = hash_uniform(seed, STREAM_AUGMENTER, epoch, stream, self._calls, positions)
        self._calls += 1
        # Rounding to float32 could reach `high`, which is not in the range.
        below_high = np.nextafter(np.float32(high), np.float32(low))
        values = np.minimum((low + (high - low) * unit).astype(np.float32), below_high)
        return torch.from_numpy(values).to(self._device)


def seed_torch(seed: int, epoch: int, position: int) -> None:
    """Seed torch's own generators for the step that starts at a position: dropout and the like resume exactly."""
    torch.manual_seed(int(hash_uint64(seed, STREAM_STEP, epoch, position)) >> 1)
