"""The numbers that a model computes with: float32, or mixed precision, where layers that bear it use 16 bits.

Micikevicius et al. 2018, "Mixed precision training": weights, sums and the loss stay in float32. With float16 the loss
is scaled, lest small gradients vanish; bfloat16 has the range of float32 and needs no scale.

That is for training. What a trained model says is told in float32 unless someone asks otherwise: with 16 bits,
probabilities differ by a hundredth and more, and from one machine to another.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, Literal

import torch

from artkit.engine.overlong_strides import overlong_strides
from artkit.errors import RunError
from artkit.registry import Component

PrecisionName = Literal["auto", "float32", "bf16", "fp16"]

_TYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """Computes forward passes in a precision, and scales the loss where the precision asks for it.

    Args:
        name: The precision; "auto" is bf16 where the device is faster with it, else float32.
        device: Where the model is.
        exact: Whether float32 keeps all its digits: on a GPU, convolutions are quicker without the last 13 of 23 bits.

    Raises:
        RunError: if the device has it not.
    """

    def __init__(self, name: PrecisionName, device: torch.device, *, exact: bool = False) -> None:
        self.name = _settled(name, device)
        """The precision, never "auto"."""
        if name == "fp16" and device.type == "cpu":
            raise RunError(
                "train.precision=fp16 needs a GPU, and this run is on the CPU; use train.precision=bf16, which the CPU "
                "has too, or float32"
            )
        self._type = _TYPES.get(self.name)
        self._device = device
        self._exact = exact
        self.scaler = torch.amp.GradScaler(device.type, enabled=name == "fp16")

    def autocast(self) -> AbstractContextManager[Any]:
        """A context in which a model computes in this precision."""
        if self._type is not None:
            return torch.autocast(self._device.type, dtype=self._type)
        return _all_digits() if self._exact and self._device.type == "cuda" else nullcontext()


def fitting_precision(
    name: PrecisionName, device: torch.device, model: torch.nn.Module, image_size: int, component: Component
) -> Precision:
    """The precision of a run, if the model can learn in it.

    Args:
        name: As the recipe has it.
        device: Where the model is.
        model: What is trained.
        image_size: Height and width of the smallest images that it is shown.
        component: The model's, named in errors.

    Raises:
        RunError: if the device has it not, or gradients would be wrong.
    """
    precision = Precision(name, device)
    if precision.name != "bf16" or device.type != "cpu":
        return precision
    with precision.autocast():
        layers = overlong_strides(model, image_size, device)
    if layers and name == "auto":
        return Precision("float32", device)
    if layers:
        raise RunError(
            f"train.precision=bf16: on a CPU, torch leaves gradients undefined where a stride is wider than the image "
            f"that is left, as in '{layers[0]}' of {component.owner} with images of {image_size} pixels; use larger "
            "images, or train.precision=float32"
        )
    return precision


def has_quick_bf16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # Of torch before 2.11 a CPU cannot be asked.
        able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return False


@contextmanager
def _all_digits() -> Iterator[None]:
    """A context in which convolutions on a GPU do without TF32, which has the digits of float16."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _settled(name: PrecisionName, device: torch.device) -> PrecisionName:
    if name != "auto":
        return name
    return "bf16" if has_quick_bf16(device) else "float32"
