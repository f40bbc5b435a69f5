"""The prior: what share of the images each class has; and logits moved from one prior to another after training.

`N` images, `K` classes.
"""

import numpy as np
from numpy.typing import NDArray


def log_prior(class_counts_K: NDArray[np.int64]) -> NDArray[np.float64]:
    """Natural logarithm of the share of each class, (K,).

    A class without images counts as one with one image: its prior would be 0, and no logit could make up for that.
    """
    counts = np.maximum(class_counts_K, 1).astype(np.float64)
    logs: NDArray[np.float64] = np.log(counts / counts.sum())
    return logs


def adjust_logits(logits_NK: NDArray[np.float64], class_counts_K: NDArray[np.int64], tau: float) -> NDArray[np.float64]:
    """Take tau times the logarithm of the prior of training off the logits.

    Menon et al. 2021, "Long-tail learning via logit adjustment", sec. 4.1. What a strength does depends on the prior
    that the logits have by training:

    - cross-entropy and each image once an epoch leave the prior in the logits. tau=0 keeps it, which is best for
      accuracy where classes are as frequent as in training; tau=1 takes it out, as if all classes were equally likely,
      which is best for the mean recall of the classes.
    - balanced softmax, weights that are inverse to the draws, and balanced sampling have taken it out already. tau=0
      leaves it out; tau=-1 puts it back in.

    Args:
        logits_NK: Logits, (N, K), finite.
        class_counts_K: Images of each class in training, (K,), >= 0.
        tau: Any finite number; 0 changes nothing.

    Returns:
        Adjusted logits, float64, (N, K). Adding the same number to all classes of an image would not matter to softmax.
    """
    adjusted: NDArray[np.float64] = logits_NK - tau * log_prior(class_counts_K)
    return adjusted
