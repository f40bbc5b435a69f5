"""torchvision's ResNets with a head of the right size, and the weights they may start from.

*Weights* are named by a file (`.safetensors`, or what `torch.save` wrote) or by torchvision's name for them, such as
`IMAGENET1K_V2`, which is downloaded once. The *head* is the last linear layer; it is the only part that may differ
between a model and its weights, and then it starts from random numbers.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import safetensors.torch
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from artkit import RecipeError

HEAD_KEYS: Final = frozenset({"fc.weight", "fc.bias"})
SHOWN_KEYS: Final = 5


def build_resnet(
    depth: int, num_outputs: int, *, weights: str | None = None, dropout: float = 0.0, in_channels: int = 3
) -> nn.Module:
    """Build a ResNet of He et al. 2016: images (B, in_channels, H, W), normalised floats -> logits (B, num_outputs).

    Args:
        depth: 18, 34, 50, 101 or 152 layers.
        num_outputs: Number of logits.
        weights: A file, torchvision's name of pretrained weights, or None for random numbers.
        dropout: Share of the pooled features set to 0 in training.
        in_channels: Channels of the images.

    Raises:
        RecipeError: if the weights cannot be found, read or downloaded, or belong to another model.
    """
    name = f"resnet{depth}"
    model: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_outputs)
    if in_channels != 3:
        model.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
    # Beside the pooling, not in `fc`: the names of the parameters stay torchvision's.
    model.avgpool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Dropout(dropout))
    if weights is not None:
        load_matching(model, find_weights(name, weights), source=f"model.weights={weights!r}")
    return model


def find_weights(name: str, weights: str) -> dict[str, Tensor]:
    """Read the weights that `weights` names: a file, or torchvision's name for weights of the model `name`.

    Raises:
        RecipeError: if there is neither, or it cannot be read or downloaded.
    """
    path = Path(weights).expanduser()
    if path.is_file():
        return read_weights(path)
    known = torchvision.models.get_model_weights(name).__members__
    if weights in known:
        return download_weights(known[weights])
    raise RecipeError(
        f"model.weights={weights!r} is neither a file nor the name of weights for {name}. "
        f"Give the path of a .safetensors or .pth file, or one of: {', '.join(known)}."
    )


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a `.safetensors` file, or one that `torch.save` wrote; a checkpoint's weights are looked for inside it.

    Code in the file is never run.

    Raises:
        RecipeError: if the file holds no tensors, or more than tensors and plain values.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RecipeError(f"The weights in {path} cannot be read: {_first_line(error)}") from error
    except Exception as error:  # bytes that are no weights make the readers raise whatever they trip over
        raise RecipeError(
            f"The file {path} holds no weights that can be read. "
            "Give a .safetensors file, or a .pth file with a state_dict in it and no code."
        ) from error
    return _state_dict(content, path)


def download_weights(weights: WeightsEnum) -> dict[str, Tensor]:
    """Take weights from torchvision's cache, or download them into it.

    Raises:
        RecipeError: if the download fails; it says which file to put where.
    """
    file_name = weights.url.rpartition("/")[2]
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
    return read_weights(cached)


def load_matching(model: nn.Module, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load weights into a model; all must fit, but the head may be absent or have another shape.

    Args:
        model: Changed in place.
        state: Name of a parameter or buffer to its values; names may begin with `module.`.
        source: Where the weights came from, for the error.

    Raises:
        RecipeError: if names or shapes differ elsewhere; the model is unchanged then.
    """
    state = {key.removeprefix("module."): values for key, values in state.items()}
    own = model.state_dict()
    misfits = {key for key in state.keys() & own.keys() if state[key].shape != own[key].shape}
    if misfits & HEAD_KEYS:
        state = {key: values for key, values in state.items() if key not in HEAD_KEYS}
    # Files from before PyTorch 0.4.1 do not count batches.
    missing = {key for key in own.keys() - state.keys() - HEAD_KEYS if not key.endswith("num_batches_tracked")}
    faults = [
        *_fault("missing", missing),
        *_fault("not in the model", state.keys() - own.keys()),
        *_fault("of another shape", misfits - HEAD_KEYS),
    ]
    if faults:
        raise RecipeError(f"{source} does not fit the model: {'; '.join(faults)}. Choose the model they were made for.")
    model.load_state_dict(state, strict=False)


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    """Find the state dict in what a file holds: the content itself, or the part under one of the usual names."""
    candidates = [content]
    if isinstance(content, dict):
        candidates += [content.get(name) for name in ("state_dict", "model_state_dict", "model")]
    for candidate in candidates:
        if isinstance(candidate, dict) and candidate and all(isinstance(v, Tensor) for v in candidate.values()):
            return dict(candidate)
    raise RecipeError(f"The file {path} holds no state_dict. Save one with torch.save(model.state_dict(), path).")


def _fault(what: str, keys: Iterable[str]) -> list[str]:
    names = sorted(keys)
    if not names:
        return []
    more = f" and {len(names) - SHOWN_KEYS} more" if len(names) > SHOWN_KEYS else ""
    return [f"{what}: {', '.join(names[:SHOWN_KEYS])}{more}"]


def _first_line(error: Exception) -> str:
    line = (str(error).splitlines() or [""])[0].strip() or type(error).__name__
    return line if line.endswith((".", "!")) else f"{line}."
