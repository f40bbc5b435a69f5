"""Telling whoever waits how far long work has come."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called as `progress(phase, done, total)`, with done from 0; whoever calls it says what the phases are."""


def ignore_progress(_phase: str, _done: int, _total: int) -> None:
    """The `Progress` of those who do not want to know."""
