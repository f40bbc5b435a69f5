"""A trained model: weights that a run left, with all that is needed to use them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from artkit.contracts import ModelContext
from artkit.engine.assembly import pick_device
from artkit.engine.checkpoint import load_checkpoint, misfit
from artkit.engine.folder import RunFolder, check_run_folder
from artkit.engine.memory_layout import channels_last
from artkit.engine.precision import Precision, PrecisionName
from artkit.engine.preprocessing import Preprocessing
from artkit.engine.targets import TargetHead, num_outputs, read_heads
from artkit.engine.weights import check_age
from artkit.errors import RunError
from artkit.recipe import CommandLine, Recipe, resolve_recipe
from artkit.registry import PluginSettings, load_registry

_NEEDED: Final = ("plugins", "data", "train", "unknown", "model")
"""Sections of a recipe without which a model cannot be used. The others may name plugins that are gone by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model with weights."""

    path: Path
    """The file of the weights."""
    recipe: Recipe
    """What the model was trained by; only its sections [data], [train], [unknown] and [model] are those of the run."""
    model: torch.nn.Module
    device: torch.device
    heads: tuple[TargetHead, ...]
    """The targets that it was trained for."""
    preprocessing: Preprocessing
    precision: Precision
    """What it computes in."""


def find_weights(run: Path, value: str | None = None) -> Path:
    """The file of a run's weights.

    Args:
        run: The run folder.
        value: "accuracy", "loss" or "macro_recall": the validation value that the weights are the best of; by default
            the one that the recipe selects by. A run without validation has the weights of its last epoch alone.

    Raises:
        RunError: if it is no run folder, or has no such weights.
    """
    folder = RunFolder(run)
    check_run_folder(run)
    path = folder.selected if value is None else folder.best(value)
    if not path.is_file():
        kept = sorted(file.name for file in (*run.glob("best_*.safetensors"), *run.glob(folder.last_epoch.name)))
        there = f"it has {', '.join(kept)}" if kept else "it was cut off before any were written"
        advice = folder.next_command
        if kept:
            advice = "leave out --weights" if kept == [folder.last_epoch.name] else "choose with --weights"
        raise RunError(f"{run} has no weights {path.name}; {there}; {advice}")
    return path


def load_trained(
    path: Path,
    *,
    device: str | None = None,
    plugins: PluginSettings | None = None,
    precision: PrecisionName = "float32",
) -> TrainedModel:
    """Build the model of a checkpoint and give it its weights.

    Args:
        path: What `find_weights` gave.
        device: Where to put it; by default where the recipe says.
        plugins: What is said about plugins, beside what the recipe says.
        precision: What the model computes in from now on, whatever it was trained in.

    Raises:
        RunError: if the file is damaged, or does not fit the model; if the device lacks the precision.
        RecipeError: if the model or a plugin file of the recipe is gone.
    """
    checkpoint = load_checkpoint(path)
    check_age(checkpoint, path)
    plain = checkpoint["recipe"]
    # What else the run required, such as a reporter's package, may be gone by now.
    registry = load_registry(
        replace(PluginSettings.read(plain.get("plugins", ())).joined(plugins or PluginSettings()), require=())
    )
    recipe = resolve_recipe({name: plain[name] for name in _NEEDED if name in plain}, CommandLine(), registry)
    where = pick_device(device or recipe.train.device)
    settled = Precision(precision, where, exact=True)
    preprocessing = Preprocessing.from_plain(checkpoint["preprocessing"])
    heads = read_heads(checkpoint["targets"])
    context = ModelContext(num_outputs=num_outputs(heads), image_size=preprocessing.image_size, load_weights=False)
    model: torch.nn.Module = recipe.model.component.build(context, recipe.model.options)
    try:
        model.load_state_dict(checkpoint["model"])
    except RuntimeError as error:
        raise RunError(
            f"the weights in {path} do not fit {recipe.model.component.owner} ({misfit(error)}); "
            "use the version of the plugin that trained them"
        ) from None
    return TrainedModel(
        path=path,
        recipe=recipe,
        model=channels_last(model.to(where)).eval(),
        device=where,
        heads=heads,
        preprocessing=preprocessing,
        precision=settled,
    )
