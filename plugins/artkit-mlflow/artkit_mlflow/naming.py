"""What values and settings of a run are called where it is tracked.

    step/loss                   of an optimizer step
    train/loss, val/accuracy    of an epoch
    epoch/seconds               other values of an epoch
    test/accuracy               of the selected weights

A further target stands in the name, as in artkit's own tables: `val/style_accuracy`, `test/style_accuracy`. So runs
with and without it share the charts of the first one. A character that MLflow refuses in names becomes its number, so
that two names never become one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from artkit import Predictions, RunInfo

MOST_CHARACTERS: Final = 6000
"""Of the text of a setting; MLflow refuses more."""


def of_step(values: Mapping[str, float]) -> dict[str, float]:
    """Name the values of an optimizer step."""
    return {f"step/{_legal(name)}": value for name, value in values.items()}


def of_epoch(values: Mapping[str, float]) -> dict[str, float]:
    """Name the values of an epoch; its number is not among them."""
    named = {}
    for name, value in values.items():
        split, _, rest = name.partition("_")
        if name != "epoch":
            named[f"{split}/{_legal(rest)}" if split in ("train", "val") else f"epoch/{_legal(name)}"] = value
    return named


def of_test(run: RunInfo, predictions: Predictions) -> dict[str, float]:
    """Name the values of the selected weights in one target."""
    is_first = predictions.target == next(iter(run.targets))
    infix = "" if is_first else f"{predictions.target}_"
    # Where there is no test split, these are values of validation, and an epoch has those names.
    split = predictions.split if predictions.split == "test" else f"selected_{predictions.split}"
    return {f"{split}/{_legal(infix + name)}": value for name, value in predictions.metrics.items()}


def settings_of(run: RunInfo) -> dict[str, str]:
    """The recipe and who provides its components, flat: `train.epochs`, `augmenter.0.p`, `components.model`."""
    facts = {"components": run.components, "classes": len(run.class_names), "parameters": run.num_parameters}
    table = {**run.recipe, **facts, "images": run.split_sizes, "targets": list(run.targets)}
    return {_legal(name): _text(value)[:MOST_CHARACTERS] for name, value in _flat(table)}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, list | tuple) and value and all(isinstance(one, Mapping) for one in value):
            value = {str(number): one for number, one in enumerate(value)}
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _legal(name: str) -> str:
    return re.sub(r"[^\w. -]", lambda match: f"-{ord(match[0]):x}-", name)
