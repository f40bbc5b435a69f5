"""Ctrl-C and polite kills: the first asks the run to stop after the current step, the second ends it at once."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignal:
    """A context in which SIGINT and SIGTERM become a question: `requested()`.

    Args:
        notify: Told once, with a line for the user.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._requested = False
        self._previous: dict[int, Any] = {}

    def requested(self) -> bool:
        """Whether to stop."""
        return self._requested

    def __enter__(self) -> Self:
        # Python delivers signals to the main thread only; elsewhere (a notebook's kernel thread) they stay as they are.
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
        self._notify("stopping after this step; once more stops at once")
