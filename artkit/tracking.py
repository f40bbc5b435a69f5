"""What values and settings of a run are called where it is tracked, for reporters that send them elsewhere.

    step/loss                   of an optimizer step
    train/loss, val/accuracy    of an epoch
    epoch/seconds               other values of an epoch
    test/accuracy               of the selected weights

A further target stands in the name, as in artkit's own tables: `val/style_accuracy`, `test/style_accuracy`. So runs
with and without it share the charts of the first one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from artkit.contracts import Predictions, RunInfo


def of_step(values: Mapping[str, float]) -> dict[str, float]:
    """Name the values of an optimizer step."""
    return {f"step/{name}": value for name, value in values.items()}


def of_epoch(values: Mapping[str, float]) -> dict[str, float]:
    """Name the values of an epoch; its number is not among them."""
    named = {}
    for name, value in values.items():
        split, _, rest = name.partition("_")
        if name != "epoch":
            named[f"{split}/{rest}" if split in ("train", "val") else f"epoch/{name}"] = value
    return named


def of_test(run: RunInfo, predictions: Predictions) -> dict[str, float]:
    """Name the values of the selected weights in one target."""
    is_first = predictions.target == next(iter(run.targets))
    infix = "" if is_first else f"{predictions.target}_"
    # Where there is no test split, these are values of validation, and an epoch has those names.
    split = predictions.split if predictions.split == "test" else f"selected_{predictions.split}"
    return {f"{split}/{infix}{name}": value for name, value in predictions.metrics.items()}


def settings_of(run: RunInfo) -> dict[str, Any]:
    """The recipe and who provides its components, flat: `train.epochs`, `augmenter.0.p`, `components.model`.

    Values are plain: None, numbers, texts, and lists of them.
    """
    facts = {"components": run.components, "classes": len(run.class_names), "parameters": run.num_parameters}
    return dict(_flat({**run.recipe, **facts, "images": run.split_sizes, "targets": list(run.targets)}))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, list | tuple) and value and all(isinstance(one, Mapping) for one in value):
            value = {str(number): one for number, one in enumerate(value)}
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
