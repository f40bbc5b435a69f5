"""A thread that writes, so that a slow server never holds training up.

Tasks are carried out in the order in which they came. One that fails is left out, and the first failure is kept to be
told; those behind it are tried all the same, since a server may come back.
"""

import queue
import threading
from collections.abc import Callable


class Outbox:
    """Carries out tasks one after the other, beside what goes on."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._failure: Exception | None = None
        self._is_told = False
        # A daemon, since a server that never answers must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name="artkit-mlflow", daemon=True)
        self._thread.start()

    def put(self, task: Callable[[], None]) -> None:
        """Have a task carried out after those before it."""
        self._tasks.put(task)

    def new_failure(self) -> Exception | None:
        """What the first task that failed raised; given once."""
        if self._failure is None or self._is_told:
            return None
        self._is_told = True
        return self._failure

    def close(self, wait_s: float) -> bool:
        """Wait until all tasks are carried out.

        Args:
            wait_s: Seconds to wait at most.

        Returns:
            Whether they are.
        """
        self._tasks.put(None)
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except Exception as error:
                self._failure = self._failure or error
