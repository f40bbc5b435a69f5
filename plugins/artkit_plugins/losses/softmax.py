"""Cross-entropy with what a long tail may ask for: weights of classes, and logits shifted by the prior.

`B` images, `K` classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


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
        self._class_weights_K = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self._shift_K = None if shift is None else torch.tensor(shift, dtype=torch.float32)

    def __call__(self, logits_BK: Tensor, labels_B: Tensor, /) -> Tensor:
        """Logits (B, K), any float type, and labels (B,), int64 -> scalar, float32."""
        logits_BK = logits_BK.float()
        if self._shift_K is not None:
            self._shift_K = self._shift_K.to(logits_BK.device)  # kept there: copied once, not every step
            logits_BK = logits_BK + self._shift_K
        if self._class_weights_K is not None:
            self._class_weights_K = self._class_weights_K.to(logits_BK.device)
        return F.cross_entropy(logits_BK, labels_B, weight=self._class_weights_K, label_smoothing=self._label_smoothing)
