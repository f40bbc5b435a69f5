"""Decoding and fitting: right geometry, right colours, and nothing decoded larger than needed."""

import io

import numpy as np
import pytest
from PIL import Image

from artkit_shards import ImageError, fit_image
from artkit_shards.stream.decode import crop_into, crop_pixels

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encode(image, image_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def halves(width, height):
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def close(pixel, colour, tolerance=12):
    return np.abs(pixel.astype(int) - colour).max() <= tolerance


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_letterbox_shows_the_whole_image_on_white(image_format):
    options = {"subsampling": 0} if image_format == "JPEG" else {}
    square = fit_image(encode(halves(80, 40), image_format, quality=95, **options), 64)
    assert square.shape == (64, 64, 3)
    assert square.dtype == np.uint8
    assert (square[:15] == WHITE).all()
    assert (square[49:] == WHITE).all()
    assert close(square[32, 8], RED)
    assert close(square[32, 56], BLUE)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("height", [1, 3, 7, 33, 97, 129])
@pytest.mark.parametrize("width", [1, 5, 31, 33, 64])
@pytest.mark.parametrize("size", [8, 15, 16, 31])
def test_a_letterboxed_image_takes_its_own_share_of_the_square_however_it_is_decoded(image_format, height, width, size):
    square = fit_image(encode(Image.new("RGB", (width, height)), image_format), size)
    shown_height, shown_width = (max(1, round(side * size / max(height, width))) for side in (height, width))
    top, left = (size - shown_height) // 2, (size - shown_width) // 2
    expected = np.full((size, size, 3), 255, dtype=np.uint8)
    expected[top : top + shown_height, left : left + shown_width] = 0
    assert (square == expected).all()


def test_squash_fills_the_square():
    square = fit_image(encode(halves(80, 40), "PNG"), 64, "squash")
    assert close(square[0, 0], RED)
    assert close(square[63, 63], BLUE)


def test_portrait_images_get_margins_left_and_right():
    square = fit_image(encode(Image.new("RGB", (10, 40), GREEN), "PNG"), 40)
    assert (square[:, :15] == WHITE).all()
    assert (square[:, 25:] == WHITE).all()
    assert (square[:, 15:25] == GREEN).all()


def test_an_image_of_the_right_size_is_left_alone():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert (fit_image(encode(Image.fromarray(pixels), "PNG"), 32) == pixels).all()


def test_small_images_are_enlarged():
    assert close(fit_image(encode(halves(4, 4), "PNG"), 64)[32, 60], BLUE)


def test_extreme_shapes_keep_at_least_one_pixel():
    square = fit_image(encode(Image.new("RGB", (900, 2), RED), "PNG"), 16)
    assert (square != 255).any(axis=(1, 2)).sum() == 1


def test_a_large_jpeg_decoded_small_looks_like_it_decoded_whole():
    coarse = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((1000, 800), Image.Resampling.BICUBIC)
    fitted = fit_image(encode(image, "JPEG", quality=95), 100, "squash").astype(int)
    whole = np.asarray(image.resize((100, 100), Image.Resampling.BOX)).astype(int)
    assert np.abs(fitted - whole).mean() < 3


def test_gray_and_cmyk_jpegs_become_rgb():
    gray = fit_image(encode(Image.new("L", (30, 30), 90), "JPEG"), 16)
    assert (gray == gray[..., :1]).all()
    assert close(gray[8, 8], (90, 90, 90))
    assert close(fit_image(encode(Image.new("CMYK", (30, 30), (0, 255, 255, 0)), "JPEG"), 16)[8, 8], RED, 20)


def test_transparent_images_are_shown_on_white():
    square = fit_image(encode(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG"), 16)
    assert (square == 255).all()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>not found</html>", id="html"),
        pytest.param(b"\xff\xd8\xff\xe0 not a jpeg", id="broken header"),
        pytest.param(encode(halves(64, 64), "JPEG")[:300], id="truncated jpeg"),
        pytest.param(encode(Image.effect_noise((64, 64), 60), "PNG")[:300], id="truncated png"),
    ],
)
def test_bytes_that_are_no_whole_image_are_refused(data):
    with pytest.raises(ImageError, match=r"\w"):
        fit_image(data, 32)


def test_an_image_that_claims_too_many_pixels_is_refused_before_it_is_decoded():
    header = encode(Image.new("L", (8, 8)), "JPEG")
    start = header.index(b"\xff\xc0") + 5
    bomb = header[:start] + (60000).to_bytes(2, "big") * 2 + header[start + 4 :]
    with pytest.raises(ImageError, match="60000"):
        fit_image(bomb, 32)


def smooth(width, height, seed=3):
    """A picture with detail at many scales, and none that JPEG cannot hold."""
    generator = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(generator.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        ).astype(float)
        for side in (4, 12, 40)
    ]
    return Image.fromarray((layers[0] * 0.6 + layers[1] * 0.3 + layers[2] * 0.1).astype(np.uint8))


@pytest.mark.parametrize("size", [64, 128, 200, 256, 400])
def test_shrinking_is_as_good_as_pillows_antialiased_filter_on_the_whole_image(size):
    image = smooth(1000, 800)
    fitted = fit_image(encode(image, "JPEG", quality=95), size, "squash").astype(int)
    best = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(fitted - best).mean() < 1.5


def cropped(data, box, size=64):
    square = np.empty((size, size, 3), dtype=np.uint8)
    crop_into(data, square, box)
    return square


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    "box",
    [(0.0, 0.0, 600.0, 900.0), (10.3, 20.7, 310.0, 333.3), (250.0, 500.0, 350.0, 400.0), (100.0, 100.0, 40.0, 30.0)],
)
def test_a_crop_shows_its_part_stretched_over_the_square(image_format, box):
    image = smooth(900, 600)
    top, left, height, width = box
    expected = image.resize((64, 64), Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
    options = {"quality": 97, "subsampling": 0} if image_format == "JPEG" else {}
    difference = np.abs(cropped(encode(image, image_format, **options), box).astype(int) - np.asarray(expected))
    assert difference.mean() < 3


def test_a_crop_of_a_turned_photograph_is_of_the_upright_one():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(halves(80, 40), "JPEG", quality=95, subsampling=0, exif=exif)  # upright: red above blue
    assert close(cropped(data, (0, 0, 35, 40)), RED).all()
    assert close(cropped(data, (45, 0, 35, 40)), BLUE).all()


def test_what_of_a_crop_lies_outside_the_image_is_left_out():
    square = cropped(encode(halves(80, 40), "PNG"), (-10, 50, 100, 1000), size=8)
    assert close(square, BLUE).all()


def test_the_smallest_crop_is_one_pixel():
    assert close(cropped(encode(halves(80, 40), "PNG"), (39.9, 79.9, 0.01, 0.01), size=8), BLUE).all()


def test_a_crop_of_an_image_kept_at_another_scale_is_the_same_part():
    image = smooth(900, 600)
    kept = np.asarray(image.resize((100, 100), Image.Resampling.BILINEAR))
    square = np.empty((50, 50, 3), dtype=np.uint8)
    crop_pixels(kept, square, (150.0, 300.0, 300.0, 450.0), 600, 900)
    expected = cropped(encode(image, "PNG"), (150.0, 300.0, 300.0, 450.0), size=50)
    assert np.abs(square.astype(int) - expected).mean() < 3
