"""Files of weights that a model can start from: those of an earlier run, or others' state dicts. No code is run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from artkit.engine.checkpoint import load_checkpoint
from artkit.engine.folder import RECIPE, RunFolder
from artkit.engine.preprocessing import Preprocessing
from artkit.errors import RunError


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a file of weights holds."""

    path: Path
    tensors: Mapping[str, Tensor]
    """Name of a parameter or buffer -> its values."""
    class_names: Sequence[Sequence[str]] | None = None
    """Of each target, in the order of the logits; None if the file does not tell them."""
    preprocessing: Preprocessing | None = None
    """What the model was shown; None if the file does not tell it."""


def weights_file(given: str) -> Path | None:
    """The file that the option `weights` means: itself, or that of a run's selected weights; None if it is a name.

    Raises:
        RunError: if it is a folder without weights of a run.
    """
    path = Path(given).expanduser()
    if path.is_file():
        return path
    if not given or not path.is_dir():
        return None
    if not (path / RECIPE).is_file():
        raise RunError(f"model.weights={given!r} is a folder, but not that of a run: it has no {RECIPE}")
    folder = RunFolder(path)
    if not folder.selected.is_file():
        raise RunError(
            f"model.weights={given!r} is a run without weights, which was cut off before any were written; "
            f"{folder.next_command}"
        )
    return folder.selected


def read_weights(path: Path) -> Weights:
    """Read the weights of a run, a `.safetensors` file, or what `torch.save` wrote; code in a file is never run.

    Raises:
        RunError: if the file holds no tensors, or more than tensors and plain values.
    """
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RunError(f"the weights in {path} cannot be read: {error}") from error
    except RunError:
        raise
    except Exception as error:  # bytes that are no weights make the readers raise whatever they trip over
        raise RunError(
            f"{path} holds no weights that can be read; give a .safetensors file, or a .pth file with a state_dict in "
            "it and no code"
        ) from error
    return Weights(path=path, tensors=_state_dict(content, path))


def _read_safetensors(path: Path) -> Weights:
    with safetensors.safe_open(path, framework="pt") as file:
        is_checkpoint = "artkit" in (file.metadata() or {})
    if not is_checkpoint:
        return Weights(path=path, tensors=safetensors.torch.load_file(path))
    content = load_checkpoint(path)
    if "preprocessing" not in content:
        raise RunError(f"{path} is a state to resume from; start from the run's folder, or its best_*.safetensors")
    check_age(content, path)
    return Weights(
        path=path,
        tensors=content["model"],
        class_names=[target["class_names"] for target in content["targets"]],
        preprocessing=Preprocessing.from_plain(content["preprocessing"]),
    )


def check_age(content: Mapping[str, Any], path: Path) -> None:
    """Raise RunError if weights of a run are older than what tells their targets."""
    if "targets" not in content:
        raise RunError(f"{path} is of an earlier artkit; train the run again with its {RECIPE}")


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    """Find the state dict in what a file holds: the content itself, or the part under one of the usual names."""
    candidates = [content]
    if isinstance(content, dict):
        candidates += [content.get(name) for name in ("state_dict", "model_state_dict", "model")]
    for candidate in candidates:
        if isinstance(candidate, dict) and candidate and all(isinstance(v, Tensor) for v in candidate.values()):
            return dict(candidate)
    raise RunError(f"{path} holds no state_dict; save one with torch.save(model.state_dict(), path)")
