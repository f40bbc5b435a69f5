"""Decode once: decoded images are kept under a budget of bytes, as the plan of the epoch says is worth it.

A class-balanced epoch draws the images of rare classes again and again, and every epoch draws most images of the one
before. The order of draws is known, so what to keep is decided before the epoch begins (see residency.py). Threads
fill and read places in whatever order they get to them: each place says which draw filled it, and a thread that finds
another draw's number there, or a place being filled, decodes for itself. So a hit and a miss give the same pixels, and
the timing of threads changes nothing but a few counts.
"""

import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.stream.residency import Residency, plan_residency

_BLOCK_BYTES: Final = 1 << 26  # memory is taken in blocks of about this, when they are first needed
_EMPTY: Final = -1
_FILLING: Final = -2


@dataclass(frozen=True, slots=True)
class CacheForecast:
    """What a cache will save in an epoch."""

    draws: int
    """Images of the epoch: the number decoded without a cache."""
    decodes: int
    """Images decoded with it."""


def check_budget(budget_bytes: int, square_bytes: int) -> None:
    """Raise ValueError if not even one image of `square_bytes` fits into a cache."""
    if budget_bytes < square_bytes:
        raise ValueError(
            f"a cache of {budget_bytes} bytes cannot hold one decoded image, which takes {square_bytes}; "
            "give it more, or 0 for no cache"
        )


class DecodeCache:
    """Decoded images of one split at one size. Thread-safe, but for `plan`.

    Args:
        budget_bytes: Most bytes of pixels to hold. Book-keeping takes some 20 bytes a draw of the epoch on top.
        square_bytes: Bytes of a decoded image, all images being of one size.

    Raises:
        ValueError: if not even one image fits.
    """

    def __init__(self, budget_bytes: int, square_bytes: int) -> None:
        check_budget(budget_bytes, square_bytes)
        self._square_bytes = square_bytes
        self._num_slots = budget_bytes // square_bytes
        self._block_slots = max(1, min(self._num_slots, _BLOCK_BYTES // square_bytes))
        self._blocks: list[NDArray[np.uint8]] = []
        self._tickets: list[int] = []  # by place: the draw that filled it
        self._rows = np.empty(0, dtype=np.int64)
        self._residency = Residency(self._rows, self._rows, 0, {})
        self._first_ticket = 0
        self._lock = threading.Lock()
        self.hits = 0
        """Images that were copied instead of decoded, over all epochs."""
        self.misses = 0
        """Images that were not held when they were asked for, over all epochs."""

    @property
    def taken_bytes(self) -> int:
        """Memory taken for pixels so far; it grows up to the budget as images come."""
        return len(self._tickets) * self._square_bytes

    def plan(self, rows: NDArray[np.int64], following: NDArray[np.int64] | None = None) -> CacheForecast:
        """Prepare for an epoch, or the rest of one; what is held stays, as far as it is used again.

        No other call may be under way.

        Args:
            rows: Row of each draw, in order, int64, (T,).
            following: Those of the next epoch if they are known.
        """
        held = {
            row: place
            for row, place in self._residency.held.items()
            if place.slot < len(self._tickets) and self._tickets[place.slot] == place.ticket
        }
        self._first_ticket += len(self._rows)
        self._rows = rows
        self._residency = plan_residency(
            rows, rows[:0] if following is None else following, held, self._num_slots, self._first_ticket
        )
        return CacheForecast(len(rows), len(rows) - self._residency.hits)

    def fetch(self, index: int, row: int, square: NDArray[np.uint8]) -> bool:
        """Copy an image if it is held.

        Args:
            index: Place of the draw in the `rows` of `plan`.
            row: Row of the sample.
            square: Contiguous, uint8, of `square_bytes` bytes; written to. If the answer is no, it holds anything.
        """
        slot, ticket = int(self._residency.slots[index]), int(self._residency.tickets[index])
        held = int(self._rows[index]) == row and self._copy(slot, ticket, square)
        with self._lock:
            self.hits += held
            self.misses += not held
        return held

    def store(self, index: int, row: int, square: NDArray[np.uint8]) -> None:
        """Keep a copy of an image that was decoded, if it is worth it.

        Args:
            index: Place of the draw in the `rows` of `plan`.
            row: Row of the sample that was decoded; if it is not the planned one, nothing is kept.
            square: Contiguous, uint8, of `square_bytes` bytes.
        """
        slot, ticket = int(self._residency.slots[index]), int(self._residency.tickets[index])
        if slot < 0 or int(self._rows[index]) != row:
            return
        with self._lock:
            self._extend(slot)
            if self._tickets[slot] == _FILLING or self._tickets[slot] >= ticket:
                return  # another thread was here first; if its image is a later one, this one's time is over
            self._tickets[slot] = _FILLING
        self._image(slot)[...] = square.reshape(-1)
        self._tickets[slot] = ticket

    def _copy(self, slot: int, ticket: int, square: NDArray[np.uint8]) -> bool:
        if not 0 <= slot < len(self._tickets) or self._tickets[slot] != ticket:
            return False
        square.reshape(-1)[...] = self._image(slot)
        # It may have been filled anew in the meantime.
        return self._tickets[slot] == ticket

    def _image(self, slot: int) -> NDArray[np.uint8]:
        block, number = divmod(slot, self._block_slots)
        image: NDArray[np.uint8] = self._blocks[block][number]
        return image

    def _extend(self, slot: int) -> None:
        """Take memory for places up to this one."""
        while slot >= len(self._tickets):
            num_slots = min(self._block_slots, self._num_slots - len(self._tickets))
            self._blocks.append(np.empty((num_slots, self._square_bytes), dtype=np.uint8))
            self._tickets += [_EMPTY] * num_slots
