"""Filling the batches of an epoch ahead of their turn, in threads, and handing them over in order.

Threads are enough: reading (os.pread), decoding and resizing all release the interpreter lock. They receive work in
spans of several images, not one by one, so that Python costs little an image. What a batch holds is decided by its
positions in the plan alone; threads only fill it, so their number changes nothing.
"""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from artkit_shards.format.dataset import Split
from artkit_shards.format.interest import Interest
from artkit_shards.stream.buffers import Buffers
from artkit_shards.stream.pixels import PixelSource, Span
from artkit_shards.stream.replacement import Replacement, StandIns, sample_error
from artkit_shards.stream.shares import Shares

SPAN: Final = 8  # images a task: small enough to share a batch among threads, large enough to keep Python's part small
_BATCHES_AHEAD: Final = 3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Filled:
    """A rank's part of one step."""

    images: torch.Tensor
    """RGB, uint8, (B, S, S, 3)."""
    positions: NDArray[np.int64]
    mask: NDArray[np.bool_]
    rows: NDArray[np.int64]
    """What is shown, stand-ins included."""
    replaced: list[Replacement]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Filler:
    """Fills the rest of one epoch for one rank."""

    split: Split
    pixels: PixelSource
    stand_ins: StandIns | None
    """None: a bad sample is an error."""
    order: NDArray[np.int64]
    """The plan of the epoch."""
    epoch: int
    first: int
    """Position at which to begin."""
    shares: Shares
    image_size: int
    buffers: Buffers | None
    """Where memory for images comes from; None: memory that a GPU can copy from while the CPU does something else."""

    def fill(self, pool: ThreadPoolExecutor, interest: Interest) -> Generator[Filled]:
        """Yield the rank's part of each step, in order.

        Args:
            pool: Its threads do the work. It takes no more of it from the end on, but what is being done is not waited
                for: the garbage collector may end this in any thread, one of these included.
            interest: That of the threads, which ends with this.

        Raises:
            SampleError: for the first bad sample of a step, if none can stand in.
        """
        pending: deque[tuple[Filled, list[Future[list[Replacement]]]]] = deque()
        index = 0
        try:
            for first in range(self.first, len(self.order), self.shares.global_batch):
                pending.append(self._submit(pool, first, index))
                index += len(pending[-1][0].rows)
                if len(pending) > _BATCHES_AHEAD:
                    yield _wait(*pending.popleft())
            while pending:
                yield _wait(*pending.popleft())
        finally:
            interest.end()
            pool.shutdown(wait=False, cancel_futures=True)

    def _submit(
        self, pool: ThreadPoolExecutor, first: int, index: int
    ) -> tuple[Filled, list[Future[list[Replacement]]]]:
        """Start to fill the step that begins at position `first`, at place `index` of the rank's sequence."""
        positions, mask = self.shares.step(first, len(self.order))
        rows = self.order[positions]
        images = self._take_memory(len(rows))
        squares = images.numpy()
        parts = []
        for begin in range(0, len(rows), SPAN):
            part = slice(begin, begin + SPAN)
            span = Span(epoch=self.epoch, index=index + begin, positions=positions[part], rows=rows[part])
            parts.append(pool.submit(self._fill, span, squares[part]))
        return Filled(images=images, positions=positions, mask=mask, rows=rows, replaced=[]), parts

    def _take_memory(self, num_images: int) -> torch.Tensor:
        shape = (num_images, self.image_size, self.image_size, 3)
        # Torch itself uses pinned memory again.
        return (
            torch.empty(shape, dtype=torch.uint8, pin_memory=True) if self.buffers is None else self.buffers.take(shape)
        )

    def _fill(self, span: Span, squares: NDArray[np.uint8]) -> list[Replacement]:
        replaced = []
        for place, error in self.pixels.fill(span, squares):
            if self.stand_ins is None:
                raise sample_error(self.split, int(span.rows[place]), error) from error
            replaced.append(self.stand_ins.replace(span, place, squares[place], error))
        return replaced


def _wait(filled: Filled, parts: list[Future[list[Replacement]]]) -> Filled:
    for part in parts:
        filled.replaced.extend(part.result())
    return filled
