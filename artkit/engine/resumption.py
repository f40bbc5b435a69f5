"""Whether a run can go on exactly where it was cut off: with the recipe, the data and the weights that it had."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from artkit.engine.folder import RECIPE, RunFolder
from artkit.engine.progress import Progress, Selection
from artkit.errors import RunError
from artkit.kinds import SINGLE
from artkit.recipe import Recipe
from artkit_shards import Dataset

_INDIFFERENT = (
    "data.path",
    "data.threads",
    "data.cache",
    "data.max_bad",
    "train.device",
    "train.checkpoint_minutes",
    "train.parallel",
)
"""What may change between the start of a run and its resumption without changing what it computes."""


def decisive_part(recipe: Recipe) -> dict[str, Any]:
    """The part of a recipe that decides the weights: "section.option" -> value."""
    plain = recipe.to_plain()
    flat: dict[str, Any] = {}
    for section in ("data", "train", "retrain", *SINGLE):
        flat |= {f"{section}.{name}": value for name, value in plain.get(section, {}).items()}
    for number, table in enumerate(plain["augmenter"]):
        flat |= {f"augmenter.{number}.{name}": value for name, value in table.items()}
    return {name: value for name, value in flat.items() if name not in _INDIFFERENT}


def changed_options(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of the options in which two decisive parts differ.

    Args:
        before: Of a run, which says what it was computed in.
        now: Of a recipe, which may leave that to the device.
    """
    left_open = {"train.precision"} if now.get("train.precision") == "auto" else set()
    return [name for name in {**before, **now} if before.get(name) != now.get(name) and name not in left_open]


def check_same_recipe(recipe: Recipe, before: Mapping[str, Any], folder: RunFolder) -> None:
    """Raise RunError, naming the option that differs, unless the decisive part of a recipe is what it was."""
    now_ = decisive_part(recipe)
    changed = changed_options(before, now_)
    if changed:
        name = changed[0]
        raise RunError(
            f"{folder.path / RECIPE} was changed since the run began ({name} was {before.get(name)}, is "
            f"{now_.get(name)}), so it cannot be continued exactly; give it its recipe back, or start a new run with "
            f"`artkit run {folder.path / RECIPE}`"
        )


def check_selected_weights(progress: Progress, select: Selection, folder: RunFolder) -> None:
    """What was selected so far must still be there, or the run would fail at its very end."""
    best = progress.best_epoch(f"val_{select}")
    if best is not None and not folder.best(select).is_file():
        raise RunError(
            f"{folder.best(select)} is gone, which has the best weights so far, those of epoch {best + 1}; put it "
            f"back, or start a new run with `artkit run {folder.path / RECIPE}`"
        )


def check_same_data(dataset: Dataset, data: Mapping[str, Any], run: Path) -> None:
    """Raise RunError, naming the classes that differ, unless a data set is the one that run.json describes."""
    for target in data["targets"]:
        _check_same_classes(dataset, target["name"], target["class_names"], run)
    if dataset.fingerprint != data["fingerprint"]:
        raise RunError(
            f"{dataset.path} has other content than when {run} began, so its samples could not be continued exactly; "
            "give it its data set back, or start a new run"
        )


def _check_same_classes(dataset: Dataset, target: str, class_names: Sequence[str], run: Path) -> None:
    found = dataset.targets.get(target, ())
    if list(found) != list(class_names):
        was, now_ = set(class_names), set(found)
        changes = [f"gone: {', '.join(sorted(was - now_))}"] if was - now_ else []
        changes += [f"new: {', '.join(sorted(now_ - was))}"] if now_ - was else []
        raise RunError(
            f"the classes of {dataset.path} are not those that {run} was trained on "
            f"({'; '.join(changes) or 'their order differs'}); give it its data set back, or start a new run"
        )
