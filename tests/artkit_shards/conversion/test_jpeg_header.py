"""Plain headers are read as Pillow reads them; everything else is left to it."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from artkit_shards.conversion.inspection import inspect_header
from artkit_shards.conversion.jpeg_header import plain_jpeg_size


def jpeg(mode="RGB", size=(70, 50), **options):
    file = BytesIO()
    Image.fromarray(np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(size[1], size[0], 3)).convert(mode).save(
        file, "JPEG", **options
    )
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        jpeg(),
        jpeg("L"),
        jpeg(progressive=True, quality=30),
        jpeg(subsampling=0, restart_marker_blocks=2),
        jpeg(comment=b"by hand"),
        jpeg(size=(1, 65000)),
    ],
)
def test_the_size_of_plain_files_is_that_which_pillow_tells(data):
    assert plain_jpeg_size(data) == Image.open(BytesIO(data)).size
    found = inspect_header(data, len(data))
    assert (found.format, found.width, found.height) == ("jpg", *Image.open(BytesIO(data)).size)


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(
    "data",
    [
        jpeg(exif=exif(6)),
        jpeg(exif=exif(1)),
        jpeg(icc_profile=PROFILE),
        jpeg("CMYK"),
        jpeg()[:100],
        jpeg()[:20],
        b"\xff\xd8\xff",
        b"\xff\xd8" + b"\xff\xe0\x00\x00" * 50,
        jpeg().replace(b"\xff\xc0", b"\xff\xc3"),
    ],
    ids=["turned", "exif", "profile", "cmyk", "cut", "short", "start", "empty segments", "lossless"],
)
def test_everything_else_is_left_to_pillow(data):
    assert plain_jpeg_size(data) is None


@given(st.binary(max_size=300), st.integers(2, 300))
def test_damaged_headers_are_told_or_left(noise, position):
    data = bytearray(jpeg()[:700])
    data[position : position + len(noise)] = noise
    size = plain_jpeg_size(bytes(data))
    assert size is None or all(0 <= side < 65536 for side in size)
