"""Amounts of memory and disk as people write them: "2GB", "512 MiB", 0."""

import re
from typing import Final

_UNITS: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]*)", re.ASCII)


def parse_bytes(size: str | int) -> int:
    """Number of bytes that a text or number stands for.

    Args:
        size: Bytes, or a number with a unit: B, kB, MB, GB and TB are powers of 1000, KiB, MiB, GiB and TiB of 1024,
            in capital or small letters.

    Returns:
        Whole bytes, >= 0.

    Raises:
        ValueError: if it is no such amount, saying how to write one.

    Example:
        "2GB" is 2 000 000 000, "1.5 KiB" is 1536, "0" and 0 are nothing at all.
    """
    if isinstance(size, int) and not isinstance(size, bool):
        if size < 0:
            raise ValueError(f"{size} is no size; give bytes from 0 up, or text such as '2GB'")
        return size
    match = _SIZE.fullmatch(size.strip().lower()) if isinstance(size, str) else None
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"{size!r} is no size; write a number with a unit, such as '2GB', '512MiB' or '0'")
    return int(float(match[1]) * _UNITS[match[2]]) if "." in match[1] else int(match[1]) * _UNITS[match[2]]


def size_text(num_bytes: int) -> str:
    """Such as "5.4 MB"; powers of 1000."""
    size = float(num_bytes)
    for unit in ("bytes", "kB", "MB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
