"""Scaled JPEG decoding: never smaller than asked, no larger than needed, upright."""

import io

import numpy as np
import pytest
from PIL import Image

from artkit_shards import ImageError, fit_image
from artkit_shards.images import read_rgb
from artkit_shards.stream.jpeg import decode_scaled, is_jpeg, read_header

ORIENTATION = 0x0112
XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:tiff='t'><a tiff:Orientation=\"6\"/></x:xmpmeta>"


def picture(width, height, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encode(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **{"quality": 95, **options})
    return buffer.getvalue()


def turned(image, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(image, exif=exif)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ((100, 130), (100, 130)),
        ((99, 130), (100, 130)),
        ((101, 1), (200, 260)),
        ((1, 131), (200, 260)),
        ((200, 260), (200, 260)),
        ((201, 260), (400, 520)),
        ((401, 1), (800, 1040)),
        ((5000, 5000), (800, 1040)),
    ],
)
def test_the_smallest_fast_scale_that_is_large_enough_is_taken(asked, given):
    data = encode(picture(1040, 800))
    assert decode_scaled(data, read_header(data), *asked).shape == (*given, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_whole_and_scaled(orientation):
    data = turned(picture(96, 64, seed=1), orientation)
    upright = read_rgb(data).astype(int)
    header = read_header(data)
    assert (header.height, header.width) == upright.shape[:2] == ((64, 96) if orientation < 5 else (96, 64))
    whole = decode_scaled(data, header, *upright.shape[:2]).astype(int)
    assert whole.shape == upright.shape
    assert np.abs(whole - upright).max() <= 4
    half = decode_scaled(data, header, header.height // 2, header.width // 2).astype(int)
    shrunk = upright.reshape(header.height // 2, 2, header.width // 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - shrunk).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fit", ["letterbox", "squash"])
def test_a_fitted_image_stands_upright(orientation, fit):
    stored = picture(150, 90, seed=2)
    data = turned(stored, orientation)
    upright = Image.fromarray(read_rgb(data))
    expected = fit_image(encode(upright, quality=100, subsampling=0), 40, fit).astype(int)
    assert np.abs(fit_image(data, 40, fit).astype(int) - expected).mean() < 4


def test_an_orientation_that_stands_in_xmp_alone_counts_too():
    plain = encode(picture(96, 64))
    block = b"\xff\xe1" + (len(XMP) + 2).to_bytes(2, "big") + XMP
    header = read_header(plain[:2] + block + plain[2:])
    assert (header.orientation, header.height, header.width) == (6, 96, 64)


def test_an_orientation_behind_other_blocks_is_found():
    data = turned(picture(96, 64), 6)
    comment = b"\xff\xfe" + (5000).to_bytes(2, "big") + bytes(4998)
    assert read_header(data[:2] + comment + b"\xff" + data[2:]).orientation == 6


def test_an_image_is_told_from_its_first_bytes():
    assert is_jpeg(encode(picture(8, 8)))
    assert not is_jpeg(b"")
    assert not is_jpeg(b"\x89PNG\r\n\x1a\n")


def test_colours_for_printing_are_left_to_pillow():
    assert read_header(encode(Image.new("CMYK", (30, 30)))) is None


def test_a_file_that_the_decoder_refuses_is_left_to_pillow():
    data = encode(picture(64, 64))
    assert decode_scaled(data[: len(data) // 2], read_header(data), 64, 64) is None


@pytest.mark.parametrize("data", [b"\xff\xd8", b"\xff\xd8\xff\xe1", b"\xff\xd8 nothing", b"\xff\xd8" + b"\xff" * 999])
def test_a_header_that_ends_too_early_is_refused(data):
    with pytest.raises(ImageError, match="not a JPEG that can be read"):
        read_header(data)
