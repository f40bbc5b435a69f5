"""Memory for batches, used again once nobody holds a tensor of it.

A batch takes tens of megabytes. Fresh memory of that size comes from the system page by page, which at 512 px costs
more than a tenth of all the loader does. Whoever keeps a batch keeps its memory: only what was let go of is written
again.
"""

import math
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

_KEPT: Final = 6  # about as many batches as are under way at a time


class Buffers:
    """Lends memory. Thread-safe."""

    def __init__(self) -> None:
        self._free: deque[NDArray[np.uint8]] = deque(maxlen=_KEPT)

    def take(self, shape: Sequence[int]) -> torch.Tensor:
        """A tensor of uint8 with anything in it; its memory comes back when the last view of it is gone."""
        size = math.prod(shape)
        memory = self._take_free(size)
        if memory is None:
            memory = np.empty(size, dtype=np.uint8)
        lent = memory[:size]
        # The tensor, and all that is made of it without a copy, keep this very view alive.
        weakref.finalize(lent, self._free.append, memory).atexit = False
        return torch.from_numpy(lent).view(*shape)

    def _take_free(self, size: int) -> NDArray[np.uint8] | None:
        try:
            memory = self._free.pop()
        except IndexError:
            return None
        return memory if len(memory) >= size else None
