from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from artkit_shards import ImageError
from artkit_shards.conversion.encoding import encode, fitted_size
from artkit_shards.images import read_rgb

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def to_bytes(image, image_format, **options):
    file = BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def quarters():
    """40x20: red, green above; blue, white below."""
    image = Image.new("RGB", (40, 20), WHITE)
    for colour, box in ((RED, (0, 0, 20, 10)), (GREEN, (20, 0, 40, 10)), (BLUE, (0, 10, 20, 20))):
        image.paste(colour, box)
    return image


@pytest.mark.parametrize("number", range(1, 9))
def test_orientation_is_written_into_the_pixels(number):
    exif = Image.Exif()
    exif[0x0112] = number
    data = to_bytes(quarters(), "PNG", exif=exif)
    written = encode(data, "png")
    assert np.array_equal(read_rgb(written), read_rgb(data))
    assert 0x0112 not in Image.open(BytesIO(written)).getexif()


def test_orientation_of_a_jpeg_is_applied_before_it_is_made_smaller():
    exif = Image.Exif()
    exif[0x0112] = 6
    large = quarters().resize((800, 400), Image.Resampling.NEAREST)
    pixels = read_rgb(encode(to_bytes(large, "JPEG", exif=exif, quality=95), "png", max_side=80)).astype(int)
    assert pixels.shape == (80, 40, 3)
    assert abs(pixels[20, 10] - BLUE).max() < 12


def test_fitted_size_keeps_the_aspect_ratio_and_never_enlarges():
    assert fitted_size(4000, 1000, 256) == (256, 64)
    assert fitted_size(10, 4000, 256) == (1, 256)
    assert fitted_size(200, 100, 256) == (200, 100)
    assert fitted_size(4000, 1000, None) == (4000, 1000)


@pytest.mark.parametrize(("suffix", "kind"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
def test_encode_writes_the_format_asked_for_at_the_size_asked_for(suffix, kind):
    data = encode(to_bytes(Image.new("RGBA", (300, 100), (255, 0, 0, 0)), "PNG"), suffix, max_side=60)
    image = Image.open(BytesIO(data))
    assert (image.format, image.mode, image.size) == (kind, "RGB", (60, 20))
    assert np.array(image).min() > 250


def test_encode_keeps_all_pixels_in_png_and_full_colour_resolution_in_jpeg():
    data = to_bytes(quarters(), "BMP")
    assert np.array_equal(read_rgb(encode(data, "png")), np.array(quarters()))
    assert Image.open(BytesIO(encode(data, "jpg"))).layer[0][1:3] == (1, 1)


def test_encode_gives_the_same_bytes_again_and_drops_metadata():
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    data = to_bytes(quarters(), "JPEG", exif=exif)
    assert b"taken at home" in data
    for suffix in ("jpg", "png", "webp"):
        assert encode(data, suffix) == encode(data, suffix)
        assert b"taken at home" not in encode(data, suffix)


def test_encode_refuses_what_a_format_cannot_hold():
    wide = to_bytes(Image.new("L", (17000, 2)), "PNG")
    with pytest.raises(ImageError, match="cannot be written as webp"):
        encode(wide, "webp")
