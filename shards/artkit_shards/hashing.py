"""Random numbers by counting: a hash of (seed, stream, counters), the same on every machine and numpy version.

numpy promises stable raw bits but not stable shuffles (NEP 19), and any generator with a state would make results
depend on who drew before. A counter hash has neither problem: the number for (seed, epoch, position) is what it is,
whoever asks, in whatever order. The mixing function is the finaliser of splitmix64 (Steele, Lea and Flood 2014).
"""

from collections.abc import Sequence
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

_GOLDEN: Final = 0x9E3779B97F4A7C15
_MIX_1: Final = 0xBF58476D1CE4E5B9
_MIX_2: Final = 0x94D049BB133111EB
_ALL_BITS: Final = 0xFFFFFFFFFFFFFFFF


def hash_uint64(seed: int, stream: int, *counters: ArrayLike) -> NDArray[np.uint64]:
    """Hash a seed, a stream and any number of counters to 64 uniform bits.

    Args:
        seed: Any integer; taken modulo 2**64.
        stream: One of the `STREAM_` constants, or a number of the caller's own above 1000.
        counters: Non-negative integers or integer arrays; they broadcast against one another.

    Returns:
        uint64 array of the broadcast shape; shape () if every counter is a plain number.
    """
    known = _mix_number(_mix_number(seed & _ALL_BITS) ^ stream)
    for place, counter in enumerate(counters):
        number = _number_of(counter)
        if number is None:
            return _mix_arrays(known, counters[place:])
        known = _mix_number(known ^ number)
    return np.asarray(known, dtype=np.uint64)


def hash_uniform(seed: int, stream: int, *counters: ArrayLike) -> NDArray[np.float64]:
    """Hash to float64 in [0, 1), with 53 random bits; arguments as in `hash_uint64`."""
    return (hash_uint64(seed, stream, *counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _number_of(counter: ArrayLike) -> int | None:
    """The 64 bits of a counter that is one number; None for an array."""
    if isinstance(counter, int):
        return counter & _ALL_BITS
    array = np.asarray(counter)
    return None if array.ndim else int(array) & _ALL_BITS


def _mix_number(value: int) -> int:
    """One step of the hash. Of single numbers, Python's are ten times as quick as numpy's."""
    value = (value + _GOLDEN) & _ALL_BITS
    value = ((value ^ (value >> 30)) * _MIX_1) & _ALL_BITS
    value = ((value ^ (value >> 27)) * _MIX_2) & _ALL_BITS
    return value ^ (value >> 31)


def _mix_arrays(known: int, counters: Sequence[ArrayLike]) -> NDArray[np.uint64]:
    """The same steps for counters of which the first is an array; `known` is what the hash was before them."""
    state: NDArray[np.uint64] = np.full(1, known, dtype=np.uint64)
    for counter in counters:
        state = state ^ np.asarray(counter).astype(np.uint64)
        state += np.uint64(_GOLDEN)
        state ^= state >> np.uint64(30)
        state *= np.uint64(_MIX_1)
        state ^= state >> np.uint64(27)
        state *= np.uint64(_MIX_2)
        state ^= state >> np.uint64(31)
    return state
