"""How far long work on images is: a bar at a terminal, plain lines elsewhere. Both tell the speed and the time left."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

import typer

_SECONDS_BETWEEN_LINES: Final = 10.0
_UNIT: Final = "images"
_DOING: Final = {"inspect": "looking at images", "write": "writing shards"}


@contextmanager
def conversion_progress(
    doing: Mapping[str, str] = _DOING, units: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Callable[[str, int, int | None], None]]:
    """What `artkit_shards.convert` and the like take as `progress`; shown on standard error until the block ends.

    It is told a phase, what is done of it, and the total, or None where that is not known.

    Args:
        doing: What is said of each phase.
        units: What is counted in a phase, if not images.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(doing, units)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<17}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:.0f} {task.fields[unit]}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        tasks = {
            phase: bar.add_task(text, start=False, total=None, speed=0.0, unit=units.get(phase, _UNIT))
            for phase, text in doing.items()
        }

        def show(phase: str, done: int, total: int | None) -> None:
            if done == 0:
                bar.start_task(tasks[phase])
            elapsed = bar.tasks[tasks[phase]].elapsed or 0.0
            bar.update(tasks[phase], completed=done, total=total, speed=done / max(elapsed, 1e-3))

        yield show


class _Lines:
    """Prints a line from time to time, and one at the end of each phase."""

    def __init__(self, doing: Mapping[str, str], units: Mapping[str, str]) -> None:
        self._doing = doing
        self._units = units
        self._started = self._printed = time.monotonic()

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if done == 0:
            self._started = self._printed = now
        if done != total and now - self._printed < _SECONDS_BETWEEN_LINES:
            return
        self._printed = now
        speed = done / max(now - self._started, 1e-3)
        unit = self._units.get(phase, _UNIT)
        of = "" if total is None else f" of {total}"
        left = f", {(total - done) / speed:.0f} s left" if total is not None and done < total else ""
        typer.echo(f"{self._doing[phase]}: {done}{of}, {speed:.0f} {unit}/s{left}", err=True)
