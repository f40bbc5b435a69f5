"""All that a model does with pixels, as one module: normalisation, the model, mirror images, and the prior.

`B` images, `S` pixels a side, `K` outputs.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from artkit.engine.preprocessing import Preprocessing
from artkit.engine.prior import log_prior
from artkit.engine.targets import TargetHead


class PortableModel(nn.Module):
    """Float RGB in [0, 1], (B, 3, S, S) -> the logits of each target, float32.

    They are those that `Predictor` gives in float32, so that scores of how strange an image is can be computed of them
    too where tau is 0 and nothing is calibrated; the softmax of each tensor is the probability of its classes.

    Args:
        model: In evaluation mode, on the CPU.
        preprocessing: The one of training.
        heads: The targets.
        tau: Strength of the logit adjustment by the prior of training in each target.
        mirrored: Whether each image is judged together with its mirror image.
        temperatures: Target -> what its logits are divided by; 1 where nothing is said.
    """

    mean: torch.Tensor
    std: torch.Tensor
    shift: torch.Tensor
    temperature: torch.Tensor

    def __init__(
        self,
        model: nn.Module,
        preprocessing: Preprocessing,
        heads: Sequence[TargetHead],
        *,
        tau: float,
        mirrored: bool,
        temperatures: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self._model = model
        self._columns = [head.columns for head in heads]
        self._mirrored = mirrored
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1))
        shift = np.concatenate([tau * log_prior(head.class_counts) for head in heads])
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float32))
        divisors = [np.full(len(head.class_names), temperatures.get(head.name, 1.0)) for head in heads]
        self.register_buffer("temperature", torch.tensor(np.concatenate(divisors), dtype=torch.float32))

    def forward(self, images_BCHW: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logits of each target, (B, K of the target)."""
        normalised = (images_BCHW - self.mean) / self.std
        logits_BK = self._model(normalised).float()
        if self._mirrored:
            logits_BK = self._mean(logits_BK, self._model(normalised.flip(3)).float())
        logits_BK = (logits_BK - self.shift) / self.temperature
        return tuple(logits_BK[:, part] for part in self._columns)

    def _mean(self, logits_BK: torch.Tensor, others_BK: torch.Tensor) -> torch.Tensor:
        """Logarithm of the mean of the probabilities in each target, at the mean level of both; see `mean_answers`.

        Spelt out, since runtimes compute `logaddexp` from exponentials that vanish.
        """
        means = []
        for part in self._columns:
            one, other = logits_BK[:, part], others_BK[:, part]
            log_one, log_other = one.log_softmax(1), other.log_softmax(1)
            high, low = torch.maximum(log_one, log_other), torch.minimum(log_one, log_other)
            levels_B1 = ((one - log_one) + (other - log_other))[:, :1] / 2
            means.append(high + torch.log1p(torch.exp(low - high)) - math.log(2) + levels_B1)
        return torch.cat(means, dim=1)
