"""Recipes that retrain: made from that of a finished run, and checked for what a head alone can be trained by."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from artkit.errors import RecipeError
from artkit.recipe.sections import Layer
from artkit.recipe.settings import RetrainSettings

if TYPE_CHECKING:
    from artkit.recipe.resolve import Recipe

_KEPT: Final = ("batch_size", "precision", "tta", "seed", "device")
"""Options of [train] that are those of the run: how images are computed, not how is learnt."""

_NEUTRAL: Final[Mapping[str, Any]] = {
    "data.grow_from": 0,
    "train.freeze": "all",
    "train.unfreeze_every": 0,
    "train.backbone_lr": 1.0,
    "train.layer_decay": 1.0,
    "train.ema": 0.0,
    "train.compile": False,
    "train.max_minutes": 0.0,
}
"""What has nothing to act on while the head alone learns, and the value that says so."""


def retraining_layer(run: Layer, weights: Path) -> Layer:
    """The recipe that retrains the head of a run by the defaults: a new one, from all classes drawn equally often.

    Args:
        run: The recipe of the run, as its folder has it.
        weights: The file of the weights to start from.

    Returns:
        A layer in which nothing is left of how the run was trained.
    """
    kept: Layer = {name: run[name] for name in ("plugins", "unknown", "augmenter", "reporter") if name in run}
    return {
        "plugins": [],
        **kept,
        "data": {**run["data"], "grow_from": 0, "cache": 0},
        "train": {**{name: run["train"][name] for name in _KEPT}, "freeze": "all", "select": "macro_recall"},
        "retrain": {},
        "model": {**run["model"], "weights": str(weights)},
        "sampler": {"name": "artkit/class-balanced"},
        "loss": {"name": "artkit/cross-entropy"},
        "optimizer": {"name": "artkit/sgd"},
        "schedule": {"name": "artkit/cosine"},
    }


def check_retraining(recipe: "Recipe", settings: RetrainSettings) -> None:
    """Check the rest of a recipe that has a section [retrain].

    Raises:
        RecipeError: if it does not say which run, or has an option that has nothing to act on.
    """
    if not recipe.model.shared.get("weights"):
        raise RecipeError(
            "section [retrain] trains the head of a model that was trained before, and model.weights does not say "
            "which; use `artkit retrain RUN`, or give --set model.weights=RUN"
        )
    if settings.views and not recipe.augmenters:
        raise RecipeError(
            f"retrain.views={settings.views} are views by augmenters, and the recipe has none: all would be the same; "
            "leave it at 0"
        )
    for name, neutral in _NEUTRAL.items():
        section, option = name.split(".")
        given = getattr(getattr(recipe, section), option)
        if given != neutral:
            raise RecipeError(
                f"{name}={given} does not go with [retrain], where the head alone learns, from features that are "
                f"computed once; leave it at {str(neutral).lower()}"
            )
