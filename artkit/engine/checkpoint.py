"""Checkpoints: one safetensors file each, tensors as tensors and everything else as JSON in its header.

Nothing is pickled, so loading runs no code of a stranger. A file is written beside its place, forced to disk, and moved
there in one step: whoever kills the process finds the old checkpoint or the new one, never half of one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from artkit.engine.atomic import write_atomically
from artkit.errors import RunError

_TENSOR = "__tensor__"


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write nested dicts, lists, plain values and tensors to one file, atomically.

    Raises:
        OSError: if it cannot be written; what was at `path` before is still there.
    """
    tensors: dict[str, torch.Tensor] = {}
    plain = _split(dict(content), "", tensors)
    data = save(tensors, metadata={"artkit": json.dumps(plain)})
    write_atomically(path, data)


def load_checkpoint(path: Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read what `save_checkpoint` wrote.

    Raises:
        RunError: if there is no such file, or it is not an artkit checkpoint.
    """
    if not path.is_file():
        raise RunError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            plain = json.loads((file.metadata() or {})["artkit"])
            return dict(_join(plain, file))
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise RunError(f"{path} is not a checkpoint of artkit, or it is damaged ({error})") from error


def misfit(error: Exception) -> str:
    """Why a state does not fit, from what `load_state_dict` raised, in one line."""
    # torch lists every tensor that does not fit, a line each; one says enough.
    return " ".join(map(str.strip, str(error).splitlines()[:2]))


def _split(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """The value with each tensor moved to `tensors` and replaced by its name there."""
    if isinstance(value, torch.Tensor):
        # A weight shared by two names, or a view, is stored once a name: safetensors wants memory of its own for each.
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {_TENSOR: name}
    if isinstance(value, Mapping):
        return {"dict": [[key, _split(item, f"{name}/{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [_split(item, f"{name}/{number}", tensors) for number, item in enumerate(value)]}
    return {"value": value}


def _join(plain: Any, file: Any) -> Any:
    kind, content = next(iter(plain.items()))
    if kind == _TENSOR:
        return file.get_tensor(content)
    if kind == "dict":
        return {key: _join(item, file) for key, item in content}
    if kind == "list":
        return [_join(item, file) for item in content]
    return content
