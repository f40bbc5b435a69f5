"""The numbers that a model computes with: float32, or mixed precision, where layers that bear it use 16 bits.

Micikevicius et al. 2018, "Mixed precision training": weights, sums and the loss stay in float32. With float16 the loss
is scaled, lest small gradients vanish; bfloat16 has the range of float32 and needs no scale.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Literal

import torch

from artkit.errors import RunError

PrecisionName = Literal["float32", "bf16", "fp16"]

_TYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """Computes forward passes in a precision, and scales the loss where the precision asks for it.

    Args:
        name: The precision.
        device: Where the model is.

    Raises:
        RunError: if the device has it not.
    """

    def __init__(self, name: PrecisionName, device: torch.device) -> None:
        if name == "fp16" and device.type == "cpu":
            raise RunError(
                "train.precision=fp16 needs a GPU, and this run is on the CPU; use train.precision=bf16, which the CPU "
                "has too, or float32"
            )
        self._type = _TYPES.get(name)
        self._device = device
        self.scaler = torch.amp.GradScaler(device.type, enabled=name == "fp16")

    def autocast(self) -> AbstractContextManager[Any]:
        """A context in which a model computes in this precision."""
        if self._type is None:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=self._type)
