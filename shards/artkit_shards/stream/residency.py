"""Which decoded images to keep, and until when, if the order of all draws is known.

With a known future the fewest images are decoded if, for lack of room, the one whose next use is farthest away makes
room, or is not kept at all when it is the new one (Belady 1966). All images take one place each, so the whole course of
an epoch can be worked out before it begins: for each draw, the place where its image lies or will lie.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 1 << 16  # draws that are Python numbers at a time, which take five times the memory of numpy's


class Place(NamedTuple):
    """Where the pixels of a sample lie."""

    slot: int
    """Number of the place, from 0."""
    ticket: int
    """Number of the draw that fills it; draws are numbered over all epochs."""


@dataclass(frozen=True, slots=True)
class Residency:
    """The course of an epoch of T draws."""

    slots: NDArray[np.int64]
    """Place of each draw's image, (T,); -1 if it is not kept."""
    tickets: NDArray[np.int64]
    """Number of the draw that fills that place, (T,): smaller than the draw's own if the image is there already."""
    hits: int
    """Draws whose image is there already."""
    held: dict[int, Place]
    """What is kept at the end: places by row."""


def plan_residency(
    rows: NDArray[np.int64],
    following: NDArray[np.int64],
    held: Mapping[int, Place],
    num_slots: int,
    first_ticket: int,
) -> Residency:
    """Work out what is kept over an epoch.

    Args:
        rows: Row of each draw, int64, (T,).
        following: Rows of the draws after these as far as they are known, int64, any length.
        held: What is kept at the beginning: places by row.
        num_slots: Number of places, from 0.
        first_ticket: Number of the first draw; larger than all tickets of `held`.
    """
    course = _Course(rows, following, held, num_slots)
    slots, tickets = np.full(len(rows), -1, dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    next_uses = course.next_uses
    hits = 0
    for start in range(0, len(rows), _BLOCK):
        stop = min(start + _BLOCK, len(rows))
        draws = zip(range(start, stop), rows[start:stop].tolist(), next_uses[start:stop].tolist(), strict=True)
        for draw, row, next_use in draws:
            place = course.place_of(row, next_use, first_ticket + draw)
            if place is not None:
                slots[draw], tickets[draw] = place
                hits += place.ticket < first_ticket + draw
        course.forget_before(stop)
    return Residency(slots, tickets, hits, course.held)


class _Course:
    """What is held at a moment of the epoch, and when each of it is used next."""

    def __init__(
        self, rows: NDArray[np.int64], following: NDArray[np.int64], held: Mapping[int, Place], num_slots: int
    ) -> None:
        self._draws = np.concatenate([rows, following])
        self.held = dict(held)
        taken = {place.slot for place in held.values()}
        self._fresh = max(taken, default=-1) + 1  # places from here on were never used
        self._free = sorted(set(range(self._fresh)) - taken, reverse=True)
        self._num_slots = num_slots
        first_uses, self.next_uses = self._uses(np.fromiter(held, dtype=np.int64, count=len(held)))
        # The next use tells the row too, so a heap of plain numbers is enough; negative, for the farthest to be first.
        # Past uses stay in it: they are nearer than any to come, so they are never first.
        self._heap = [-use for use in first_uses.tolist()]
        heapify(self._heap)

    def place_of(self, row: int, next_use: int, ticket: int) -> Place | None:
        """Draw a row: where its image lies, or will lie from now on; None if it is not worth a place."""
        place = self.held.get(row)
        if place is None:
            slot = self._make_room(next_use)
            if slot is None:
                return None
            place = self.held[row] = Place(slot, ticket)
        heappush(self._heap, -next_use)
        return place

    def forget_before(self, draw: int) -> None:
        """Drop uses of the past once they are most of the heap."""
        if len(self._heap) > 2 * len(self.held) + _BLOCK:
            self._heap = [use for use in self._heap if -use >= draw]
            heapify(self._heap)

    def _make_room(self, next_use: int) -> int | None:
        if self._free:
            return self._free.pop()
        if self._fresh < self._num_slots:
            self._fresh += 1
            return self._fresh - 1
        if not self._heap or -self._heap[0] <= next_use:
            return None
        return self.held.pop(self._row_used(-heappop(self._heap))).slot

    def _uses(self, held: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """When each row of `held` is used first, and when each draw's row is used next, as numbers of draws.

        Uses that are not known come after all that are, each with a number of its own.
        """
        order = np.argsort(self._draws, kind="stable")
        in_order = self._draws[order]
        next_uses = self._draws + len(self._draws)
        again = in_order[1:] == in_order[:-1]
        next_uses[order[:-1][again]] = order[1:][again]
        at = np.searchsorted(in_order, held)
        found = at < len(in_order)
        found[found] = in_order[at[found]] == held[found]
        first_uses = held + len(self._draws)
        first_uses[found] = order[at[found]]
        return first_uses, next_uses

    def _row_used(self, use: int) -> int:
        return int(self._draws[use]) if use < len(self._draws) else use - len(self._draws)
