"""Arguments of loaders, checked: what is wrong with one is said where it was given."""

from typing import Final, SupportsIndex, get_args

from artkit_shards.stream.decode import Fit

_FITS: Final = get_args(Fit)


def whole_number(name: str, value: SupportsIndex, *, least: int | None = None) -> int:
    """A whole number of any type as Python's own.

    Raises:
        TypeError: if it is none.
        ValueError: if it is less than `least`.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}={value!r} is no whole number; give one without quotes or fractions")
    number = value.__index__()
    if least is not None and number < least:
        raise ValueError(f"{name}={number} is out of bounds; it must be >= {least}")
    return number


def check_fit(fit: object) -> None:
    """Raise ValueError if images cannot meet the square in this way."""
    if fit not in _FITS:
        raise ValueError(f"fit={fit!r} is unknown; it is {' or '.join(map(repr, _FITS))}")


def check_max_bad(max_bad: float) -> None:
    """Raise TypeError or ValueError if this is no share of samples that may be bad."""
    if isinstance(max_bad, bool) or not isinstance(max_bad, int | float):
        raise TypeError(f"max_bad={max_bad!r} is no number; it is a share of the samples, 0 for none")
    if not 0 <= max_bad <= 1:
        raise ValueError(f"max_bad={max_bad} is outside [0, 1]; it is a share of the samples, 0 for none")
