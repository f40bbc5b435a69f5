"""torchvision's ResNets with a head of the right size, and the pretrained weights that they may start from.

Weights are named as torchvision names them, such as `IMAGENET1K_V2`, and downloaded once. The *head* is the last linear
layer; it belongs to the classes, so it always starts from random numbers.
"""

import sys
from pathlib import Path
from typing import Any, Final

import torch
import torchvision
from torch import nn
from torchvision.models import WeightsEnum

from artkit import Pretrained, RecipeError

STAGES: Final = (("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",))
"""From the image to the head: the stem, and the four stages of He et al. 2016, table 1."""


def build_resnet(
    depth: int, num_outputs: int, *, weights: str | None = None, dropout: float = 0.0, in_channels: int = 3
) -> nn.Module:
    """Build a ResNet of He et al. 2016: images (B, in_channels, H, W), normalised floats -> logits (B, num_outputs).

    Args:
        depth: 18, 34, 50, 101 or 152 layers.
        num_outputs: Number of logits.
        weights: torchvision's name of pretrained weights, or None for random numbers.
        dropout: Share of the pooled features set to 0 in training.
        in_channels: Channels of the images; pretrained weights know three.

    Raises:
        RecipeError: if the weights are not known or cannot be downloaded, or the images have other channels.
    """
    name = f"resnet{depth}"
    model: Any = torchvision.models.get_model(name, weights=None, num_classes=num_outputs)
    if weights is not None:
        _load_pretrained(model, _find_weights(name, weights), weights)
    if in_channels != 3:
        if weights is not None:
            raise RecipeError(f"model.weights={weights} are for images of 3 channels, these have {in_channels}.")
        model.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
    # Beside the pooling, not in `fc`: the names of the parameters stay torchvision's.
    model.avgpool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Dropout(dropout))
    model.artkit_stages = STAGES
    return model  # type: ignore[no-any-return] # torchvision ships no types


def _find_weights(name: str, weights: str) -> WeightsEnum:
    known = torchvision.models.get_model_weights(name).__members__
    if weights in known:
        return known[weights]
    raise RecipeError(
        f"model.weights={weights!r} is neither a file, nor the folder of a run, nor the name of weights for {name}. "
        f"Give the path of a .safetensors or .pth file, a run, or one of: {', '.join(known)}."
    )


def _load_pretrained(model: Any, weights: WeightsEnum, name: str) -> None:
    path = download_weights(weights)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict({**state, "fc.weight": model.fc.weight, "fc.bias": model.fc.bias})
    except Exception as error:  # bytes that are no weights make the reader raise whatever it trips over
        raise RecipeError(
            f"{path} does not hold the weights {weights.name}. Delete it, and they are downloaded again."
        ) from error
    pixels = weights.transforms()
    model.artkit_pretrained = Pretrained(
        source=f"{weights.name} of torchvision",
        name=name,
        pixel_mean=tuple(pixels.mean),
        pixel_std=tuple(pixels.std),
    )


def download_weights(weights: WeightsEnum) -> Path:
    """Find weights in torchvision's cache, or download them into it.

    Raises:
        RecipeError: if the download fails; it says which file to put where.
    """
    file_name: str = weights.url.rpartition("/")[2]
    cached = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        checksum = file_name.rpartition("-")[2].removesuffix(".pth")  # its first digits stand in torchvision's names
        try:
            torch.hub.download_url_to_file(weights.url, str(cached), checksum, progress=sys.stderr.isatty())
        except (OSError, RuntimeError) as error:
            raise RecipeError(
                f"The weights {weights.name} could not be downloaded: {_first_line(error)} "
                f"On a machine with a network download {weights.url} and copy it to {cached} here, "
                "or give its path as model.weights."
            ) from error
    return cached


def _first_line(error: Exception) -> str:
    line = (str(error).splitlines() or [""])[0].strip() or type(error).__name__
    return line if line.endswith((".", "!")) else f"{line}."
