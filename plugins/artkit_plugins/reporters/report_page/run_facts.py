"""What the page says of a run as a whole: how it ended, what it was made of, how to repeat it."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from artkit import ErrorInfo, RunInfo
from artkit_plugins.reporters.epochs import Epoch, best_epoch
from artkit_plugins.reporters.text import (
    command,
    component_names,
    duration,
    learnt_classes,
    percent,
    resuming_command,
    trains_a_head,
)

_ENDS: Final = {"ok": "finished", "interrupted": "interrupted", "failed": "failed"}


def run_facts(
    run: RunInfo, epochs: Sequence[Epoch], status: str, error: ErrorInfo | None, folder: Path
) -> Mapping[str, Any]:
    """Values for the page's template.

    Args:
        run: The run.
        epochs: Values of each epoch.
        status: How it ended.
        error: Why, if it failed.
        folder: Of the page.
    """
    components = {kind: component_names(who) for kind, who in run.components.items()}
    best = best_epoch(epochs, run.select)
    best_value = next((epoch[f"val_{run.select}"] for epoch in epochs if epoch["epoch"] == best), None)
    return {
        "run": run,
        "status": status,
        "ended": _ENDS[status],
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
        "use": command("artkit", "predict", run.dir, "IMAGES"),
        "repeat": command("artkit", "run", run.dir / "recipe.toml"),
        "redraw": command("artkit", "report", run.dir),
        "resume": resuming_command(run),
        "is_resumable": not trains_a_head(run),
        "data": run.recipe.get("data", {}).get("path"),
        "leakage": _leakage_page(run, folder),
    }


def _measured(value: float, measure: str) -> str:
    return f"{value:.4f}" if measure == "loss" else percent(value)


def _recipe_text(run: RunInfo) -> str:
    path = run.dir / "recipe.toml"
    return path.read_text(encoding="utf-8") if path.is_file() else json.dumps(run.recipe, indent=2, ensure_ascii=False)


def _leakage_page(run: RunInfo, folder: Path) -> str | None:
    """A link to the page of pictures that conversion found more than once, if the data set has one on this machine."""
    data = run.recipe.get("data", {}).get("path")
    page = Path(str(data)) / ".artkit" / "leakage.html"
    return quote(Path(os.path.relpath(page, folder)).as_posix()) if data and page.is_file() else None
