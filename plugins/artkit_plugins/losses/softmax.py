"""Cross-entropy with what a long tail may ask for: weights of classes, and logits shifted by the prior.

`B` images, `K` classes.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from artkit_plugins.losses.class_values import ClassValues


class SoftmaxLoss:
    """Cross-entropy of shifted logits: (logits (B, K), labels (B,)) -> scalar.

    The loss is the mean over the batch of -w[y] * log softmax(logits + shift)[y], where a weighted mean divides by the
    weights of the batch. It is computed in float32, under autocast too, on the device of the logits.

    Args:
        label_smoothing: Share of each target that is spread over all classes (Szegedy et al. 2016, sec. 7).
        class_weights: w, (K,), finite and above 0; None for 1.
        shift: Added to the logits, (K,), finite; None for 0.
    """

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        class_weights: NDArray[np.float64] | None = None,
        shift: NDArray[np.float64] | None = None,
    ) -> None:
        self._label_smoothing = label_smoothing
        self._class_weights = None if class_weights is None else ClassValues(class_weights)
        self._shift = None if shift is None else ClassValues(shift)

    def __call__(self, logits_BK: Tensor, labels_B: Tensor, /) -> Tensor:
        """Logits (B, K), any float type, and labels (B,), int64 -> scalar, float32."""
        logits_BK = logits_BK.float()
        if self._shift is not None:
            logits_BK = logits_BK + self._shift.on(logits_BK.device)
        weights_K = None if self._class_weights is None else self._class_weights.on(logits_BK.device)
        return F.cross_entropy(logits_BK, labels_B, weight=weights_K, label_smoothing=self._label_smoothing)
