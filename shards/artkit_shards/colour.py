"""Colour profiles: pictures whose numbers mean other colours than those of sRGB, and the way back to it.

Everything that reads shards takes pixels for sRGB. A picture of a camera or scanner may have numbers for a wider range
of colours, and says so in a profile (ICC.1:2022) that is embedded in the file; without it the picture looks dull. A
profile that cannot be read says nothing, and is no error.
"""

from functools import lru_cache
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image, ImageCms

_MAX_PROFILE_BYTES: Final = 1 << 22
_MODE_OF_SPACE: Final = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_SAME_COLOURS: Final = 2.0
"""Profiles that move colours by less on average, in levels of 255, are called sRGB; so most of their many versions."""
_STEPS: Final = 5
"""Levels of each channel at which a profile is compared with sRGB."""


def has_other_colours(image: Image.Image) -> bool:
    """Whether an image brings a profile by which its colours differ visibly from what they are in sRGB."""
    return _conversion_of(image) is not None


def to_srgb(image: Image.Image, source: Image.Image) -> Image.Image:
    """Convert the pixels of an image by the profile that its file brings.

    Args:
        image: What was decoded, in RGB, RGBA, L or CMYK.
        source: The opened file, which has the profile.

    Returns:
        RGB, or RGBA if the image is; the image as it is if there is no usable profile, or one that changes nothing.
    """
    conversion = _conversion_of(source)
    if conversion is None:
        return image
    mode, transform = conversion
    if image.mode == "RGBA" and mode == "RGB":
        converted = _apply(transform, image.convert("RGB"))
        converted.putalpha(image.getchannel("A"))
        return converted
    return _apply(transform, image) if image.mode == mode else image


def _apply(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    return transform.apply(image)


def _conversion_of(image: Image.Image) -> tuple[str, ImageCms.ImageCmsTransform] | None:
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not 0 < len(profile) <= _MAX_PROFILE_BYTES:
        return None
    return _conversion(profile)


@lru_cache(maxsize=16)
def _conversion(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform] | None:
    """The mode that a profile is for and the way to sRGB; None if there is none, or it changes next to nothing."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _MODE_OF_SPACE.get(source.profile.xcolor_space)
        if mode is None:
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
    return None if mode != "CMYK" and _changes_little(transform, mode) else (mode, transform)


def _changes_little(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
    num_channels = len(mode)
    cube = np.stack(np.meshgrid(*[levels] * num_channels), axis=-1).reshape(1, -1, num_channels)
    colours = Image.fromarray(cube[..., 0] if num_channels == 1 else cube, mode)
    converted = np.asarray(_apply(transform, colours), dtype=np.int64)
    return float(np.abs(converted - np.asarray(colours.convert("RGB"), dtype=np.int64)).mean()) < _SAME_COLOURS
