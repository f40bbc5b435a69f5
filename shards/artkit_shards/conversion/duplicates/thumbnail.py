"""What a picture looks like, in 304 bytes: its brightness at 16x16 places, and its colour at 4x4.

All pictures are squeezed to the same square. A triangle filter over the whole area of each cell (not the four pixels
about its centre) makes copies of another size or quality come out nearly the same.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE: Final = 16
_COLOUR_SIDE: Final = 4
_NUM_LUMA: Final = SIDE * SIDE
_NUM_COLOUR: Final = _COLOUR_SIDE * _COLOUR_SIDE
THUMBNAIL_BYTES: Final = _NUM_LUMA + 3 * _NUM_COLOUR
_REDUCING_GAP: Final = 2.0
"""Boxes of whole pixels bring a picture to twice the size wanted before the filter is applied; see Pillow."""


def thumbnail(image: Image.Image) -> bytes:
    """The thumbnail of a picture.

    Args:
        image: RGB or RGBX, of any size.
    """
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)
    small = small.convert("RGB").convert("YCbCr")
    return small.getchannel(0).tobytes() + small.reduce(SIDE // _COLOUR_SIDE).tobytes()


def unpack(thumbnails: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Thumbnails as numbers.

    Returns:
        Brightness (N, 16, 16) and colour (N, 32), both uint8; gray has 128 in all of its colour.
    """
    values = np.frombuffer(b"".join(thumbnails), dtype=np.uint8).reshape(-1, THUMBNAIL_BYTES)
    colour = values[:, _NUM_LUMA:].reshape(-1, _NUM_COLOUR, 3)[..., 1:]
    return values[:, :_NUM_LUMA].reshape(-1, SIDE, SIDE), colour.reshape(-1, 2 * _NUM_COLOUR)
