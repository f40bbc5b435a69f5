"""Wilson's interval of a share: how sure "so many of so many" is."""

from math import sqrt
from typing import Final

_Z_95: Final = 1.959963984540054
"""Half width of a 95 % interval in standard deviations of the normal distribution."""


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, 1927), which stays within [0, 1] and is honest for few trials.

    Returns:
        Lower and upper end; (0.0, 1.0) without trials, for then nothing is known.
    """
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, _Z_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z_95 / (1 + z2 / trials) * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    # Rounding must not push an end past the share itself, which at 0 and 1 it meets.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
