"""What is wrong with an image, in few and plain words, whatever its decoder says of it.

Reasons are counted by what stands before their colon, so there are few kinds of them.
"""

import struct
from io import BytesIO
from typing import Final, Literal

from PIL import Image

Part = Literal["header", "pixels"]

_END_WORDS: Final = ("truncated", "unexpected end", "broken data")
_BEYOND_THE_END: Final = (EOFError, IndexError, struct.error)


class WatchedBytes(BytesIO):
    """A file in memory that notices when more is read than there is."""

    ran_out = False

    def read(self, size: int | None = -1, /) -> bytes:
        """See `BytesIO.read`."""
        data = super().read(size)
        if size is not None and len(data) < size:
            self.ran_out = True
        return data


def fault_of(error: Exception, part: Part) -> str:
    """A short reason for what a decoder raised.

    Args:
        error: Almost anything, for bytes that are not what they claim to be.
        part: What was being read.

    Returns:
        "truncated", "too many pixels", "too large for the memory", "not supported: ..." or "damaged: ...".
    """
    text = str(error).partition("\n")[0]
    lowered = text.lower()
    if isinstance(error, Image.DecompressionBombError):
        return "too many pixels"
    if isinstance(error, MemoryError):
        return "too large for the memory"
    if isinstance(error, _BEYOND_THE_END) or any(word in lowered for word in _END_WORDS):
        return "truncated"
    if "unsupported" in lowered or "not supported" in lowered:
        return f"not supported: {text}"
    return f"damaged: its {part} cannot be read"


def is_cut_off(data: bytes) -> bool:
    """Whether a file tells its own size, as WEBP does, and is smaller."""
    return data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data)
