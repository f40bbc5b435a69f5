"""The margin loss: cross-entropy in which the label must beat the other classes by a margin of its own.

`B` images, `K` classes.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from artkit_plugins.losses.class_values import ClassValues


class MarginLoss:
    """Cross-entropy with margins: (logits (B, K), labels (B,)) -> scalar.

    The loss is that of cross-entropy on scale * (logits - margins[y] at the label y). A weighted mean over the batch
    divides by its weights. It is computed in float32, under autocast too, on the device of the logits.

    Args:
        margins: Margin of each class, (K,), finite and at least 0.
        scale: What logits and margins are multiplied with.
        class_weights: Weight of each class, (K,), finite and above 0; None for 1.
    """

    def __init__(
        self, *, margins: NDArray[np.float64], scale: float, class_weights: NDArray[np.float64] | None = None
    ) -> None:
        self._margins = ClassValues(margins)
        self._scale = scale
        self._class_weights = None if class_weights is None else ClassValues(class_weights)

    def __call__(self, logits_BK: Tensor, labels_B: Tensor, /) -> Tensor:
        """Logits (B, K), any float type, and labels (B,), int64 -> scalar, float32."""
        logits_BK = logits_BK.float()
        margins_K = self._margins.on(logits_BK.device)
        margins_BK = F.one_hot(labels_B, logits_BK.shape[1]) * margins_K
        weights_K = None if self._class_weights is None else self._class_weights.on(logits_BK.device)
        return F.cross_entropy(self._scale * (logits_BK - margins_BK), labels_B, weight=weights_K)
