"""The `model-card` reporter: model_card.md, what someone who was not there must know of the model before using it.

What is written, and how, is in card_text.py; here is what it is gathered from: the events of the run, run.json,
calibration.json where the run left one, and the data set.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artkit import Predictions, ReporterContext, RunInfo, hookimpl
from artkit.drawing.files import write_whole
from artkit_plugins.reporters.card_text import CopiesFound, Findings, card_text
from artkit_plugins.reporters.epochs import Epoch, past_epochs
from artkit_shards import ShardsError, demo_path, describe_dataset, is_address, open_dataset


class ModelCardReporter:
    """Writes the card once the weights are tested.

    Args:
        ctx: Where to write, and whom to tell.
    """

    def __init__(self, ctx: ReporterContext) -> None:
        self._dir = ctx.run_dir
        self._publish = ctx.publish
        self._epochs: list[Epoch] = []
        self._predictions: list[Predictions] = []
        """Of each target."""
        self._copies: CopiesFound | None = None

    @hookimpl
    def artkit_run_start(self, run: RunInfo) -> None:
        """Take up the epochs of a resumed run."""
        self._epochs = past_epochs(run)

    @hookimpl
    def artkit_epoch_end(self, epoch: int, values: Mapping[str, float]) -> None:
        """Remember an epoch."""
        self._epochs.append({**values, "epoch": epoch})

    @hookimpl
    def artkit_predictions(self, run: RunInfo, predictions: Predictions) -> None:
        """Write the card with the results so far."""
        if not self._predictions:
            self._copies = _find_copies(run)
        self._predictions.append(predictions)
        findings = Findings(
            epochs=self._epochs,
            predictions=self._predictions,
            facts=_read_json(run.dir / "run.json"),
            calibration=_read_json(run.dir / "calibration.json").get("targets", {}),
            copies=self._copies,
        )
        path = self._dir / "model_card.md"
        write_whole(path, card_text(run, findings))
        self._publish(path, title="Model card", kind="file")


def _read_json(path: Path) -> Mapping[str, Any]:
    """What a file of the run says; nothing if the run has none."""
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def _find_copies(run: RunInfo) -> CopiesFound | None:
    """Images that stand in the data set more than once; None where that cannot be looked up without fetching it."""
    location = str(run.recipe.get("data", {}).get("path", ""))
    if not location or is_address(location):
        return None
    try:
        found = describe_dataset(open_dataset(demo_path() if location == "demo" else Path(location))).duplicates
    except ShardsError:
        return None
    return CopiesFound(
        extra=found.num_extra, across_splits=len(found.across_splits), across_classes=len(found.across_classes)
    )
