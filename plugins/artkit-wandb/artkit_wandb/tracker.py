"""The `wandb` reporter: one tracked run for each run folder.

wandb sends from a process of its own, so an event costs training no waiting. What cannot be sent stays in the folder
`wandb` of the run, and `wandb sync` sends it later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import wandb
from pydantic import ValidationError
from wandb.errors import Error as WandbError

from artkit import ErrorInfo, Predictions, RecipeError, ReporterContext, RunInfo, hookimpl
from artkit.tracking import of_epoch, of_step, of_test
from artkit_wandb.identity import Identity
from artkit_wandb.naming import settings_of

START_S: Final = 30
"""Seconds to wait for the server at the start; a run must not stand still for a tracker."""
END_S: Final = 300
"""Seconds to wait for the last data to be sent."""
EXIT_CODES: Final = {"ok": 0, "failed": 1, "interrupted": 130}
PICTURES: Final = ("figure", "mosaic")
"""Kinds of artifact that are shown; others are files."""


@dataclass(frozen=True, slots=True)
class _Artifact:
    """A file that a reporter published."""

    title: str
    kind: str


def new_settings(**given: Any) -> wandb.Settings:
    """The settings of a tracked run; what is None is left to the user's own settings of wandb.

    Raises:
        RecipeError: if wandb refuses one.
    """
    own: dict[str, Any] = {"console": "off", "silent": True, "reinit": "create_new"}
    own |= {"init_timeout": START_S, "finish_timeout": END_S, "finish_timeout_raises": True}
    own |= {name: value for name, value in given.items() if value is not None}
    try:
        return wandb.Settings(**own)
    except (ValidationError, WandbError) as error:
        raise RecipeError(f"wandb refuses an option: {error}") from None


class WandbReporter:
    """Tells a tracked run what happens.

    Args:
        ctx: Where the run folder is, and who tells the user.
        settings: Of the tracked run.
        every: Optimizer steps between two that are logged.
        logs_weights: Whether the selected weights are uploaded at the end.
    """

    def __init__(self, ctx: ReporterContext, settings: wandb.Settings, *, every: int, logs_weights: bool) -> None:
        self._dir = ctx.run_dir
        self._note = ctx.note
        self._settings = settings
        self._every = every
        self._logs_weights = logs_weights
        self._tracked: wandb.Run | None = None
        self._artifacts: dict[Path, _Artifact] = {}

    @hookimpl
    def artkit_run_start(self, run: RunInfo) -> None:
        """Start the tracked run, or go on with it; without a server, it is kept in the run folder, and that is told."""
        if run.rank > 0:
            return
        try:
            self._start(run)
        except (WandbError, OSError, TimeoutError) as error:
            if self._settings.mode == "offline":
                raise
            wandb.teardown()  # or the id would stay in use by the attempt that failed
            self._settings.mode = "offline"
            self._start(run)
            self._note(
                f"the run is tracked in {self._dir / 'wandb'} alone, since wandb cannot reach its server ({error}); "
                f"send it later with `wandb sync`, or choose that with --set reporter.wandb.mode=offline"
            )

    @hookimpl
    def artkit_log(self, step: int, values: Mapping[str, float]) -> None:
        """Log every so many optimizer steps."""
        if self._tracked is not None and step % self._every == 0:
            self._tracked.log({"step": step, **of_step(values)})

    @hookimpl
    def artkit_epoch_end(self, epoch: int, values: Mapping[str, float]) -> None:
        """Log an epoch."""
        if self._tracked is not None:
            self._tracked.log({"epoch": epoch, **of_epoch(values)})

    @hookimpl
    def artkit_predictions(self, run: RunInfo, predictions: Predictions) -> None:
        """Keep the values of the selected weights in the summary."""
        if self._tracked is not None:
            self._tracked.summary.update(of_test(run, predictions))

    @hookimpl
    def artkit_artifact(self, path: Path, title: str, kind: str) -> None:
        """Remember a file; files are sent once, at the end, since some are written anew every epoch."""
        self._artifacts[path] = _Artifact(title, kind)

    @hookimpl
    def artkit_run_end(self, run: RunInfo, status: str, error: ErrorInfo | None) -> None:
        """Send pictures and files, say how the run ended, and wait until all is sent."""
        tracked, self._tracked = self._tracked, None
        if tracked is None:
            return
        try:
            tracked.summary.update({"status": status, "error": f"{error.type}: {error.message}" if error else None})
            self._send_pictures(tracked)
            self._send_files(tracked, "files", self._tables())
            if self._logs_weights and status == "ok":
                self._send_files(tracked, "model", self._selected_weights(run))
        finally:
            tracked.finish(exit_code=EXIT_CODES[status])
        Identity(id=tracked.id, is_whole=True).keep(self._dir)

    def _start(self, run: RunInfo) -> None:
        before = Identity.of(self._dir)
        replace(before, is_whole=False).keep(self._dir)
        tracked = wandb.init(
            id=before.id,
            name=self._settings.run_name or run.id,
            dir=self._dir,
            resume=None if self._settings.mode == "offline" else "allow",
            config=settings_of(run),
            allow_val_change=True,
            settings=self._settings,
        )
        for axis, prefixes in (("step", ("step",)), ("epoch", ("train", "val", "epoch"))):
            tracked.define_metric(axis)
            for prefix in prefixes:
                tracked.define_metric(f"{prefix}/*", step_metric=axis)
        self._tracked = tracked
        if not before.is_whole:
            for epoch in run.history:
                tracked.log({"epoch": int(epoch["epoch"]), **of_epoch(epoch)})
        if not tracked.offline and tracked.url:
            self._note(f"wandb shows the run at {tracked.url}")

    def _send_pictures(self, tracked: wandb.Run) -> None:
        """Send each picture under a name of its own: in a list, wandb shows all in the size of the first."""
        pictures = {
            f"pictures/{path.relative_to(self._dir).with_suffix('').as_posix()}": wandb.Image(
                str(path), caption=artifact.title
            )
            for path, artifact in self._artifacts.items()
            if artifact.kind in PICTURES and path.is_file()
        }
        if pictures:
            tracked.log(pictures)

    def _tables(self) -> list[Path]:
        """The recipe, and what reporters published beside pictures."""
        paths = [path for path, artifact in self._artifacts.items() if artifact.kind not in PICTURES]
        return [path for path in (self._dir / "recipe.toml", *paths) if path.is_file()]

    def _selected_weights(self, run: RunInfo) -> list[Path]:
        """The weights that validation chose, or the last ones where there is none."""
        paths = [self._dir / name for name in (f"best_{run.select}.safetensors", "last_epoch.safetensors")]
        return [path for path in paths if path.is_file()][:1]

    def _send_files(self, tracked: wandb.Run, kind: str, paths: Sequence[Path]) -> None:
        """Send files as an artifact. They are read where they are, not copied to a cache of wandb before."""
        if not paths:
            return
        artifact = wandb.Artifact(f"{kind}-{tracked.id}", type=kind)
        for path in paths:
            artifact.add_file(str(path), name=path.relative_to(self._dir).as_posix(), policy="immutable")
        tracked.log_artifact(artifact)
