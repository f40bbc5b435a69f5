"""Decode once: decoded images are kept under a budget of bytes, as the plan of the epoch says is worth it.

A class-balanced epoch draws the images of rare classes again and again, and every epoch draws most images of the one
before. The order of draws is known, so what to keep is decided before the epoch begins (see residency.py). Threads get
to the draws in an order of their own, but use each place in the order of the plan: a draw whose image another thread is
decoding waits for it, and an image that takes a place waits until the last draw of the one before has read it. Each
waits for earlier draws only, and earlier draws are begun earlier, so that somebody always goes on. So an image is
decoded exactly as often as foretold, whatever the number of threads; and a hit and a miss give the same pixels.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artkit_shards.format.interest import check_wanted
from artkit_shards.stream.residency import Residency, plan_residency

_BLOCK_BYTES: Final = 1 << 26  # memory is taken in blocks of about this, when they are first needed
_EMPTY: Final = -1
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class CacheForecast:
    """What a cache will save in an epoch."""

    draws: int
    """Images of the epoch: the number decoded without a cache."""
    decodes: int
    """Images decoded with it, those left out that turn out to be bad."""


def check_budget(budget_bytes: int, square_bytes: int) -> None:
    """Raise ValueError if not even one image of `square_bytes` fits into a cache."""
    if budget_bytes < square_bytes:
        raise ValueError(
            f"a cache of {budget_bytes} bytes cannot hold one decoded image, which takes {square_bytes}; "
            "give it more, or 0 for no cache"
        )


class DecodeCache:
    """Decoded images of one split at one size. Thread-safe, but for `plan`.

    Between two calls of `plan`, draws are begun in their order, each once: by `fetch` and, where that says no and
    pixels were decoded or could not be, `store`.

    Args:
        budget_bytes: Most bytes of pixels to hold. Book-keeping takes some 25 bytes a draw of the epoch on top.
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
        self._residency = Residency(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 0, {})
        self._first_ticket = 0
        self._turns = np.empty(0, dtype=np.int32)
        self._finished: list[int] = []  # by place: draws of this epoch that are done with it
        self._missing: set[int] = set()  # draws that were to fill a place and could not
        self._gave_up = False
        self._changed = threading.Condition()
        self.hits = 0
        """Images that were copied instead of decoded, over all epochs."""
        self.misses = 0
        """Images that were not held when they were asked for, over all epochs."""

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
        self._first_ticket += len(self._turns)
        self._residency = plan_residency(
            rows, rows[:0] if following is None else following, held, self._num_slots, self._first_ticket
        )
        self._turns = _turns(self._residency.slots)
        self._finished = [0] * (int(self._residency.slots.max(initial=-1)) + 1)
        self._missing.clear()
        self._gave_up = False
        return CacheForecast(len(rows), len(rows) - self._residency.hits)

    def fetch(self, index: int, square: NDArray[np.uint8]) -> bool:
        """Copy an image if it is held, or will be in a moment.

        Args:
            index: Place of the draw in the `rows` of `plan`.
            square: Contiguous, uint8, of `square_bytes` bytes; written to. If the answer is no, it is untouched.
        """
        slot, ticket = int(self._residency.slots[index]), int(self._residency.tickets[index])
        held = False
        if slot >= 0 and ticket < self._first_ticket + index:
            held = self._wait(lambda: self._is_filled(slot, ticket) or ticket in self._missing)
            held = held and ticket not in self._missing
            if held:
                square.reshape(-1)[...] = self._image(slot)
            self._finish(slot)
        with self._changed:
            self.hits += held
            self.misses += not held
        return held

    def store(self, index: int, square: NDArray[np.uint8] | None) -> None:
        """Keep a copy of an image that was decoded, if it is worth it.

        Args:
            index: Place of the draw in the `rows` of `plan`.
            square: Contiguous, uint8, of `square_bytes` bytes; None if the image is bad.
        """
        slot, ticket = int(self._residency.slots[index]), int(self._residency.tickets[index])
        if slot < 0 or ticket != self._first_ticket + index:
            return
        if not self._wait(lambda: self._finished[slot] == self._turns[index]):
            return
        if square is None:
            self._missing.add(ticket)
        else:
            with self._changed:
                self._extend(slot)
                self._tickets[slot] = _EMPTY
            self._image(slot)[...] = square.reshape(-1)
            self._tickets[slot] = ticket
        self._finish(slot)

    def give_up(self) -> None:
        """Keep nothing more until the next `plan`: a draw was begun and will never be done with."""
        with self._changed:
            self._gave_up = True
            self._changed.notify_all()

    def _wait(self, is_so: Callable[[], bool]) -> bool:
        """Wait until something is so; False if that will never be."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._gave_up or is_so(), _LOOK_S):
                check_wanted()
            return not self._gave_up

    def _finish(self, slot: int) -> None:
        """A draw is done with its place."""
        with self._changed:
            self._finished[slot] += 1
            self._changed.notify_all()

    def _is_filled(self, slot: int, ticket: int) -> bool:
        return slot < len(self._tickets) and self._tickets[slot] == ticket

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


def _turns(slots: NDArray[np.int64]) -> NDArray[np.int32]:
    """For each draw, how many draws before it use its place, int32."""
    order = np.argsort(slots, kind="stable")
    in_order = slots[order]
    turns = np.empty(len(slots), dtype=np.int32)
    turns[order] = np.arange(len(slots)) - np.searchsorted(in_order, in_order)
    return turns
