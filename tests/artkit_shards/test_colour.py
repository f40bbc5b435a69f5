import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from artkit_shards.conversion.encoding import encode
from artkit_shards.conversion.inspection import inspect
from artkit_shards.images import read_rgb

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile(space, connection, tags):
    """The bytes of an ICC profile, version 2."""
    table, content = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name.encode(), start + len(content), len(data))
        content += data + bytes(-len(data) % 4)
    kind = b"prtr" if space == "CMYK" else b"mntr"
    header = struct.pack(">I4xI4s4s4s12x4s28x3i48x", start + len(content), 0x02400000, kind, space.encode(),
                         connection.encode(), b"acsp", 63190, 65536, 54061)  # fmt: skip
    return header + struct.pack(">I", len(tags)) + table + content


def xyz(x, y, z):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in (x, y, z)))


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * value)) + b"\0\0"


# The primaries of Adobe RGB (1998), adapted to D50: a green that sRGB does not have.
WIDE = profile("RGB ", "XYZ ", {
    "wtpt": xyz(0.9642, 1.0, 0.8249), "rXYZ": xyz(0.6097, 0.3111, 0.0195), "gXYZ": xyz(0.2053, 0.6257, 0.0609),
    "bXYZ": xyz(0.1492, 0.0632, 0.7446), "rTRC": gamma(2.2), "gTRC": gamma(2.2), "bTRC": gamma(2.2),
})  # fmt: skip
DARK_GRAY = profile("GRAY", "XYZ ", {"wtpt": xyz(0.9642, 1.0, 0.8249), "kTRC": gamma(1.0)})


def inks():
    """A CMYK profile of two levels an ink, by which cyan alone is Lab (60, -30, -40), and all else darkens white."""
    clut = b""
    for number in range(16):
        cyan, *others = ((number >> shift) & 1 for shift in (3, 2, 1, 0))
        lightness = (60 if cyan else 100) * 0.5 ** sum(others)
        a, b = (-30, -40) if cyan and not any(others) else (0, 0)
        clut += bytes((round(lightness * 2.55), 128 + a, 128 + b))
    curve = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 * (row == column) for row in range(3) for column in range(3)))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + 4 * curve + clut + 3 * curve
    return profile("CMYK", "Lab ", {"wtpt": xyz(0.9642, 1.0, 0.8249), "A2B0": table})


def to_bytes(image, kind="PNG", **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def flat(colour, mode="RGB", size=(32, 24)):
    return Image.new(mode, size, colour)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_colours_of_a_wide_profile_become_those_of_srgb(kind):
    options = {"quality": 100} if kind in ("JPEG", "WEBP") else {}
    data = to_bytes(flat((120, 160, 90)), kind, icc_profile=WIDE, **options)
    # Computed from the primaries: out of the matrix of Adobe RGB into that of sRGB, with its curve.
    assert np.abs(read_rgb(data)[5, 5].astype(int) - (99, 161, 85)).max() <= 3
    assert "colour profile" in inspect(data).changes


def test_pixels_are_measured_as_they_will_be_stored():
    picture = flat((120, 160, 90), size=(600, 500))
    measured = inspect(to_bytes(picture, "JPEG", quality=98, icc_profile=WIDE)).pixels
    assert np.allclose(measured.mean, np.array((99, 161, 85)) / 255, atol=0.01)


def test_what_is_written_has_no_profile_any_more():
    data = to_bytes(flat((120, 160, 90)), icc_profile=WIDE)
    for suffix in ("jpg", "png", "webp"):
        written = encode(data, suffix, quality=95)
        assert "icc_profile" not in Image.open(BytesIO(written)).info
        assert np.abs(read_rgb(written).astype(int) - read_rgb(data)).max() <= 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_profile_that_is_that_of_srgb_changes_nothing(kind):
    data = to_bytes(flat((10, 200, 90)), kind, icc_profile=SRGB)
    assert inspect(data).changes == ()
    assert np.array_equal(read_rgb(data), read_rgb(to_bytes(flat((10, 200, 90)), kind)))


@pytest.mark.parametrize(
    "broken", [b"no profile", WIDE[:150], WIDE[:300] + bytes(40), b"\xff" * 4000, DARK_GRAY], ids=range(5)
)
def test_a_profile_that_is_broken_or_of_another_kind_of_image_is_no_error(broken):
    data = to_bytes(flat((10, 200, 90)), icc_profile=broken)
    assert np.array_equal(read_rgb(data)[0, 0], (10, 200, 90))
    assert read_rgb(encode(data, "png"))[0, 0].tolist() == [10, 200, 90]


def test_profiles_of_gray_images_are_for_gray():
    data = to_bytes(flat(64, "L"), icc_profile=DARK_GRAY)
    assert "colour profile" in inspect(data).changes
    assert np.abs(read_rgb(data)[0, 0].astype(int) - 137).max() <= 2  # a quarter of the light


def test_transparency_goes_on_white_after_the_colours_are_right():
    image = flat((120, 160, 90, 255), "RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 16, 24))
    pixels = read_rgb(to_bytes(image, icc_profile=WIDE)).astype(int)
    assert (pixels[5, 5] == 255).all()
    assert np.abs(pixels[5, 25] - (99, 161, 85)).max() <= 3


def test_palettes_have_profiles_too():
    image = flat((120, 160, 90)).quantize(4)
    assert np.abs(read_rgb(to_bytes(image, icc_profile=WIDE))[5, 5].astype(int) - (99, 161, 85)).max() <= 3


def test_inks_are_mixed_as_their_profile_says():
    cyan = flat((255, 0, 0, 0), "CMYK")
    plain = read_rgb(to_bytes(cyan, "JPEG", quality=100))[5, 5].astype(int)
    by_profile = read_rgb(to_bytes(cyan, "JPEG", quality=100, icc_profile=inks()))[5, 5].astype(int)
    assert np.abs(plain - (0, 255, 255)).max() <= 4
    assert np.abs(by_profile - (0, 156, 215)).max() <= 12  # Lab (60, -30, -40) in sRGB


def test_inks_of_files_that_store_them_upside_down_come_out_right():
    # Photoshop writes 255 for no ink, and Pillow does the same when it writes; white is white in both.
    data = to_bytes(flat((0, 0, 0, 0), "CMYK"), "JPEG", quality=100)
    assert b"Adobe" in data
    assert read_rgb(data).min() >= 250
    assert read_rgb(encode(data, "jpg")).min() >= 250
    assert inspect(data).changes == ("colour mode",)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_bands_of_a_large_image_have_its_colours(mode, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (23, 41, len(mode)), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(noise).save(file, "PNG", icc_profile=WIDE)
    whole = read_rgb(file.getvalue())
    assert not np.array_equal(whole, noise[..., :3])
    monkeypatch.setattr("artkit_shards.images._BAND", 5 * 41)
    assert np.array_equal(read_rgb(file.getvalue()), whole)
