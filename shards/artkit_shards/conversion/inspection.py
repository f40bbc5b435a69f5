"""Inspecting: what a conversion must know of an image before it decides anything.

Every file is read and decoded once, so that bad ones are known before the split is drawn. JPEGs are decoded at a
fraction of their size; that still reads every coefficient, so damage shows, and costs little more than parsing.
"""

import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile

from artkit_shards.images import ImageFormat, image_format, is_animated, open_image, orientation, to_rgb, upright_size

_MIN_DECODED_SIDE: Final = 128
_PNG_BIT_DEPTH_AT: Final = 24

Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in an image that can be used."""

    format: ImageFormat
    width: int
    """In pixels, upright; so is `height`."""
    height: int
    num_bytes: int
    crc32: int
    changes: tuple[str, ...]
    """Why the bytes cannot be kept as they are in any data set, such as "orientation"; empty if they can."""
    mean: Channels
    """Mean of each channel, RGB in [0, 1]."""
    mean_square: Channels


def inspect(data: bytes) -> Inspection:
    """Check that an image can be decoded whole, and measure it.

    Means are taken over upright RGB pixels; those of a large JPEG over its scaled decode, at least 128 pixels a side.

    Raises:
        ImageError: if the bytes are not an image that can be used.
    """
    image = open_image(data)
    kind = image_format(data)
    width, height = upright_size(image)
    changes = _changes(image, kind, data)
    pixels = None
    if kind == "jpg" and image.mode in ("L", "RGB"):
        pixels = _decode_jpeg(data)
        if pixels is None:
            changes += ("damage",)
    mean, mean_square = _moments(to_rgb(image) if pixels is None else Image.fromarray(pixels))
    return Inspection(
        format=kind,
        width=width,
        height=height,
        num_bytes=len(data),
        crc32=zlib.crc32(data),
        changes=changes,
        mean=mean,
        mean_square=mean_square,
    )


def pixel_statistics(inspections: Iterable[Inspection]) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel, RGB in [0, 1], over all pixels; each image weighs the same.

    Exact sums make the result independent of the order. The pixels are those that `inspect` measured.
    """
    images = list(inspections)
    means, stds = [], []
    for channel in range(3):
        mean = math.fsum(image.mean[channel] for image in images) / len(images)
        mean_square = math.fsum(image.mean_square[channel] for image in images) / len(images)
        means.append(mean)
        stds.append(math.sqrt(max(0.0, mean_square - mean * mean)))
    return (means[0], means[1], means[2]), (stds[0], stds[1], stds[2])


def _changes(image: ImageFile.ImageFile, kind: ImageFormat, data: bytes) -> tuple[str, ...]:
    """What must change for the file to be a single upright image of 8-bit RGB or gray."""
    found = {
        "orientation": orientation(image) != 1,
        "transparency": image.has_transparency_data,
        "animation": is_animated(image),
        "16 bits": image.mode.startswith("I") or (kind == "png" and data[_PNG_BIT_DEPTH_AT] == 16),
        "colour mode": image.mode not in ("L", "RGB", "RGBA", "LA") and not image.mode.startswith("I"),
    }
    return tuple(name for name, present in found.items() if present)


def _decode_jpeg(data: bytes) -> NDArray[np.uint8] | None:
    """RGB pixels (H, W, 3) at a fraction of the size; None if the strict decoder finds fault with the file."""
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGB", min_height=_MIN_DECODED_SIDE, min_width=_MIN_DECODED_SIDE, min_factor=2
        )
    except ValueError:
        # Pillow has the last word: it reads some files that this decoder refuses, and names what is wrong with others.
        return None
    return pixels


def _moments(image: Image.Image) -> tuple[Channels, Channels]:
    """Mean and mean square of each channel, in [0, 1]; integer sums, so they are the same on every machine."""
    histogram = np.array(image.histogram(), dtype=np.int64).reshape(3, 256)
    values = np.arange(256, dtype=np.int64)
    num_pixels = image.width * image.height
    red, green, blue = ((histogram * values).sum(axis=1) / (255 * num_pixels)).tolist()
    mean = (red, green, blue)
    red, green, blue = ((histogram * values**2).sum(axis=1) / (255**2 * num_pixels)).tolist()
    return mean, (red, green, blue)
