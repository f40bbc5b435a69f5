"""Inspecting: what a conversion must know of an image before it decides anything.

Every file is read and decoded once, so that bad ones are known before the split is drawn. JPEGs are decoded at a
fraction of their size; that still reads every coefficient, so damage shows, and costs little more than parsing. Whoever
trusts the files can have their headers read instead, which is as fast as copying.
"""

import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile

from artkit_shards.colour import to_srgb
from artkit_shards.conversion.duplicates.thumbnail import thumbnail
from artkit_shards.conversion.jpeg_header import plain_jpeg_size
from artkit_shards.conversion.reading import read_head, read_image
from artkit_shards.conversion.records import ImageSource
from artkit_shards.errors import ImageError
from artkit_shards.images import (
    ImageFormat,
    check_pixels,
    has_other_colours,
    image_format,
    is_animated,
    open_image,
    orientation,
    stand_upright,
    to_rgb,
    upright_size,
)

HEAD_BYTES: Final = 1 << 15
"""So much of a file is read where its header is enough."""

_MIN_DECODED_SIDE: Final = 64
_PNG_BIT_DEPTH_AT: Final = 24
_METADATA_AT_THE_END: Final[Mapping[str, tuple[bytes, ...]]] = {
    "png": (b"eXIf", b"tiff:Orientation"),
    "webp": (b"EXIF", b"XMP "),
}
"""Formats that may tell behind the pixels how the image stands, and by which marks it is told."""
_LEVELS: Final = np.arange(256, dtype=np.int64)
_LEVEL_POWERS: Final = np.stack([_LEVELS, _LEVELS**2], axis=1)
"""Level and its square, (256, 2)."""

Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Pixels:
    """What was measured on the pixels of an image."""

    mean: Channels
    """Mean of each channel, RGB in [0, 1]."""
    mean_square: Channels
    thumbnail: bytes
    """What the image looks like: see `thumbnail`."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in an image that can be used."""

    format: ImageFormat
    width: int
    """In pixels, upright; so is `height`."""
    height: int
    num_bytes: int
    crc32: int
    """Of the file; of its first `HEAD_BYTES` if only the header was read."""
    changes: tuple[str, ...]
    """Why the bytes cannot be kept as they are in any data set, such as "orientation"; empty if they can."""
    pixels: Pixels | None
    """None if only the header was read."""


def inspect_source(source: ImageSource) -> Inspection:
    """Read no more of an image than tells all that is needed: its header, if that does; then nothing is decoded.

    Raises:
        ImageError: if it cannot be read or used.
    """
    head, num_bytes = read_head(source, HEAD_BYTES)
    found = inspect_header(head, num_bytes)
    if found is not None:
        return found
    data = head if len(head) == num_bytes else read_image(source)
    return inspect_header(data, len(data)) or inspect(data)


def inspect(data: bytes) -> Inspection:
    """Check that an image can be decoded whole, and measure it.

    Means are taken over upright RGB pixels; those of a large JPEG over its scaled decode, at least 64 pixels a side.

    Raises:
        ImageError: if the bytes are not an image that can be used.
    """
    kind = image_format(data)
    plain = _inspect_plain_jpeg(data) if kind == "jpg" else None
    if plain is not None:
        return plain
    image = open_image(data)
    width, height = upright_size(image)
    changes = _changes(image, kind, data, upright=orientation(image) == 1)
    decoded = None
    if kind == "jpg" and image.mode in ("L", "RGB"):
        decoded = _decode_jpeg(data)
        if decoded is None:
            changes += ("damage",)
    if decoded is None:
        pixels = _measure(to_rgb(image))
    elif changes:
        pixels = _measure(to_srgb(stand_upright(decoded.convert("RGB"), image), image))
    else:
        pixels = _measure(decoded)
    return Inspection(kind, width, height, len(data), zlib.crc32(data), changes, pixels)


def _inspect_plain_jpeg(data: bytes) -> Inspection | None:
    """The same for most files, without Pillow; None if that is not enough."""
    size = plain_jpeg_size(data)
    if size is None:
        return None
    check_pixels(*size)
    decoded = _decode_jpeg(data)
    if decoded is None:
        return None
    return Inspection("jpg", *size, len(data), zlib.crc32(data), (), _measure(decoded))


def inspect_header(head: bytes, num_bytes: int) -> Inspection | None:
    """Measure an image without decoding it.

    Args:
        head: The first bytes of the file, at least `HEAD_BYTES` or all of it.
        num_bytes: Size of the whole file.

    Returns:
        What was found; None if the header does not tell enough, or the image cannot be kept as it is anyway.

    Raises:
        ImageError: if the bytes are not those of an image, or tell of too many pixels.
    """
    kind = image_format(head)
    if kind not in ("jpg", *_METADATA_AT_THE_END):
        return None
    size = plain_jpeg_size(head) if kind == "jpg" else None
    if size is not None:
        check_pixels(*size)
        return Inspection(kind, *size, num_bytes, zlib.crc32(head[:HEAD_BYTES]), (), None)
    if kind in _METADATA_AT_THE_END and len(head) < num_bytes:
        return None
    if any(mark in head for mark in _METADATA_AT_THE_END.get(kind, ())):
        return None
    try:
        image = open_image(head)
        upright = kind != "jpg" or orientation(image) == 1
    except ImageError:
        if len(head) < num_bytes:  # the header may go on behind what was read
            return None
        raise
    changes = _changes(image, kind, head, upright=upright)
    if changes:
        return None
    width, height = image.size
    return Inspection(kind, width, height, num_bytes, zlib.crc32(head[:HEAD_BYTES]), (), None)


def pixel_statistics(measured: Iterable[Pixels]) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel, RGB in [0, 1], over all pixels; each image weighs the same.

    Each image gives its own mean and mean square, from integer sums; these are added exactly (`math.fsum`), so that the
    result depends neither on the order of the images nor on how workers shared them, and nothing need be merged. The
    pixels are those that `inspect` measured.
    """
    images = list(measured)
    means, stds = [], []
    for channel in range(3):
        mean = math.fsum(image.mean[channel] for image in images) / len(images)
        mean_square = math.fsum(image.mean_square[channel] for image in images) / len(images)
        means.append(mean)
        stds.append(math.sqrt(max(0.0, mean_square - mean * mean)))
    return (means[0], means[1], means[2]), (stds[0], stds[1], stds[2])


def _changes(image: ImageFile.ImageFile, kind: ImageFormat, data: bytes, *, upright: bool) -> tuple[str, ...]:
    """What must change for the file to be a single upright image of 8-bit RGB or gray, of the colours of sRGB."""
    found = {
        "orientation": not upright,
        "transparency": image.has_transparency_data,
        "animation": is_animated(image),
        "16 bits": image.mode.startswith("I") or (kind == "png" and data[_PNG_BIT_DEPTH_AT] == 16),
        "colour mode": image.mode not in ("L", "RGB", "RGBA", "LA") and not image.mode.startswith("I"),
        "colour profile": has_other_colours(image),
    }
    return tuple(name for name, present in found.items() if present)


def _decode_jpeg(data: bytes) -> Image.Image | None:
    """Pixels at a fraction of the size, RGBX; None if the strict decoder finds fault with the file."""
    try:
        # Four bytes a pixel are what Pillow uses inside, so that it need not copy them.
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGBX", min_height=_MIN_DECODED_SIDE, min_width=_MIN_DECODED_SIDE, min_factor=2
        )
    except ValueError:
        # Pillow has the last word: it reads some files that this decoder refuses, and names what is wrong with others.
        return None
    height, width, _ = pixels.shape
    return Image.frombuffer("RGBX", (width, height), pixels, "raw", "RGBX", 0, 1)


def _measure(image: Image.Image) -> Pixels:
    """Measure an RGB or RGBX image."""
    mean, mean_square = _moments(image)
    return Pixels(mean, mean_square, thumbnail(image))


def _moments(image: Image.Image) -> tuple[Channels, Channels]:
    """Mean and mean square of each channel, in [0, 1]; integer sums, so they are the same on every machine."""
    histogram = np.array(image.histogram()[: 3 * 256], dtype=np.int64).reshape(3, 256)
    num_pixels = image.width * image.height
    sums = (histogram @ _LEVEL_POWERS).T / [[255 * num_pixels], [255**2 * num_pixels]]
    (red, green, blue), (red_square, green_square, blue_square) = sums.tolist()
    return (red, green, blue), (red_square, green_square, blue_square)
