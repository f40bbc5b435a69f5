import zlib
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from artkit_shards import ImageError
from artkit_shards.conversion.inspection import HEAD_BYTES, inspect, inspect_header, inspect_source, pixel_statistics
from artkit_shards.images import read_rgb


def to_bytes(image, image_format, **options):
    file = BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def photograph(height=90, width=120, seed=0):
    """A smooth random picture, as photographs are; noise would not survive JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def test_an_ordinary_picture_needs_no_change():
    for image_format, suffix in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")):
        data = to_bytes(photograph(), image_format)
        found = inspect(data)
        assert (found.format, found.width, found.height, found.changes) == (suffix, 120, 90, ())
        assert (found.num_bytes, found.crc32) == (len(data), zlib.crc32(data))


def test_gray_needs_no_change():
    assert inspect(to_bytes(photograph().convert("L"), "JPEG")).changes == ()


def exif_sideways():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize(
    ("data", "change"),
    [
        pytest.param(to_bytes(photograph(), "JPEG", exif=exif_sideways()), "orientation", id="orientation"),
        pytest.param(to_bytes(photograph().convert("RGBA"), "PNG"), "transparency", id="alpha"),
        pytest.param(to_bytes(photograph(), "PNG", transparency=(1, 2, 3)), "transparency", id="transparent colour"),
        pytest.param(to_bytes(photograph().quantize(8), "PNG"), "colour mode", id="palette"),
        pytest.param(to_bytes(photograph().convert("CMYK"), "JPEG"), "colour mode", id="cmyk"),
        pytest.param(to_bytes(Image.new("I;16", (9, 9), 500), "PNG"), "16 bits", id="16-bit gray"),
        pytest.param(
            to_bytes(photograph(), "PNG", save_all=True, append_images=[photograph(seed=1)]), "animation", id="frames"
        ),
    ],
)
def test_what_must_change_is_named(data, change):
    assert change in inspect(data).changes


def test_sixteen_bit_colour_png_must_change():
    # Pillow hands out 8 bits of it, but readers of the bytes would meet 16.
    header = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x10\2\0\0\0")
    data = header + chunk(b"IDAT", zlib.compress(b"\0" + b"\x80\0" * 3)) + chunk(b"IEND", b"")
    assert inspect(data).changes == ("16 bits",)


def chunk(kind, content):
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def test_size_is_that_of_the_upright_picture():
    for image_format in ("JPEG", "PNG", "TIFF"):
        found = inspect(to_bytes(photograph(), image_format, exif=exif_sideways()))
        assert (found.width, found.height) == (90, 120)


def test_damage_that_leaves_pixels_is_repaired_by_writing_anew():
    data = bytearray(to_bytes(photograph(400, 600), "JPEG", quality=95))
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    found = inspect(bytes(data))
    assert found.changes == ("damage",)
    assert read_rgb(bytes(data)).shape == (400, 600, 3)


def test_jpegs_that_end_early_are_refused_wherever_they_end():
    # The scaled decode must notice what it does not show.
    data = to_bytes(photograph(1200, 1600), "JPEG", quality=92)
    progressive = to_bytes(photograph(1200, 1600), "JPEG", quality=92, progressive=True)
    for whole in (data, progressive):
        for share in (0.1, 0.5, 0.9, 0.99):
            with pytest.raises(ImageError, match=r"^truncated$"):
                inspect(whole[: int(len(whole) * share)])


def test_means_are_those_of_the_pixels():
    pixels = np.array(photograph())
    found = inspect(to_bytes(photograph(), "PNG"))
    assert np.allclose(found.pixels.mean, pixels.mean(axis=(0, 1)) / 255, atol=1e-12)
    assert np.allclose(found.pixels.mean_square, ((pixels / 255) ** 2).mean(axis=(0, 1)), atol=1e-12)


def test_means_of_a_scaled_jpeg_are_near_those_of_the_whole():
    picture = photograph(900, 1200)
    found = inspect(to_bytes(picture, "JPEG", quality=95))
    whole = np.array(picture) / 255
    assert np.allclose(found.pixels.mean, whole.mean(axis=(0, 1)), atol=0.01)
    assert np.allclose(found.pixels.mean_square, (whole**2).mean(axis=(0, 1)), atol=0.01)


def test_means_of_a_transparent_picture_are_those_on_white():
    assert inspect(to_bytes(Image.new("RGBA", (5, 5), (0, 0, 0, 0)), "PNG")).pixels.mean == (1.0, 1.0, 1.0)


def test_statistics_weigh_each_image_the_same_and_ignore_the_order():
    pictures = [photograph(90, 120), photograph(40, 200, seed=1), Image.new("RGB", (10, 10), (255, 0, 0))]
    found = [inspect(to_bytes(picture, "PNG")).pixels for picture in pictures]
    mean, std = pixel_statistics(found)
    pixels = [np.array(picture).reshape(-1, 3) / 255 for picture in pictures]
    expected = np.mean([image.mean(axis=0) for image in pixels], axis=0)
    square = np.mean([(image**2).mean(axis=0) for image in pixels], axis=0)
    assert np.allclose(mean, expected, atol=1e-12)
    assert np.allclose(std, np.sqrt(square - expected**2), atol=1e-12)
    assert pixel_statistics(found[::-1]) == (mean, std)


def test_statistics_of_one_colour_have_no_deviation():
    found = [inspect(to_bytes(Image.new("RGB", (7, 7), (51, 102, 204)), "PNG")).pixels] * 3
    mean, std = pixel_statistics(found)
    assert np.allclose(mean, (0.2, 0.4, 0.8))
    assert max(std) < 1e-7


def test_progressive_jpegs_are_kept():
    data = to_bytes(photograph(300, 400), "JPEG", progressive=True)
    assert inspect(data).changes == ()
    assert inspect_header(data, len(data)).changes == ()


# --- headers only ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_header_tells_what_decoding_tells_but_for_the_pixels(image_format):
    data = to_bytes(photograph(700, 900), image_format)
    assert inspect_header(data, len(data)) == replace(inspect(data), pixels=None, crc32=zlib.crc32(data[:HEAD_BYTES]))


def test_a_header_that_tells_of_a_change_is_not_enough():
    for data in (
        to_bytes(photograph(), "JPEG", exif=exif_sideways()),
        to_bytes(photograph(), "PNG", exif=exif_sideways()),
        to_bytes(photograph(), "WEBP", exif=exif_sideways()),
        to_bytes(photograph().convert("RGBA"), "PNG"),
        to_bytes(photograph().convert("CMYK"), "JPEG"),
        to_bytes(photograph(), "GIF"),
        to_bytes(photograph(), "TIFF"),
        to_bytes(photograph(), "BMP"),
    ):
        assert inspect_header(data, len(data)) is None
        assert inspect_source(data) == inspect(data)


def test_orientation_that_stands_behind_the_pixels_is_seen():
    plain = to_bytes(photograph(), "PNG")
    end = plain.index(b"IEND") - 4
    data = plain[:end] + chunk(b"eXIf", exif_sideways().tobytes().removeprefix(b"Exif\0\0")) + plain[end:]
    assert inspect_source(data).changes == ("orientation",)


def test_only_the_beginning_of_a_jpeg_is_read(tmp_path):
    data = to_bytes(photograph(2400, 3200), "JPEG", quality=98)
    assert len(data) > 2 * HEAD_BYTES
    path = tmp_path / "large.jpg"
    path.write_bytes(data[:HEAD_BYTES] + bytes(len(data) - HEAD_BYTES))
    found = inspect_source(path)
    assert (found.width, found.height, found.num_bytes, found.pixels) == (3200, 2400, len(data), None)


def test_headers_longer_than_what_is_read_are_read_on(tmp_path):
    padding = b"\xff\xfe\xff\xff" + bytes(0xFFFF - 2)
    data = to_bytes(photograph(), "JPEG")
    path = tmp_path / "long.jpg"
    path.write_bytes(data[:2] + padding * 3 + data[2:])
    found = inspect_source(path)
    assert (found.width, found.height, found.pixels) == (120, 90, None)
    path.write_bytes(path.read_bytes()[: HEAD_BYTES + 100])
    with pytest.raises(ImageError, match=r"truncated|damaged"):
        inspect_source(path)


@pytest.mark.parametrize("data", [b"", b"text", to_bytes(photograph(), "JPEG")[:40]], ids=["empty", "text", "cut"])
def test_what_is_no_image_is_refused_by_its_header(data):
    with pytest.raises(ImageError, match=r"^(empty file|not an image|truncated|damaged)"):
        inspect_source(data)
