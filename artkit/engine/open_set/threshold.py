"""The score up to which images are accepted as known: that which a share of known images does not exceed."""

import math

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-9


def threshold_at(scores_N: NDArray[np.float64], share: float) -> float:
    """The lowest score that at least a share of the images do not exceed.

    With ties, more than the share may be accepted, never fewer.

    Args:
        scores_N: Of known images, at least one.
        share: In (0, 1]; 0.95 is usual.
    """
    # A share times a count that is whole on paper may be a little more in binary.
    place = max(math.ceil(share * len(scores_N) - _ROUNDING), 1)
    return float(np.sort(scores_N)[place - 1])


def accepted(scores_N: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Which images are taken for known ones: those whose score is not above the threshold."""
    taken: NDArray[np.bool_] = scores_N <= threshold
    return taken
