"""The curves of the page: which values of the epochs are drawn together, and how they are called."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from artkit import RunInfo
from artkit_plugins.reporters.epochs import MEASURES, Epoch, best_epoch

Unit = Literal["number", "percent", "rate", "count"]


def curve_panels(run: RunInfo, epochs: Sequence[Epoch]) -> list[dict[str, Any]]:
    """The panels that have anything to show, ready for JSON: each with a title, a unit, and its series.

    A series has a name, a style from 0, points (epochs done, value), and the number of the best point, or None.
    """
    first, *further = run.targets
    of_first = f" of {first}" if further else ""
    loss = [
        ("train_loss", "training, all targets together" if further else "training"),
        ("val_loss", f"validation{of_first}"),
        *((f"val_{name}_loss", f"validation of {name}") for name in further),
        *((f"train_{name}_loss", f"training of {name}") for name in run.targets if further),
    ]
    accuracy = [
        ("train_accuracy", f"training{of_first}"),
        ("val_accuracy", f"validation{of_first}"),
        ("val_macro_recall", f"macro recall{of_first} in validation"),
        *((f"val_{name}_accuracy", f"validation of {name}") for name in further),
    ]
    panels = [
        _panel("Loss", "number", loss, epochs),
        _panel("Accuracy", "percent", accuracy, epochs),
        _panel("Learning rate", "rate", [("learning_rate", "learning rate")], epochs),
        _panel("Images per second in training", "count", [("images_per_s", "images per second")], epochs),
    ]
    return [panel for panel in panels if panel["series"]]


def _panel(title: str, unit: Unit, wanted: Sequence[tuple[str, str]], epochs: Sequence[Epoch]) -> dict[str, Any]:
    series = [_series(name, label, style, epochs) for style, (name, label) in enumerate(wanted)]
    return {"title": title, "unit": unit, "series": [each for each in series if each["points"]]}


def _series(name: str, label: str, style: int, epochs: Sequence[Epoch]) -> dict[str, Any]:
    points = [
        (int(epoch["epoch"]) + 1, float(f"{epoch[name]:.6g}"))
        for epoch in epochs
        if math.isfinite(epoch.get(name, math.nan))
    ]
    measure = name.removeprefix("val_")
    best = best_epoch(epochs, measure) if name.startswith("val_") and measure in MEASURES else None
    at = None if best is None else [epoch for epoch, _ in points].index(best + 1)
    return {"name": label, "style": style, "points": points, "best": at}
