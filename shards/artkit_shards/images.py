"""Opening images that strangers made: one list of formats, one limit of pixels, one way to plain RGB.

This is the only module that lets Pillow look at bytes. Formats are told by their first bytes, never by a file's name,
and only six decoders are ever tried; the number of pixels is checked from the header, before any pixel is decoded.
What Pillow would warn of is either harmless to us or an error anyway, so nothing is printed or warned: see
`_keep_pillow_quiet`.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from math import prod
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from artkit_shards.colour import has_other_colours, to_srgb
from artkit_shards.errors import ImageError, TooManyPixelsError
from artkit_shards.image_faults import WatchedBytes, fault_of, is_cut_off
from artkit_shards.tiff_tiles import largest_tile

__all__ = [
    "IMAGE_ENDINGS",
    "MAX_PIXELS",
    "ImageError",
    "ImageFormat",
    "check_pixels",
    "decoded_size",
    "has_other_colours",
    "image_format",
    "is_animated",
    "open_image",
    "orientation",
    "read_rgb",
    "stand_upright",
    "to_rgb",
    "upright_size",
]

ImageFormat = Literal["jpg", "png", "webp", "bmp", "gif", "tiff"]

IMAGE_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""Files with other endings are not taken for images. What they are is told by their bytes."""

MAX_PIXELS: Final = 178_000_000
"""Images with more pixels are refused: decoded, this many take half a gigabyte."""

_BAND: Final = 4_000_000
"""Pixels that are made plain RGB at a time: each takes 24 bytes on the way, and three once it is done."""

ORIENTATION_TAG: Final = 0x0112
_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = (5, 6, 7, 8)

_SIGNATURES: Final[tuple[tuple[bytes, ImageFormat], ...]] = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
)
_OPENERS: Final[dict[ImageFormat, Callable[[BytesIO], ImageFile.ImageFile]]] = {
    "jpg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "bmp": BmpImageFile,
    "gif": GifImageFile,
    "tiff": TiffImageFile,
}

_QUIET: Final = ("ignore", None, UserWarning, re.compile(r"PIL\."), 0)
"""The entry of `warnings.filters` that keeps Pillow quiet."""


def image_format(data: bytes) -> ImageFormat:
    """Tell the format of an image from its first bytes.

    Raises:
        ImageError: if they are not those of a JPEG, PNG, WEBP, BMP, GIF or TIFF.
    """
    if not data:
        raise ImageError("empty file")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    raise ImageError("not an image")


def check_pixels(width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Raise TooManyPixelsError if an image has more than `max_pixels` pixels, ImageError if it has none."""
    if width * height > max_pixels:
        raise TooManyPixelsError(width, height)
    if width < 1 or height < 1:
        raise ImageError(f"no pixels: {width}x{height}")


def open_image(data: bytes, max_pixels: int = MAX_PIXELS) -> ImageFile.ImageFile:
    """Open an image and check its header; no pixel is decoded yet.

    Args:
        data: The whole file.
        max_pixels: The most that it may have, and so may a tile of a TIFF.

    Raises:
        TooManyPixelsError: if it has more than `max_pixels` pixels.
        ImageError: if it is not an image, or has a broken header.
    """
    opener = _OPENERS[image_format(data)]
    file = WatchedBytes(data)
    _keep_pillow_quiet()
    try:
        image = opener(file)
    except Exception as error:
        raise ImageError("truncated" if file.ran_out or is_cut_off(data) else fault_of(error, "header")) from error
    check_pixels(*decoded_size(image, data), max_pixels)
    return image


def decoded_size(image: ImageFile.ImageFile, data: bytes) -> tuple[int, int]:
    """Width and height of an image, or of its tiles if these are larger, as those of a TIFF may be.

    Args:
        image: What `open_image` gives.
        data: The whole file.
    """
    if not isinstance(image, TiffImageFile):
        return image.size
    return max(image.size, largest_tile(data), key=prod)


def is_animated(image: ImageFile.ImageFile) -> bool:
    """Whether an image has more than one frame or page.

    Raises:
        ImageError: if the frames cannot be counted.
    """
    with _image_errors():
        return bool(getattr(image, "is_animated", False))


def orientation(image: ImageFile.ImageFile) -> int:
    """How an image must be turned to stand upright, as EXIF counts: 1 (as it is) to 8.

    Raises:
        ImageError: if the pixels must be decoded to know, and cannot.
    """
    if not isinstance(image, JpegImageFile):
        # The tag may stand behind the pixels (PNG), or be applied while they are decoded (TIFF).
        _load(image)
    _keep_pillow_quiet()
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # a broken EXIF block says nothing of how the image stands, and the pixels may be fine
        return 1
    return value if value in _TRANSPOSE else 1


def upright_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Width and height of an image once it stands upright; errors as in `orientation`."""
    width, height = image.size
    return (height, width) if orientation(image) in _SIDEWAYS else (width, height)


def to_rgb(image: ImageFile.ImageFile) -> Image.Image:
    """Decode an image to upright 8-bit RGB.

    EXIF orientation is applied; colours are converted to sRGB by the profile that the file brings; transparency of any
    kind is composited on white; 16 bits a channel are scaled to 8; of an animation the first frame is taken.

    Raises:
        ImageError: if the pixels cannot be decoded whole, or have a mode with no agreed way to RGB.
    """
    return _flat(_decoded(image), image)


def stand_upright(pixels: Image.Image, source: ImageFile.ImageFile) -> Image.Image:
    """Turn the pixels of an image as its file says.

    Args:
        pixels: The image itself, or what another decoder made of it.
        source: The opened file.

    Raises:
        ImageError: if the pixels of the file must be decoded and cannot.
    """
    turn = _TRANSPOSE.get(orientation(source))
    if pixels is source:
        _load(source)
    with _image_errors():
        return pixels if turn is None else pixels.transpose(turn)


def read_rgb(data: bytes, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode the bytes of an image to upright RGB.

    Args:
        data: The whole file.
        max_pixels: The most that it may have, before any is decoded.

    Returns:
        uint8, (H, W, 3), the rules being those of `to_rgb`.

    Raises:
        TooManyPixelsError: if it has more than `max_pixels` pixels.
        ImageError: if the bytes are not an image that can be decoded whole.
    """
    source = open_image(data, max_pixels)
    upright = _decoded(source)
    with _image_errors():
        pixels = np.empty((upright.height, upright.width, 3), dtype=np.uint8)
        rows = max(_BAND // upright.width, 1)
        for top in range(0, upright.height, rows):
            bottom = min(top + rows, upright.height)
            is_whole = bottom - top == upright.height
            band = upright if is_whole else upright.crop((0, top, upright.width, bottom))
            pixels[top:bottom] = np.asarray(_flat(band, source))
    return pixels


def _keep_pillow_quiet() -> None:
    """Put the filter for Pillow's own warnings first, unless it is.

    It stays. Filters belong to the whole process, so that putting them back as they were, as `catch_warnings` does,
    would undo what another thread does to them at the time. Whoever puts others before it, perhaps making warnings
    errors, finds it first again after the next image. It leaves alone what Pillow says of decompression bombs.
    """
    if warnings.filters[:1] != [_QUIET]:
        warnings.filterwarnings(_QUIET[0], category=_QUIET[2], module=_QUIET[3].pattern)


@contextmanager
def _image_errors() -> Iterator[None]:
    """Turn what Pillow raises into ImageError: almost anything, for bytes that are not what they claim to be."""
    _keep_pillow_quiet()
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(fault_of(error, "pixels")) from error


def _load(image: ImageFile.ImageFile) -> None:
    """Decode the pixels, if they are not yet."""
    with _image_errors():
        image.load()


def _decoded(source: ImageFile.ImageFile) -> Image.Image:
    """All pixels of an image, upright, with eight bits a channel."""
    upright = stand_upright(source, source)
    with _image_errors():
        if upright.mode.startswith("I"):
            upright = _eight_bits(upright)
        if upright.mode == "F":
            raise ImageError("colour mode not supported: 32-bit floating point")
    return upright


def _flat(pixels: Image.Image, source: ImageFile.ImageFile) -> Image.Image:
    """RGB of decoded pixels, all or some of them: without transparency, in the colours of sRGB."""
    with _image_errors():
        transparent = pixels.has_transparency_data
        if transparent or pixels.mode not in ("L", "CMYK"):
            pixels = pixels.convert("RGBA" if transparent else "RGB")
        pixels = to_srgb(pixels, source)
        return _on_white(pixels) if transparent else pixels.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit gray -> 8-bit gray. Pillow alone would clip it."""
    values = np.asarray(image)
    if image.mode == "I" and (values.min() < 0 or values.max() > 0xFFFF):
        raise ImageError("colour mode not supported: 32-bit gray")
    gray = Image.fromarray((values // 257).astype(np.uint8))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        gray.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return gray


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")
