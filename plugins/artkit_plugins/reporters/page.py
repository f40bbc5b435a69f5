"""The `report` reporter: report.html, one page that shows what a run did and left, and how to repeat it.

The page stands alone: figures and mosaics are inside it, so it can be sent to someone. What does not fit is linked to
the files beside it.
"""

import base64
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import numpy as np
from PIL import Image

from artkit import ErrorInfo, Predictions, ReporterContext, RunInfo, hookimpl, wilson_interval
from artkit.drawing.files import write_whole
from artkit_plugins.reporters.epochs import Epoch, best_epoch, past_epochs
from artkit_plugins.reporters.statistics import (
    ClassScore,
    class_scores,
    confused_pairs,
    confusion_counts,
    worst_first,
)
from artkit_plugins.reporters.text import (
    command,
    component_names,
    duration,
    learnt_classes,
    percent,
    plural,
    resuming_command,
    trains_a_head,
)
from artkit_shards import render_page

EMBEDDED_BYTES: Final = 7_000_000
"""Most bytes of pictures inside the page, which base64 makes a third larger."""
SHEET_WIDTH: Final = 1100
THUMBNAIL: Final = 360
"""Width and height in pixels of a small picture of a mosaic."""
THUMBNAILS_SHOWN: Final = 24
ROWS_SHOWN: Final = 10
_TEMPLATE: Final = Path(__file__).with_name("report.html.j2")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a reporter published."""

    path: Path
    title: str
    kind: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the page: `source` is a data URI, or a link where the page has no room for the picture itself."""

    title: str
    link: str
    source: str


class ReportReporter:
    """Gathers what a run tells, and writes the page at its end.

    Args:
        ctx: Where to write.
    """

    def __init__(self, ctx: ReporterContext) -> None:
        self._dir = ctx.run_dir
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
        artifacts = [artifact for artifact in self._artifacts.values() if artifact.path.is_file()]
        content = {
            **_run_content(run, self._epochs, status, error),
            **_picture_content(artifacts, self._dir),
            "results": [_result_content(predictions) for predictions in self._predictions],
        }
        page = render_page(_TEMPLATE, content, {"percent": percent, "plural": plural})
        write_whole(self._dir / "report.html", page)


def _run_content(run: RunInfo, epochs: Sequence[Epoch], status: str, error: ErrorInfo | None) -> dict[str, Any]:
    components = {kind: component_names(who) for kind, who in run.components.items()}
    best = best_epoch(epochs, run.select)
    best_value = next((epoch[f"val_{run.select}"] for epoch in epochs if epoch["epoch"] == best), None)
    return {
        "run": run,
        "status": status,
        "error": error,
        "model": components.get("model", "a model"),
        "learnt": learnt_classes(run),
        "components": components,
        "epochs_done": len(epochs),
        "best_epoch": None if best is None else best + 1,
        "best_value": None if best_value is None else _measured(best_value, run.select),
        "selected_by": run.select.replace("_", " "),
        "training_time": duration(sum(epoch.get("seconds", 0.0) for epoch in epochs)),
        "recipe": _recipe_text(run),
        "repeat": command("artkit", "run", run.dir / "recipe.toml"),
        "resume": resuming_command(run),
        "is_resumable": not trains_a_head(run),
    }


def _measured(value: float, measure: str) -> str:
    return f"{value:.4f}" if measure == "loss" else percent(value)


def _recipe_text(run: RunInfo) -> str:
    path = run.dir / "recipe.toml"
    return path.read_text(encoding="utf-8") if path.is_file() else json.dumps(run.recipe, indent=2, ensure_ascii=False)


# --- numbers --------------------------------------------------------------------------------------------------------


def _result_content(predictions: Predictions) -> dict[str, Any]:
    names, labels, predicted = predictions.class_names, predictions.labels, predictions.predicted
    scores = class_scores(labels, predicted, names, predictions.train_counts)
    worst = [scores[k] for k in worst_first(scores)]
    unseen = [score for score in scores if not score.support]
    pairs = confused_pairs(confusion_counts(labels, predicted, len(names)))
    low, high = wilson_interval(int((predicted == labels).sum()), len(labels))
    guess = 1 / len(names)
    recall = predictions.metrics.get("macro_recall", 0.0)
    return {
        "of": f" of {predictions.target}" if predictions.folder.parts else "",
        "pairs_file": (predictions.folder / "confused_pairs.csv").as_posix(),
        "split": predictions.split,
        "images": len(labels),
        "metrics": predictions.metrics,
        "accuracy_low": low,
        "accuracy_high": high,
        "guess": guess,
        "times_guessing": recall / guess,
        "largest_share": int(np.bincount(labels).max()) / len(labels),
        "worst": worst[:ROWS_SHOWN],
        "classes": [*worst, *unseen],
        "most_trained": max((score.train_count for score in scores), default=0),
        "pairs": [_pair_row(pair.true, pair.predicted, pair.n, pair.of, scores) for pair in pairs[:ROWS_SHOWN]],
        "num_pairs": len(pairs),
    }


def _pair_row(true: int, predicted: int, n: int, of: int, scores: Sequence[ClassScore]) -> dict[str, Any]:
    return {"true": scores[true], "predicted": scores[predicted], "n": n, "of": of, "share": n / of}


# --- pictures -------------------------------------------------------------------------------------------------------


class _Album:
    """Puts pictures into the page while there is room."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._room = EMBEDDED_BYTES

    def figure(self, artifact: Artifact) -> Picture:
        """Show a figure as it is."""
        return self._picture(artifact, artifact.path.read_bytes(), f"image/{artifact.path.suffix[1:].lower()}")

    def sheet(self, artifact: Artifact) -> Picture:
        """Show a mosaic at reading size."""
        return self._picture(artifact, _as_jpeg(artifact.path, SHEET_WIDTH, None), "image/jpeg")

    def thumbnail(self, artifact: Artifact) -> Picture:
        """Show the top of a mosaic, small."""
        return self._picture(artifact, _as_jpeg(artifact.path, THUMBNAIL, THUMBNAIL), "image/jpeg")

    def link(self, artifact: Artifact) -> Picture:
        """Name a file without showing it."""
        href = quote(Path(os.path.relpath(artifact.path, self._folder)).as_posix())
        return Picture(artifact.title, href, href)

    def _picture(self, artifact: Artifact, data: bytes, media_type: str) -> Picture:
        linked = self.link(artifact)
        if len(data) > self._room:
            return linked
        self._room -= len(data)
        return Picture(linked.title, linked.link, f"data:{media_type};base64,{base64.b64encode(data).decode()}")


def _picture_content(artifacts: Iterable[Artifact], folder: Path) -> dict[str, Any]:
    artifacts = list(artifacts)
    album = _Album(folder)
    mosaics = [artifact for artifact in artifacts if artifact.kind == "mosaic"]
    # Mosaics of single classes lie in folders of their own; those beside these folders are about the whole run.
    top = min((len(artifact.path.parts) for artifact in mosaics), default=0)
    by_class = [artifact for artifact in mosaics if len(artifact.path.parts) > top]
    return {
        "figures": [album.figure(artifact) for artifact in artifacts if artifact.kind == "figure"],
        "sheets": [album.sheet(artifact) for artifact in mosaics if artifact not in by_class],
        "thumbnails": [album.thumbnail(artifact) for artifact in by_class[:THUMBNAILS_SHOWN]],
        "more_mosaics": [album.link(artifact) for artifact in by_class[THUMBNAILS_SHOWN:]],
        "files": [album.link(artifact) for artifact in artifacts if artifact.kind in ("table", "file")],
    }


def _as_jpeg(path: Path, width: int, height: int | None) -> bytes:
    """Shrink a picture to a width and cut it off at a height."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    scale = min(1.0, width / image.width)
    image = image.resize((round(image.width * scale), max(round(image.height * scale), 1)), Image.Resampling.LANCZOS)
    if height is not None:
        image = image.crop((0, 0, image.width, min(image.height, height)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
