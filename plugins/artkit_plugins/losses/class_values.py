"""One number for each class, kept where the logits are."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class ClassValues:
    """Numbers that a loss looks up by class.

    Args:
        values: (K,), finite.
    """

    def __init__(self, values: NDArray[np.float64]) -> None:
        self._values_K = torch.tensor(values, dtype=torch.float32)

    def on(self, device: torch.device) -> Tensor:
        """The numbers on a device, float32 (K,); copied there once, not every step."""
        self._values_K = self._values_K.to(device)
        return self._values_K
