"""A model of timm for the images and classes of a run: of the right sizes, and known to take such images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import timm
import torch
from torch import nn

from artkit import ModelContext, RecipeError
from artkit_timm.errors import first_line
from artkit_timm.names import ModelName, read_name
from artkit_timm.pretrained import load_pretrained
from artkit_timm.stages import find_stages

_ARTKITS: Final = {
    "num_classes": "it is the number of classes in the data",
    "in_chans": "it is that of the images",
    "pretrained": "say model.pretrained=true",
    "pretrained_cfg": "say which weights in model.arch, such as resnet50.a1_in1k",
    "pretrained_cfg_overlay": "say which weights in model.arch, such as resnet50.a1_in1k",
    "checkpoint_path": "say model.weights=FILE, or model.pretrained_file=FILE",
    "features_only": "models give logits",
}
"""Arguments of timm that artkit gives, or that would make something else of a model."""


def build(
    ctx: ModelContext,
    arch: str,
    options: Mapping[str, Any] | None = None,
    *,
    pretrained: bool = False,
    file: Path | None = None,
) -> nn.Module:
    """Build a model: images (B, in_channels, H, W), normalised floats -> logits (B, num_outputs).

    Args:
        ctx: Sizes of images and logits, and perhaps the tag of weights.
        arch: timm's name of the model, perhaps with a tag.
        options: Arguments for timm.
        pretrained: Whether to start from timm's weights, but for the head.
        file: Holds them, and nothing is downloaded.

    Raises:
        RecipeError: if there is no such model, it cannot be built so, or its weights cannot be had.
    """
    for option in options or ():
        if option in _ARTKITS:
            raise RecipeError(f"leave {option!r} out of model.options: {_ARTKITS[option]}")
    name = read_name(arch, ctx.weights)
    arguments = {"num_classes": ctx.num_outputs, "in_chans": ctx.in_channels, **(options or {})}
    if name.config.get("fixed_input_size"):
        # Such as vision transformers, which learn positions: made for the size of the run, not for that of the weights.
        arguments.setdefault("img_size", ctx.image_size)
    model = _create(name, arguments)
    _check_takes(model, name, ctx)
    if ctx.load_weights and (pretrained or file is not None or ctx.weights is not None):
        load_pretrained(model, name, arguments, file=file, asked_for=ctx.weights)
    stages = find_stages(model)
    if stages:
        model.artkit_stages = stages
    return model  # type: ignore[no-any-return] # timm is read without its types


def _create(name: ModelName, arguments: Mapping[str, Any]) -> Any:
    try:
        model = timm.create_model(name.model, **arguments)
    except (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        said = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise RecipeError(
            f"timm cannot build {name.model} with {said}: {first_line(error)}. Change the options, or the image size"
        ) from error
    for module in model.modules():
        if type(module) is timm.layers.Linear:
            # The same but for TorchScript; artkit retrains heads of which it knows for sure what they compute.
            module.__class__ = nn.Linear
    return model


def _check_takes(model: Any, name: ModelName, ctx: ModelContext) -> None:
    """Raise RecipeError unless the model takes images of the run's size; better now than in the first step."""
    image_BCHW = torch.zeros(1, ctx.in_channels, ctx.image_size, ctx.image_size)
    try:
        with torch.no_grad():
            model.eval()(image_BCHW)
    except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
        size = name.config.get("input_size", (3, 224, 224))[-1]
        raise RecipeError(
            f"{name.model} cannot take images of {ctx.image_size} pixels: {first_line(error)}. Its own size is "
            f"--image-size {size}"
        ) from error
    model.train()
