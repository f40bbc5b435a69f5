"""JPEG, decoded no larger than needed and upright.

A JPEG decoder can give an image at N/8 of its size for less than the price of the whole. Not all scales are cheaper,
though: 1/8, 1/4, 1/2 and 1 have vector code in libjpeg-turbo, the others have none, and 3/8 costs more than 1/2 while
5/8 and above cost more than the whole image. So only the four are used, and the resize that follows does the rest from
more pixels, not fewer.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from artkit_shards.images import MAX_PIXELS, ImageError, check_pixels, open_image, orientation

_START: Final = b"\xff\xd8"
_APP1, _START_OF_SCAN, _FILL = 0xE1, 0xDA, 0xFF
_FAST_SCALES: Final = (1, 2, 4)  # eighths
_UPRIGHT: Final = 1
_SIDEWAYS: Final = 5  # and all orientations above


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What must be known of a JPEG to decode it."""

    height: int
    """Of the upright image in pixels; so is `width`."""
    width: int
    orientation: int
    """How the stored image must be turned to stand upright, as EXIF counts: 1 (as it is) to 8."""


def is_jpeg(data: bytes) -> bool:
    """Whether bytes begin like a JPEG."""
    return data.startswith(_START)


def read_header(data: bytes, max_pixels: int = MAX_PIXELS) -> JpegHeader | None:
    """Read the header of a JPEG; None if it has colours that are left to Pillow.

    Raises:
        TooManyPixelsError: if it claims more than `max_pixels` pixels.
        ImageError: if it cannot be read.
    """
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise ImageError(f"not a JPEG that can be read ({error})") from error
    check_pixels(width, height, max_pixels)
    if colorspace in ("CMYK", "YCCK"):
        return None
    turn = orientation(open_image(data)) if _has_app1(data) else _UPRIGHT
    return JpegHeader(width, height, turn) if turn >= _SIDEWAYS else JpegHeader(height, width, turn)


def decode_scaled(data: bytes, header: JpegHeader, min_height: int, min_width: int) -> NDArray[np.uint8] | None:
    """Decode a JPEG at the smallest fast scale that leaves it at least as high and wide as asked, or else whole.

    Args:
        data: The whole file.
        header: From `read_header(data)`.
        min_height: Least height of the upright image in pixels.
        min_width: Least width of the upright image in pixels.

    Returns:
        RGB, uint8, (H', W', 3), upright; None if the decoder refuses the file, which Pillow may still read.
    """
    height, width = _scaled_size(header, min_height, min_width)
    if header.orientation >= _SIDEWAYS:
        height, width = width, height
    try:
        # The decoder takes the smallest scale that reaches both sides: being asked for just what the chosen scale
        # gives, it takes that one.
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", min_height=height, min_width=width)
    except ValueError:
        return None
    return pixels if header.orientation == _UPRIGHT else _upright(pixels, header.orientation)


def _scaled_size(header: JpegHeader, min_height: int, min_width: int) -> tuple[int, int]:
    for eighths in _FAST_SCALES:
        height, width = -(-header.height * eighths // 8), -(-header.width * eighths // 8)
        if height >= min_height and width >= min_width:
            return height, width
    return 0, 0  # no least size: whole


def _has_app1(data: bytes) -> bool:
    """Whether a JPEG has an APP1 block, the only place where it can say how it is to be turned."""
    at = len(_START)
    while at + 4 <= len(data) and data[at] == _FILL:
        marker = data[at + 1]
        if marker == _START_OF_SCAN:
            return False
        if marker == _APP1:
            return True
        at += 1 if marker == _FILL else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    # Bytes between the blocks: not as it should be, so let Pillow look.
    return True


def _upright(pixels: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Turn stored pixels (H, W, 3) by an EXIF orientation of 2 to 8."""
    if turn >= _SIDEWAYS:
        pixels = pixels.transpose(1, 0, 2)
    if turn in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if turn in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
