"""The `report` reporter: gathers what a run tells, and writes report.html at its end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from artkit import ErrorInfo, Predictions, ReporterContext, RunInfo, hookimpl
from artkit.drawing.files import write_whole
from artkit_plugins.reporters.epochs import Epoch, past_epochs
from artkit_plugins.reporters.report_page.album import Album
from artkit_plugins.reporters.report_page.block import json_block, target_block
from artkit_plugins.reporters.report_page.choosing import choose_rows
from artkit_plugins.reporters.report_page.leftovers import Artifact, gather_leftovers
from artkit_plugins.reporters.report_page.panels import curve_panels
from artkit_plugins.reporters.report_page.results import Result, read_result
from artkit_plugins.reporters.report_page.run_facts import run_facts
from artkit_plugins.reporters.text import percent, plural
from artkit_shards import render_page

PAGE: Final = "report.html"
_TEMPLATE: Final = Path(__file__).with_name("page.html.j2")


class ReportReporter:
    """Writes the page.

    Args:
        ctx: Where to write.
        num_images: Most test images in the page, of all targets together.
    """

    redraws = True

    def __init__(self, ctx: ReporterContext, *, num_images: int) -> None:
        self._dir = ctx.run_dir
        self._num_images = num_images
        self._epochs: list[Epoch] = []
        self._artifacts: dict[Path, Artifact] = {}
        self._predictions: list[Predictions] = []
        """Of each target."""

    @hookimpl
    def artkit_run_start(self, run: RunInfo) -> None:
        """Take up the epochs of a resumed run."""
        self._epochs = past_epochs(run)

    @hookimpl
    def artkit_epoch_end(self, epoch: int, values: Mapping[str, float]) -> None:
        """Remember an epoch."""
        self._epochs.append({**values, "epoch": epoch})

    @hookimpl
    def artkit_predictions(self, predictions: Predictions) -> None:
        """Remember the result."""
        self._predictions.append(predictions)

    @hookimpl
    def artkit_artifact(self, path: Path, title: str, kind: str) -> None:
        """Remember a file to show, once, in the order in which files came."""
        self._artifacts[path] = Artifact(path, title, kind)

    @hookimpl
    def artkit_run_end(
        self, run: RunInfo, status: Literal["ok", "interrupted", "failed"], error: ErrorInfo | None
    ) -> None:
        """Write the page."""
        results = [read_result(predictions) for predictions in self._predictions]
        album = Album()
        blocks = [self._block(result, album) for result in results]
        panels = curve_panels(run, self._epochs)
        content = {
            **run_facts(run, self._epochs, status, error, self._dir),
            "panels": panels,
            "results": results,
            "left": gather_leftovers(self._artifacts.values(), self._dir, [p.folder for p in self._predictions]),
            "block": json_block({"curves": panels, "targets": blocks, "pictures": album.pictures}),
        }
        page = render_page(_TEMPLATE, content, {"percent": percent, "plural": plural})
        write_whole(self._dir / PAGE, page)

    def _block(self, result: Result, album: Album) -> dict[str, Any]:
        most = self._num_images // len(self._predictions)
        rows = choose_rows(result, most=most) if result.predictions.has_images else []
        shown = album.add(result.predictions, rows, of=len(self._predictions))
        return target_block(result, shown)
