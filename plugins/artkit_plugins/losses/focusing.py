"""The focal loss: cross-entropy in which an image counts less the surer its class already is.

`B` images, `K` classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from artkit_plugins.losses.class_values import ClassValues


class FocalLoss:
    """Focal loss over a softmax: (logits (B, K), labels (B,)) -> scalar.

    The loss is the mean over the batch of -w[y] * (1 - p)^gamma * log p, where p is the probability of the label and a
    weighted mean divides by the weights of the batch (Lin et al. 2017, eq. 5, for softmax). It is computed in float32,
    under autocast too, on the device of the logits.

    Args:
        gamma: At least 0; 0 is cross-entropy.
        class_weights: w, (K,), finite and above 0; None for 1.
    """

    def __init__(self, *, gamma: float, class_weights: NDArray[np.float64] | None = None) -> None:
        self._gamma = gamma
        self._class_weights = None if class_weights is None else ClassValues(class_weights)

    def __call__(self, logits_BK: Tensor, labels_B: Tensor, /) -> Tensor:
        """Logits (B, K), any float type, and labels (B,), int64 -> scalar, float32."""
        logs_BK = F.log_softmax(logits_BK.float(), dim=1)
        is_label_BK = F.one_hot(labels_B, logs_BK.shape[1]).bool()
        # log(1 - p) from the other classes: 1 - p rounds to 0 for sure images, where its power has no finite gradient.
        log_others_B = torch.logsumexp(logs_BK.masked_fill(is_label_BK, -torch.inf), dim=1)
        losses_B = -torch.exp(self._gamma * log_others_B) * logs_BK[is_label_BK]
        if self._class_weights is None:
            return losses_B.mean()
        weights_B = self._class_weights.on(losses_B.device)[labels_B]
        return (weights_B * losses_B).sum() / weights_B.sum()
