"""Models of timm with its weights: downloaded once by timm, or from a file that was fetched elsewhere.

timm fits them to the model: positions to another size of images, the first layer to other channels. It does so for a
model with the classes of the weights, all of whose tensors must be there, and what is not its head is copied: loading
weights into a model of other classes, timm takes whatever fits and goes on without the rest.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import timm
from timm.models import load_state_dict

from artkit import Pretrained, RecipeError
from artkit_timm.errors import first_line
from artkit_timm.names import ModelName
from artkit_timm.stages import classifier_tensors

_OTHERWISE: Final = "or start from random numbers: --set model.pretrained=false"


def load_pretrained(
    model: Any, name: ModelName, arguments: Mapping[str, Any], *, file: Path | None = None, asked_for: str | None = None
) -> None:
    """Give a model timm's weights, but for its head, and let it say so in `artkit_pretrained`.

    Args:
        model: Of timm, as built with `arguments`; changed in place.
        name: The model and its weights.
        arguments: For timm.
        file: That holds the weights; none: timm's cache, or the network.
        asked_for: How the user called the weights, if so.

    Raises:
        RecipeError: if the weights cannot be had, or do not fit; the model is unchanged then.
    """
    others = {key: value for key, value in arguments.items() if key != "num_classes"}
    source = _download(name, others) if file is None else _from_file(name, others, file)
    own, given, head = model.state_dict(), source.state_dict(), classifier_tensors(model)
    lacking = [key for key in own if key not in head and (key not in given or given[key].shape != own[key].shape)]
    if lacking:
        raise RecipeError(f"the weights of {name.full} lack {lacking[0]} of the model with these options, {_OTHERWISE}")
    model.load_state_dict({key: values if key in head else given[key] for key, values in own.items()})
    model.artkit_pretrained = Pretrained(
        source=f"{name.full} of timm" if file is None else f"{file}, as {name.full} of timm",
        name=asked_for,
        pixel_mean=_of_three(name.config.get("mean")),
        pixel_std=_of_three(name.config.get("std")),
    )


def _download(name: ModelName, arguments: Mapping[str, Any]) -> Any:
    hub, address = name.config.get("hf_hub_id"), name.config.get("url")
    if not (hub or address):
        raise RecipeError(f"timm has no weights for {name.model}; choose another model, {_OTHERWISE}")
    try:
        return timm.create_model(name.full, pretrained=True, **arguments)
    except MemoryError:
        raise
    except Exception as error:  # networks, caches and models fail in ways of their own
        raise RecipeError(
            f"the weights of {name.full} could not be loaded: {first_line(error)}. Without a network, fetch their file "
            f"elsewhere, from {f'https://huggingface.co/{hub}' if hub else address}, and name it: "
            f"--set model.pretrained_file=FILE, {_OTHERWISE}"
        ) from error


def _from_file(name: ModelName, arguments: Mapping[str, Any], file: Path) -> Any:
    if not file.is_file():
        raise RecipeError(f"model.pretrained_file={str(file)!r} is no file; give one with weights of {name.full}")
    try:
        tensors = load_state_dict(str(file), weights_only=True)
        return timm.create_model(
            name.full, pretrained=True, pretrained_cfg_overlay={"state_dict": tensors}, **arguments
        )
    except MemoryError:
        raise
    except Exception as error:  # bytes that are no weights, and weights that do not fit, raise all kinds of errors
        raise RecipeError(
            f"the weights in {file} could not be loaded: {first_line(error)}. Give a .safetensors or .pth file with "
            f"the weights of {name.full}, {_OTHERWISE}"
        ) from error


def _of_three(values: Any) -> tuple[float, float, float] | None:
    """The values of three channels, or None if there are other numbers of them."""
    return (values[0], values[1], values[2]) if values is not None and len(values) == 3 else None
