"""Ctrl-C and polite kills: the first asks the run to stop after the current step, a second one may end it at once."""

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
        insists: Whether a second signal ends the process. One of several ranks gets the same signal more than once,
            from the system and from torchrun, which itself ends those that take too long.
    """

    def __init__(self, notify: Callable[[str], None], *, insists: bool = True) -> None:
        self._notify = notify
        self._insists = insists
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
        if self._requested and self._insists:
            raise KeyboardInterrupt
        if not self._requested:
            self._requested = True
            self._notify("stopping after this step" + ("; once more stops at once" if self._insists else ""))
