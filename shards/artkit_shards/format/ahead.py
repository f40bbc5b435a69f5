"""Fetching ahead: things of a known order are fetched before their turn, a bounded number of them."""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from artkit_shards.errors import ShardsError
from artkit_shards.format.interest import Interest

Item = TypeVar("Item", bound=Hashable)


class Ahead(Generic[Item]):
    """Fetches things in threads, which end when there is nothing to do.

    Args:
        order: Each thing once, in the order of their turns.
        fetch: Fetches one; called in several threads.
        most: Things to be fetched beyond the one whose turn it is.
        threads: That fetch at a time.
    """

    def __init__(self, order: Sequence[Item], fetch: Callable[[Item], object], *, most: int, threads: int) -> None:
        self._order = order
        self._turns = {item: turn for turn, item in enumerate(order)}
        self._fetch = fetch
        self._most = most
        self._threads = threads
        self._lock = threading.Lock()
        self._running = 0
        self._next = 0
        self._reached = -1
        self._stopped = False
        self._interest = Interest()

    def start(self) -> None:
        """Begin with the first things."""
        self._advance(-1)

    def reached(self, item: Item) -> None:
        """Say that a thing is being used, so that those after it come; cheap unless it is the first time."""
        turn = self._turns.get(item)
        if turn is not None and turn > self._reached:
            self._advance(turn)

    def stop(self) -> None:
        """Begin nothing any more, and give up what is being waited for."""
        self._stopped = True
        self._interest.end()

    def _advance(self, turn: int) -> None:
        with self._lock:
            self._reached = max(self._reached, turn)
            # Whoever uses a thing fetches it, if it is not there yet.
            self._next = max(self._next, self._reached + 1)
            missing = min(len(self._order), self._reached + 1 + self._most) - self._next
            started = min(missing, self._threads) - self._running
            self._running += max(0, started)
        for _ in range(started):
            threading.Thread(target=self._work, name="artkit-ahead", daemon=True).start()

    def _work(self) -> None:
        self._interest.join()
        while (item := self._take()) is not None:
            try:
                self._fetch(item[0])
            except ShardsError:
                # Whoever needs the thing will meet the error, and tell it.
                self._stopped = True

    def _take(self) -> tuple[Item] | None:
        """The next thing to fetch; None ends the thread."""
        with self._lock:
            if self._stopped or self._next >= min(len(self._order), self._reached + 1 + self._most):
                self._running -= 1
                return None
            self._next += 1
            return (self._order[self._next - 1],)
