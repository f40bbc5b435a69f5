"""Random numbers by counting: a hash of (seed, stream, counters), the same on every machine and numpy version.

numpy promises stable raw bits but not stable shuffles (NEP 19), and any generator with a state would make results
depend on who drew before. A counter hash has neither problem: the number for (seed, epoch, position) is what it is,
whoever asks, in whatever order. The mixing function is the finaliser of splitmix64 (Steele, Lea and Flood 2014).
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Streams keep unrelated uses of one seed apart. Values are part of the plan's format: never renumber.
STREAM_ORDER: Final = 1
STREAM_OFFSET: Final = 2
STREAM_SAMPLER: Final = 3
STREAM_AUGMENTER: Final = 4
STREAM_STEP: Final = 5
STREAM_HALF: Final = 6
STREAM_REPLACEMENT: Final = 7
STREAM_CROP: Final = 8
STREAM_SHARDS: Final = 9

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)


def hash_uint64(seed: int, stream: int, *counters: ArrayLike) -> NDArray[np.uint64]:
    """Hash a seed, a stream and any number of counters to 64 uniform bits.

    Args:
        seed: Any integer; taken modulo 2**64.
        stream: One of the `STREAM_` constants, or a number of the caller's own above 1000.
        counters: Non-negative integers or integer arrays; they broadcast against one another.

    Returns:
        uint64 array of the broadcast shape; shape () if every counter is a plain number.
    """
    state = _mix(np.asarray([(seed & 0xFFFFFFFFFFFFFFFF)], dtype=np.uint64))
    state = _mix(state ^ np.uint64(stream))
    for counter in counters:
        state = _mix(state ^ np.asarray(counter).astype(np.uint64))
    scalar = all(np.ndim(counter) == 0 for counter in counters)
    return state.reshape(()) if scalar else state


def hash_uniform(seed: int, stream: int, *counters: ArrayLike) -> NDArray[np.float64]:
    """Hash to float64 in [0, 1), with 53 random bits; arguments as in `hash_uint64`."""
    return (hash_uint64(seed, stream, *counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = values + _GOLDEN
    values ^= values >> np.uint64(30)
    values *= _MIX_1
    values ^= values >> np.uint64(27)
    values *= _MIX_2
    values ^= values >> np.uint64(31)
    return values
