"""Tells the reporters what happens, each in isolation: a reporter's mistake is shown once and never stops a run.

After three mistakes a reporter is switched off; it still hears of the end of the run, so that it can close its files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artkit.contracts import ErrorInfo, Predictions, RunInfo, RunStatus
from artkit.errors import PluginError
from artkit.registry import Component, HookImpl, find_event_hooks

_MISTAKES_ALLOWED = 3
_LAST_EVENTS = ("artkit_predictions", "artkit_artifact", "artkit_run_end")
"""Those of a run whose training is over, in which reporters draw."""


@dataclass(slots=True)
class _Reporter:
    component: Component
    impls: Mapping[str, HookImpl]
    """The events it listens to."""
    redraws: bool
    """Whether it can make its files again."""
    mistakes: int = 0


class Reporters:
    """The reporters of one run.

    Args:
        warn: Shows one line to the user.
        goes_on: What a mistake does not stop, for the user.

    Attributes:
        run: The run, once it has started.
        published: Title and kind of each file that reporters told of, in their order.
    """

    def __init__(self, warn: Callable[[str], None], *, goes_on: str = "the run goes on") -> None:
        self._warn = warn
        self._goes_on = goes_on
        self._reporters: list[_Reporter] = []
        self._noted: set[str] = set()
        self.run: RunInfo | None = None
        self.published: dict[Path, tuple[str, str]] = {}

    def add(self, component: Component, reporter: object) -> None:
        """Add what a reporter's factory returned.

        Raises:
            PluginError: if it listens to no event, to an unknown one, or asks for an argument that an event has not.
        """
        try:
            impls = find_event_hooks(reporter, label=component.plugin.label)
        except PluginError as error:
            raise component.breach(f": {error}") from None
        if not impls:
            raise component.breach("listens to no run event; mark methods such as artkit_epoch_end with @hookimpl")
        self._reporters.append(_Reporter(component, impls, redraws=getattr(reporter, "redraws", False) is True))

    def note(self, text: str) -> None:
        """Show one line to the user; the same one once."""
        if text not in self._noted:
            self._noted.add(text)
            self._warn(text)

    def publish(self, path: Path, *, title: str, kind: str) -> None:
        """Tell all reporters of a file that one of them wrote."""
        self.published[Path(path)] = (title, kind)
        self._send("artkit_artifact", path=Path(path), title=title, kind=kind)

    def run_start(self, run: RunInfo) -> None:
        """Everything is built."""
        self.run = run
        self._send("artkit_run_start")

    def progress(self, phase: str, done: int, total: int) -> None:
        """A batch of a phase is done; numbers are images."""
        self._send("artkit_progress", phase=phase, done=done, total=total)

    def log(self, step: int, epoch: int, values: dict[str, float]) -> None:
        """A training step is done."""
        self._send("artkit_log", step=step, epoch=epoch, split="train", values=values)

    def epoch_end(self, epoch: int, values: dict[str, float]) -> None:
        """An epoch and its validation are done."""
        self._send("artkit_epoch_end", epoch=epoch, values=values)

    def checkpoint(self, step: int, path: Path, *, best: bool) -> None:
        """A checkpoint is written."""
        self._send("artkit_checkpoint", step=step, path=path, best=best)

    def predictions(self, predictions: Predictions) -> None:
        """The selected weights were tested."""
        self._send("artkit_predictions", predictions=predictions)

    def run_end(self, status: RunStatus, error: ErrorInfo | None) -> None:
        """The last event; nobody hears of the end of a run that did not start."""
        if self.run is None:
            return
        self._send("artkit_run_end", status=status, error=error)

    def _send(self, event: str, **arguments: Any) -> None:
        for reporter in self._reporters:
            impl = reporter.impls.get(event)
            is_off = reporter.mistakes >= _MISTAKES_ALLOWED and event != "artkit_run_end"
            if impl is None or is_off:
                continue
            # A reporter that changes a dict changes its own: neither the run's history nor what the next one hears.
            own = {name: dict(value) if isinstance(value, dict) else value for name, value in arguments.items()}
            try:
                impl(run=self.run, **own)
            except (Exception, SystemExit) as error:
                self._note_mistake(reporter, event, error)

    def _note_mistake(self, reporter: _Reporter, event: str, error: BaseException) -> None:
        reporter.mistakes += 1
        if reporter.mistakes == 1:
            what = f"{reporter.component.owner} raised {type(error).__name__} in {event}: {error}"
            report = f"; {reporter.component.report}" if reporter.component.report else ""
            self._warn(f"{what}; {self._goes_on}{self._way_to_redraw(reporter, event)}{report}")
        elif reporter.mistakes == _MISTAKES_ALLOWED:
            self._warn(f"{reporter.component.owner} is switched off after {_MISTAKES_ALLOWED} mistakes")

    def _way_to_redraw(self, reporter: _Reporter, event: str) -> str:
        """What to do once the cause is mended, if what the reporter did not make can be made from the run folder."""
        if event not in _LAST_EVENTS or self.run is None:
            return ""
        elsewhere = "" if reporter.redraws else " --out FOLDER"
        name = reporter.component.name
        return f"; once the cause is mended: `artkit report {self.run.dir} --reporter {name}{elsewhere}`"
