"""From the bytes of an image to the pixels of a batch: decode no larger than needed, resize once.

JPEG is decoded at the smallest of the decoder's scales (N/8) that still covers the wanted size; that alone is worth
more than all else a loader can do. Everything else goes through Pillow. Both release the interpreter lock, and so does
the resize, which is torch's antialiased bilinear one on uint8: the cheapest of good quality that we measured.

The pixels are a function of the bytes, the size and the fit, of nothing else.
"""

from typing import Literal

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from artkit_shards.images import ImageError, check_pixels, read_rgb

Fit = Literal["letterbox", "squash"]
"""How an image meets the square: whole with white margins (keeps the aspect ratio), or stretched to fill it."""

WHITE = 255
# Scales above 1/2 cost as much as decoding whole, some more: only a real reduction is worth it.
_MIN_FACTOR = 2


def fit_image(data: bytes, size: int, fit: Fit = "letterbox") -> NDArray[np.uint8]:
    """Decode an image and fit it into a square.

    Args:
        data: The file's bytes: JPEG, PNG, WEBP, BMP, GIF or TIFF.
        size: Height and width of the result in pixels.
        fit: "letterbox" keeps the aspect ratio and fills the rest with white; "squash" stretches.

    Returns:
        RGB, uint8, (size, size, 3).

    Raises:
        ImageError: if the bytes are not an image that can be decoded whole.
    """
    square = np.empty((size, size, 3), dtype=np.uint8)
    fit_into(data, square, fit)
    return square


def fit_into(data: bytes, square: NDArray[np.uint8], fit: Fit) -> None:
    """Like `fit_image`, into an array (S, S, 3) of the caller's."""
    size = square.shape[0]
    pixels, (height, width) = _decode(data, size, fit)
    top, left = (size - height) // 2, (size - width) // 2
    if height < size or width < size:
        square[...] = WHITE
    square[top : top + height, left : left + width] = _resize(pixels, height, width)


def _fitted(height: int, width: int, size: int, fit: Fit) -> tuple[int, int]:
    """Height and width that an image takes within the square."""
    if fit == "squash":
        return size, size
    longest = max(height, width)
    return max(1, round(height * size / longest)), max(1, round(width * size / longest))


def _decode(data: bytes, size: int, fit: Fit) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """RGB pixels (H, W, 3), at least as many as will be shown, if the image has them; and the size to show them at."""
    decoded = _decode_scaled(data, size, fit) if data[:2] == b"\xff\xd8" else None
    if decoded is not None:
        return decoded
    pixels = read_rgb(data)
    return pixels, _fitted(pixels.shape[0], pixels.shape[1], size, fit)


def _decode_scaled(data: bytes, size: int, fit: Fit) -> tuple[NDArray[np.uint8], tuple[int, int]] | None:
    """Like `_decode`, for JPEG; None for those that are left to Pillow."""
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise ImageError(f"not a JPEG that can be read ({error})") from error
    check_pixels(width, height)
    if colorspace in ("CMYK", "YCCK"):
        return None
    # From the image's own size: that of the decoded pixels is rounded up, which would change the aspect ratio.
    fitted = _fitted(height, width, size, fit)
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGB", min_height=fitted[0], min_width=fitted[1], min_factor=_MIN_FACTOR
        )
    except ValueError:
        # Pillow reads some files that the strict decoder refuses, and names what is wrong with the others.
        return None
    return pixels, fitted


def _resize(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if pixels.shape[:2] == (height, width):
        return pixels
    # The axis of the batch must come first in memory too, or torch takes this for another memory format and copies.
    image_1CHW = torch.from_numpy(pixels)[None].permute(0, 3, 1, 2)
    resized = F.interpolate(image_1CHW, size=(height, width), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0).numpy()
