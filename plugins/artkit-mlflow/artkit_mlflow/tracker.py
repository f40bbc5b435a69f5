"""The `mlflow` reporter: one tracked run for each run folder.

Values are gathered and written in batches by a thread of their own, so an event costs training no waiting.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mlflow.entities import Metric

from artkit import ErrorInfo, Predictions, ReporterContext, RunInfo, hookimpl
from artkit_mlflow.naming import of_epoch, of_step, of_test
from artkit_mlflow.outbox import Outbox
from artkit_mlflow.store import Destination, TrackedRun, metrics_at

END_S: Final = 60
"""Seconds to wait at the end for what is not written yet."""
GATHER_S: Final = 5.0
"""Seconds between two batches of values of steps."""
GATHER_MOST: Final = 500
STATUSES: Final = {"ok": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


class MlflowReporter:
    """Tells a tracked run what happens.

    Args:
        ctx: Where the run folder is, and who tells the user.
        destination: Where the run is tracked.
        run_name: None: that of the run folder.
        tags: Of the run.
        every: Optimizer steps between two that are logged.
        logs_weights: Whether the selected weights are uploaded at the end.
    """

    def __init__(
        self,
        ctx: ReporterContext,
        destination: Destination,
        *,
        run_name: str | None,
        tags: Mapping[str, str],
        every: int,
        logs_weights: bool,
    ) -> None:
        self._dir = ctx.run_dir
        self._note = ctx.note
        self._destination = destination
        self._run_name = run_name
        self._tags = tags
        self._every = every
        self._logs_weights = logs_weights
        self._tracked: TrackedRun | None = None
        self._outbox: Outbox | None = None
        self._gathered: list[Metric] = []
        self._sent_at = 0.0
        self._artifacts: dict[Path, None] = {}

    @hookimpl
    def artkit_run_start(self, run: RunInfo) -> None:
        """Start the tracked run, or go on with it."""
        if run.rank > 0:
            return
        tracked = TrackedRun(self._destination, self._dir, name=self._run_name or run.id, tags=self._tags)
        self._tracked, self._outbox = tracked, Outbox()
        self._outbox.put(lambda: tracked.open(run))

    @hookimpl
    def artkit_log(self, step: int, values: Mapping[str, float]) -> None:
        """Log every so many optimizer steps."""
        if step % self._every == 0:
            self._gather(step, of_step(values))
        if len(self._gathered) >= GATHER_MOST or time.monotonic() - self._sent_at > GATHER_S:
            self._send_gathered()

    @hookimpl
    def artkit_epoch_end(self, epoch: int, values: Mapping[str, float]) -> None:
        """Log an epoch."""
        self._gather(epoch, of_epoch(values))
        self._send_gathered()

    @hookimpl
    def artkit_predictions(self, run: RunInfo, predictions: Predictions) -> None:
        """Log the values of the selected weights."""
        self._gather(0, of_test(run, predictions))
        self._send_gathered()

    @hookimpl
    def artkit_artifact(self, path: Path) -> None:
        """Remember a file; files are sent once, at the end, since some are written anew every epoch."""
        self._artifacts[path] = None

    @hookimpl
    def artkit_run_end(self, run: RunInfo, status: str, error: ErrorInfo | None) -> None:
        """Send all files, say how the run ended, and wait until all is written; what was not is told."""
        tracked, outbox = self._tracked, self._outbox
        if tracked is None or outbox is None:
            return
        self._hand_over()
        files = [self._dir / "recipe.toml", *self._artifacts]
        if self._logs_weights and status == "ok":
            files += self._selected_weights(run)
        for path in files:
            outbox.put(lambda path=path: tracked.send(path))  # type: ignore[misc]
        tags = {"artkit.status": status, "artkit.error": f"{error.type}: {error.message}" if error else ""}
        outbox.put(lambda: tracked.close(STATUSES[status], tags))
        self._tracked = self._outbox = None
        is_done = outbox.close(END_S)
        if tracked.url:
            self._note(f"MLflow shows the run at {tracked.url}")
        self._tell_failure(outbox)
        if not is_done:
            self._note(f"MLflow did not take everything within {END_S} seconds; what is left is not tracked")

    def _gather(self, step: int, values: Mapping[str, float]) -> None:
        if self._tracked is not None:
            self._gathered += metrics_at(step, values)

    def _send_gathered(self) -> None:
        self._hand_over()
        if self._outbox is not None:
            self._tell_failure(self._outbox)

    def _hand_over(self) -> None:
        """Have written what was gathered."""
        if self._tracked is None or self._outbox is None:
            return
        tracked, metrics = self._tracked, self._gathered
        self._gathered, self._sent_at = [], time.monotonic()
        if metrics:
            self._outbox.put(lambda: tracked.log(metrics))

    def _tell_failure(self, outbox: Outbox) -> None:
        """Tell what went wrong, once: the run goes on."""
        failure = outbox.new_failure()
        if failure is not None:
            self._note(
                f"the run is not tracked whole, since MLflow says: {failure}; see whether the server is up, or leave "
                "tracking_uri out to keep the run in its own folder"
            )

    def _selected_weights(self, run: RunInfo) -> list[Path]:
        """The weights that validation chose, or the last ones where there is none."""
        paths = [self._dir / name for name in (f"best_{run.select}.safetensors", "last_epoch.safetensors")]
        return [path for path in paths if path.is_file()][:1]
