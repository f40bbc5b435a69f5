"""What reporters keep: they take every run as it comes, write into its folder only, and never hold it up."""

import copy
import os
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Final

from artkit.hookspecs import RUN_EVENTS
from artkit.registry import find_event_hooks
from artkit.registry.failure import raised_text
from artkit.testing.check import NotApplicable, check, fail, require
from artkit.testing.fake_run import Event, FakeRun
from artkit.testing.subject import Subject

_MOST_MS: Final = 20.0
_KINDS: Final = ("figure", "mosaic", "table", "file")
_FREQUENT: Final = ("artkit_progress", "artkit_log")
_UNHEARD: Final = (*_FREQUENT, "artkit_checkpoint")
"""What a run that is told once more has none of."""


@check("reporter", is_basic=True)
def listens(subject: Subject) -> None:
    """A reporter has a method with @hookimpl for at least one run event, with arguments that the event has."""
    require(find_event_hooks(subject.build(), subject.component.owner), "it listens to no run event")


@check("reporter", is_basic=True)
def values_untouched(subject: Subject) -> None:
    """A reporter changes nothing of what it is told."""
    fake = _fake(subject)
    events = list(fake.events())
    before = [_snapshot(arguments) for _, arguments in events], copy.deepcopy(dict(fake.run.recipe))
    _replay(subject, fake, events)
    changed = [name for (name, now), was in zip(events, before[0], strict=True) if _snapshot(now) != was]
    require(not changed, f"it changes what {', '.join(sorted(set(changed)))} told it")
    require(fake.run.recipe == before[1], "it changes the recipe of the run")


@check("reporter")
def whole_run(subject: Subject) -> None:
    """A reporter takes a whole run, also a resumed one, and one of several targets."""
    for changes in ({}, {"first_epoch": 2}, {"targets": ("artist", "style")}):
        _replay(subject, _fake(subject, **changes))


@check("reporter")
def failed_run(subject: Subject) -> None:
    """A reporter takes a run that fails."""
    _replay(subject, _fake(subject, status="failed"))


@check("reporter")
def interrupted_run(subject: Subject) -> None:
    """A reporter takes a run that is interrupted."""
    _replay(subject, _fake(subject, status="interrupted"))


@check("reporter")
def missing_events(subject: Subject) -> None:
    """No event must have come before another: runs end early, have no validation and no test."""
    fake = _fake(subject)
    events = list(fake.events())
    start, end = events[0], events[-1]
    for kept in ([start, end], *([start, *_without(events[1:], name)] for name in RUN_EVENTS[1:-1])):
        _replay(subject, _fake(subject), kept)


@check("reporter")
def any_order(subject: Subject) -> None:
    """Between start and end, events may come in any order."""
    events = list(_fake(subject).events())
    _replay(subject, _fake(subject), [events[0], *reversed(events[1:-1]), events[-1]])


@check("reporter")
def own_folder(subject: Subject) -> None:
    """A reporter writes into the run folder only."""
    fake = _fake(subject)
    with _writes() as written:
        _replay(subject, fake)
    outside = [path for path in written if not path.is_relative_to(fake.run.dir) and path.exists() and _matters(path)]
    require(not outside, f"it writes {', '.join(map(str, outside[:3]))}")


@check("reporter")
def published_files(subject: Subject) -> None:
    """What a reporter publishes is a file in the run folder, of a kind that reports know."""
    fake = _fake(subject)
    _replay(subject, fake)
    if not fake.published:
        raise NotApplicable("it publishes nothing")
    for path, _title, kind in fake.published:
        require(path.is_file() and path.is_relative_to(fake.run.dir), f"{path} is no file in the run folder")
        require(kind in _KINDS, f"{path.name} is of the kind {kind!r}, not one of {', '.join(_KINDS)}")


@check("reporter")
def draws_again(subject: Subject) -> None:
    """A reporter that says it `redraws` leaves the same files when it hears of no step, progress or checkpoint."""
    if getattr(subject.build(), "redraws", False) is not True:
        raise NotApplicable("it does not say that it can draw again")
    whole, again = _left(subject, but=()), _left(subject, but=_UNHEARD)
    differing = sorted(name for name in whole.keys() | again.keys() if whole.get(name) != again.get(name))
    require(not differing, f"it leaves other {', '.join(differing[:3])} then")


@check("reporter")
def quick(subject: Subject) -> str:
    """An event of a step takes less than 20 ms of computing, so that the run is not held up."""
    fake = _fake(subject, num_epochs=2, steps_per_epoch=20)
    reporter = subject.component.build(fake.context, subject.options)
    impls = find_event_hooks(reporter, subject.component.owner)
    spent: dict[str, list[float]] = {name: [] for name in _FREQUENT if name in impls}
    if not spent:
        raise NotApplicable("it hears of no step")
    with _silently():
        for name, arguments in fake.events():
            started = time.process_time()
            if name in impls:
                impls[name](run=fake.run, **arguments)
            spent.get(name, []).append(1000 * (time.process_time() - started))
    typical = {name: statistics.median(times) for name, times in spent.items()}
    for name, milliseconds in typical.items():
        require(milliseconds < _MOST_MS, f"{name} takes {milliseconds:.0f} ms")
    return ", ".join(f"{name}: {milliseconds:.2g} ms" for name, milliseconds in typical.items())


def _fake(subject: Subject, **changes: Any) -> FakeRun:
    return FakeRun(subject.owner.new_folder(), **changes)


def _left(subject: Subject, *, but: Sequence[str]) -> dict[str, bytes]:
    """The files that a reporter leaves that hears of all but some events; their folder's name is taken out of them."""
    fake = _fake(subject)
    _replay(subject, fake, [event for event in fake.events() if event[0] not in but])
    folder = fake.run.dir
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes().replace(bytes(folder), b"") for path in files}


def _replay(subject: Subject, fake: FakeRun, events: Iterable[Event] | None = None) -> None:
    told = list(fake.events() if events is None else events)
    last = [""]

    def noted() -> Iterator[Event]:
        for name, arguments in told:
            last[0] = name
            yield name, arguments

    with _silently():
        reporter = subject.component.build(fake.context, subject.options)
        try:
            fake.replay(reporter, events=noted())
        except Exception as error:
            how = "" if events is None else f" (told of {_shortened([name for name, _ in told])})"
            fail(f"{raised_text(error, last[0])}{how}")


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _without(events: Sequence[Event], name: str) -> list[Event]:
    return [event for event in events if event[0] != name]


@contextmanager
def _silently() -> Iterator[None]:
    """What reporters say is for who watches a run."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield


class _WriteWatch:
    """Hears of all files that this process opens to write; one for all time, since Python forgets no such hook."""

    def __init__(self) -> None:
        self.written: list[Path] | None = None
        self.is_added = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.written is None or event != "open" or not isinstance(arguments[0], str):
            return
        if arguments[2] & (os.O_WRONLY | os.O_RDWR):
            self.written.append(Path(arguments[0]).absolute())


_WATCH: Final = _WriteWatch()


@contextmanager
def _writes() -> Iterator[list[Path]]:
    """The files that are opened to write inside."""
    if not _WATCH.is_added:
        sys.addaudithook(_WATCH)
        _WATCH.is_added = True
    written: list[Path] = []
    _WATCH.written = written
    try:
        yield written
    finally:
        _WATCH.written = None


def _matters(path: Path) -> bool:
    """Whether a file is more than a cache of Python or of a library."""
    caches = {"__pycache__", ".cache", ".matplotlib", "dev"}
    return not caches & set(path.parts) and "matplotlib" not in str(path)


def _snapshot(arguments: Any) -> Any:
    """A copy of an event's arguments that can be compared."""
    copied = dict(arguments)
    predictions = copied.pop("predictions", None)
    if predictions is not None:
        copied["predictions"] = (
            tuple(predictions.class_names),
            dict(predictions.metrics),
            predictions.labels.tolist(),
            predictions.probabilities.tolist(),
        )
    return copy.deepcopy(copied)
