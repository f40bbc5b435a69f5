"""Writing images anew: upright RGB in one of the formats that shards hold, made smaller if need be."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

from PIL import Image

from artkit_shards.errors import ImageError
from artkit_shards.format.tar import Suffix
from artkit_shards.images import open_image, to_rgb, upright_size

_SAVE_AS: Final[Mapping[str, Callable[[int], Mapping[str, Any]]]] = {
    "jpg": lambda quality: {"format": "JPEG", "quality": quality, "subsampling": 0},
    "png": lambda _quality: {"format": "PNG", "compress_level": 6},
    "webp": lambda quality: {"format": "WEBP", "quality": quality, "method": 4},
}


def fitted_size(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Width and height of an image once its longer side is at most `max_side`; the aspect ratio is kept."""
    longest = max(width, height)
    if max_side is None or longest <= max_side:
        return width, height
    return max(1, round(width * max_side / longest)), max(1, round(height * max_side / longest))


def encode(data: bytes, image_format: Suffix, *, max_side: int | None = None, quality: int = 92) -> bytes:
    """Write an image anew: upright RGB, on white, at most `max_side` pixels a side.

    Args:
        data: The bytes of an image in any of the formats.
        image_format: "jpg" (colour at full resolution), "png" or "webp".
        max_side: Upper bound of the longer side in pixels; images are never enlarged.
        quality: Of JPEG and WEBP, from 1 to 100.

    Returns:
        The bytes of the new file, without metadata; the same on every run.

    Raises:
        ImageError: if the image cannot be decoded, or is too large for the format.
    """
    return write_image(decode_fitted(data, max_side), image_format, quality)


def decode_fitted(data: bytes, max_side: int | None) -> Image.Image:
    """Decode an image as it is stored: upright RGB, on white, at most `max_side` pixels a side.

    Raises:
        ImageError: if it cannot be decoded.
    """
    source = open_image(data)
    size = fitted_size(*upright_size(source), max_side)
    # JPEG decodes at a fraction of its size for less; twice what is needed keeps the resize below exact enough.
    width, height = fitted_size(*source.size, max_side)
    source.draft("", (2 * width, 2 * height))
    image = to_rgb(source)
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def write_image(image: Image.Image, image_format: Suffix, quality: int) -> bytes:
    """The bytes of a file that holds an RGB image, without metadata; the same on every run.

    Raises:
        ImageError: if it is too large for the format.
    """
    file = BytesIO()
    # What an image brings from its file, such as a profile that no longer applies, must not go into the new one.
    image.info = {}
    try:
        image.save(file, **_SAVE_AS[image_format](quality))
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be written as {image_format}: {error}") from error
    return file.getvalue()
