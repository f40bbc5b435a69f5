"""The `tensorboard` reporter: the folder `tensorboard` of a run, which `tensorboard --logdir runs` shows.

Values of steps and epochs, figures and mosaics, the settings as hyperparameters, and the recipe as text. Names of
values are those of `artkit.tracking`. All stand on one axis, that of optimizer steps, so that a resumed run can take
back exactly what was written of the steps that it does again: TensorBoard drops what lies at its first step or behind.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from artkit import Predictions, ReporterContext, RunInfo, hookimpl, tracking

FOLDER: Final = "tensorboard"
PICTURES: Final = ("figure", "mosaic")
"""Kinds of artifact that are shown."""
WIDEST: Final = 1600
"""Pixels to which pictures are shrunk; TensorBoard keeps all of them in memory."""


class TensorboardReporter:
    """Writes what TensorBoard shows.

    Args:
        ctx: Where the run folder is.
        every: Optimizer steps between two that are logged.
        num_pictures: Most pictures, the first that are published.
    """

    def __init__(self, ctx: ReporterContext, *, every: int, num_pictures: int) -> None:
        self._dir = ctx.run_dir
        self._every = every
        self._num_pictures = num_pictures
        self._writer: Any = None
        self._step = 0
        self._epoch_step = -1
        self._pictures: dict[Path, None] = {}

    @hookimpl
    def artkit_run_start(self, run: RunInfo) -> None:
        """Begin a file of events; one of a resumed run takes back what lies at its first step or behind."""
        folder = self._dir / FOLDER
        goes_on = folder.is_dir()
        # What a killed run has logged is on disk after a few seconds at the latest.
        self._writer = SummaryWriter(str(folder), purge_step=run.first_step if goes_on else None, flush_secs=10)
        self._step = max(run.first_step - 1, 0)
        self._epoch_step = self._step if run.first_epoch else -1
        for summary in _hyperparameters(run)[:2]:
            self._writer.file_writer.add_summary(summary)
        if run.first_step == 0:
            self._writer.add_text("recipe", _recipe_text(run), 0)

    @hookimpl
    def artkit_log(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values of every so many optimizer steps."""
        self._step = step
        if step % self._every == 0:
            self._add(tracking.of_step(values), step)

    @hookimpl
    def artkit_epoch_end(self, values: Mapping[str, float]) -> None:
        """Write the values of an epoch at its last step; where nothing takes steps, at the next number."""
        self._step = max(self._step, self._epoch_step + 1)
        self._epoch_step = self._step
        self._add(tracking.of_epoch(values), self._step)

    @hookimpl
    def artkit_predictions(self, run: RunInfo, predictions: Predictions) -> None:
        """Write the values of the selected weights."""
        self._add(tracking.of_test(run, predictions), self._step)

    @hookimpl
    def artkit_artifact(self, path: Path, kind: str) -> None:
        """Remember a picture; each is written once, at the end, since some are drawn anew every epoch."""
        if kind in PICTURES and (path in self._pictures or len(self._pictures) < self._num_pictures):
            self._pictures[path] = None

    @hookimpl
    def artkit_run_end(self, run: RunInfo, status: str) -> None:
        """Write the pictures, and close the file."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            for path in filter(Path.is_file, self._pictures):
                name = path.relative_to(self._dir).with_suffix("").as_posix()
                writer.add_image(name, _read(path), self._step, dataformats="HWC")
            if status == "ok":
                writer.file_writer.add_summary(_hyperparameters(run)[2])
        finally:
            writer.close()

    def _add(self, values: Mapping[str, float], step: int) -> None:
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)


def _hyperparameters(run: RunInfo) -> tuple[Any, Any, Any]:
    """What TensorBoard is told of the settings of a run: which there are, their values, and that the run went well."""
    settings = {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else value
        for name, value in tracking.settings_of(run).items()
    }
    figures = {f"{split}/{name}": 0.0 for split in ("test", "val") for name in ("accuracy", "macro_recall", "loss")}
    experiment, start, end = hparams(settings, figures)  # type: ignore[no-untyped-call]
    return experiment, start, end


def _recipe_text(run: RunInfo) -> str:
    """The recipe as Markdown; TensorBoard shows four spaces as code."""
    path = run.dir / "recipe.toml"
    text = path.read_text(encoding="utf-8") if path.is_file() else json.dumps(dict(run.recipe), indent=2)
    return "\n".join(f"    {line}" for line in text.splitlines())


def _read(path: Path) -> NDArray[np.uint8]:
    """A picture, no wider than can be shown: RGB, uint8, (H, W, 3)."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    scale = min(1.0, WIDEST / image.width)
    size = (round(image.width * scale), max(round(image.height * scale), 1))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
