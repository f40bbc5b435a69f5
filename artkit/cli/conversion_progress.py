"""How far a conversion is: a bar at a terminal, plain lines elsewhere. Both tell images per second and time left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer

_SECONDS_BETWEEN_LINES: Final = 10.0
_DOING: Final = {"inspect": "looking at images", "write": "writing shards"}


@contextmanager
def conversion_progress() -> Iterator[Callable[[str, int, int], None]]:
    """What `artkit_shards.convert` takes as its `progress`; shown on standard error until the block ends."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<17}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:.0f} images/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        tasks = {phase: bar.add_task(text, start=False, total=None, speed=0.0) for phase, text in _DOING.items()}

        def show(phase: str, done: int, total: int) -> None:
            if done == 0:
                bar.start_task(tasks[phase])
            elapsed = bar.tasks[tasks[phase]].elapsed or 0.0
            bar.update(tasks[phase], completed=done, total=total, speed=done / max(elapsed, 1e-3))

        yield show


class _Lines:
    """Prints a line from time to time, and one at the end of each phase."""

    def __init__(self) -> None:
        self._started = self._printed = time.monotonic()

    def __call__(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0:
            self._started = self._printed = now
        if done < total and now - self._printed < _SECONDS_BETWEEN_LINES:
            return
        self._printed = now
        speed = done / max(now - self._started, 1e-3)
        left = f", {(total - done) / speed:.0f} s left" if done < total else ""
        typer.echo(f"{_DOING[phase]}: {done} of {total}, {speed:.0f} images/s{left}", err=True)
