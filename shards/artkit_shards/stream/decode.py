"""From the bytes of an image to the pixels of a batch: decode no larger than needed, resize once.

JPEG is decoded at a reduced scale that still covers what is wanted (see jpeg.py); that alone is worth more than all
else a loader can do. Everything else goes through Pillow. Both release the interpreter lock, and so does the resize,
which is torch's antialiased bilinear one on uint8: the cheapest of good quality that we measured.

The pixels are a function of the bytes, the size, the fit and the crop, of nothing else.
"""

import math
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from artkit_shards.images import MAX_PIXELS, ImageError, read_rgb
from artkit_shards.stream.jpeg import decode_scaled, is_jpeg, read_header

__all__ = ["Box", "Fit", "ImageError", "crop_into", "crop_pixels", "fit_image", "fit_into"]

Fit = Literal["letterbox", "squash"]
"""How an image meets the square: whole with white margins (keeps the aspect ratio), or stretched to fill it."""

Box: TypeAlias = "tuple[float, float, float, float]"
"""Top, left, height and width of a part of an image, in pixels of the upright image."""

WHITE = 255


def fit_image(data: bytes, size: int, fit: Fit = "letterbox", *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode an image and fit it into a square.

    Args:
        data: The file's bytes: JPEG, PNG, WEBP, BMP, GIF or TIFF.
        size: Height and width of the result in pixels.
        fit: "letterbox" keeps the aspect ratio and fills the rest with white; "squash" stretches.
        max_pixels: The most that the image may have, before any is decoded.

    Returns:
        RGB, uint8, (size, size, 3).

    Raises:
        TooManyPixelsError: if the image has more than `max_pixels` pixels.
        ImageError: if the bytes are not an image that can be decoded whole.
    """
    square = np.empty((size, size, 3), dtype=np.uint8)
    fit_into(data, square, fit, max_pixels)
    return square


def fit_into(data: bytes, square: NDArray[np.uint8], fit: Fit, max_pixels: int = MAX_PIXELS) -> None:
    """Like `fit_image`, into an array (S, S, 3) of the caller's."""
    size = square.shape[0]
    header = read_header(data, max_pixels) if is_jpeg(data) else None
    if header is not None:
        # From the image's own size: that of the decoded pixels is rounded up, which would change the aspect ratio.
        height, width = _fitted(header.height, header.width, size, fit)
        pixels = decode_scaled(data, header, height, width)
        if pixels is not None:
            _place(_resize_rows_first(pixels, height, width), square)
            return
    # Pillow reads what is no JPEG, and some that the strict decoder refuses; it names what is wrong with others.
    pixels = read_rgb(data, max_pixels)
    height, width = _fitted(pixels.shape[0], pixels.shape[1], size, fit)
    _place(_resize(pixels, height, width), square)


def crop_into(data: bytes, square: NDArray[np.uint8], box: Box) -> None:
    """Decode an image no larger than a part of it needs, and stretch that part over a square.

    Args:
        data: The file's bytes, as in `fit_image`.
        square: uint8, (S, S, 3), written to.
        box: The part, of positive height and width; what of it lies outside the image is left out.

    Raises:
        ImageError: if the bytes are not an image that can be decoded whole.
    """
    size = square.shape[0]
    header = read_header(data) if is_jpeg(data) else None
    if header is not None:
        # The whole image at the size at which the part covers the square.
        min_height = min(header.height, math.ceil(size * header.height / box[2]))
        min_width = min(header.width, math.ceil(size * header.width / box[3]))
        pixels = decode_scaled(data, header, min_height, min_width)
        if pixels is not None:
            crop_pixels(pixels, square, box, header.height, header.width)
            return
    pixels = read_rgb(data)
    crop_pixels(pixels, square, box, pixels.shape[0], pixels.shape[1])


def crop_pixels(
    pixels: NDArray[np.uint8], square: NDArray[np.uint8], box: Box, image_height: int, image_width: int
) -> None:
    """Stretch a part of an image over a square.

    Args:
        pixels: The image at any scale, uint8, (H', W', 3).
        square: uint8, (S, S, 3), written to.
        box: The part, in pixels of the image at full size.
        image_height: Height of the image at full size, in pixels.
        image_width: Width of the image at full size, in pixels.
    """
    top, bottom = _span(box[0], box[2], pixels.shape[0] / image_height, pixels.shape[0])
    left, right = _span(box[1], box[3], pixels.shape[1] / image_width, pixels.shape[1])
    square[...] = _resize_rows_first(pixels[top:bottom, left:right], square.shape[0], square.shape[1])


def _span(start: float, length: float, scale: float, limit: int) -> tuple[int, int]:
    """First pixel of a stretch at a scale, and the one after its last: within [0, limit], and at least one pixel."""
    first = min(max(0, round(start * scale)), limit - 1)
    return first, min(max(first + 1, round((start + length) * scale)), limit)


def _fitted(height: int, width: int, size: int, fit: Fit) -> tuple[int, int]:
    """Height and width that an image takes within the square."""
    if fit == "squash":
        return size, size
    longest = max(height, width)
    return max(1, round(height * size / longest)), max(1, round(width * size / longest))


def _place(pixels: NDArray[np.uint8], square: NDArray[np.uint8]) -> None:
    """Put pixels into the middle of a square, on white."""
    size, (height, width) = square.shape[0], pixels.shape[:2]
    top, left = (size - height) // 2, (size - width) // 2
    if height < size or width < size:
        square[...] = WHITE
    square[top : top + height, left : left + width] = pixels


def _resize_rows_first(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Like `_resize`, but for rounding, and a quarter cheaper: torch alone makes all rows narrower, then drops some.

    What Pillow decodes is not resized in this order, so that results on images of these formats stay what they were.
    """
    if height < pixels.shape[0]:
        pixels = _resize(pixels, height, pixels.shape[1])
    return _resize(pixels, height, width)


def _resize(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if pixels.shape[:2] == (height, width):
        return pixels
    # The axis of the batch must come first in memory too, or torch takes this for another memory format and copies.
    image_1CHW = torch.from_numpy(pixels)[None].permute(0, 3, 1, 2)
    resized = F.interpolate(image_1CHW, size=(height, width), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0).numpy()
