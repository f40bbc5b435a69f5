import pickle
import struct
import threading
import warnings
import zlib
from collections import Counter
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from artkit_shards.errors import TooManyPixelsError
from artkit_shards.images import MAX_PIXELS, ImageError, open_image, read_rgb, to_rgb

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


def png_chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width, height, bit_depth=8, colour_type=2):
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "GIF", "TIFF"])
def test_lossless_formats_give_their_pixels(image_format):
    pixels = read_rgb(to_bytes(quarters(), image_format))
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.array(quarters()))


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP"])
def test_lossy_formats_give_nearly_their_pixels(image_format):
    pixels = read_rgb(to_bytes(quarters(), image_format, quality=95)).astype(int)
    assert pixels.shape == (20, 40, 3)
    for (row, column), colour in {(5, 10): RED, (5, 30): GREEN, (15, 10): BLUE, (15, 30): WHITE}.items():
        assert abs(pixels[row, column] - colour).max() < 12


def turned(number):
    """Pixels that EXIF orientation `number` makes of `quarters`, by the table of the EXIF standard."""
    pixels = np.array(quarters())
    flip = {1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1]}
    if number in flip:
        return flip[number]
    mirrored = pixels.swapaxes(0, 1)
    return {5: mirrored, 6: mirrored[:, ::-1], 7: mirrored[::-1, ::-1], 8: mirrored[::-1]}[number]


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("number", range(1, 9))
def test_orientation_is_applied_once(number, image_format):
    exif = Image.Exif()
    exif[0x0112] = number
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = to_bytes(quarters(), image_format, exif=exif, **options)
    assert np.array_equal(read_rgb(data), turned(number))


def test_broken_exif_is_no_reason_to_refuse_a_picture():
    data = to_bytes(quarters(), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    assert np.array_equal(read_rgb(data), np.array(quarters()))


def test_half_transparent_red_on_white_is_pink():
    for mode, pixel in (("RGBA", (255, 0, 0, 128)), ("LA", (0, 128))):
        pixels = read_rgb(to_bytes(Image.new(mode, (3, 3), pixel), "PNG"))
        assert pixels[1, 1].tolist() == ([255, 127, 127] if mode == "RGBA" else [127, 127, 127])


def test_transparent_colour_of_a_palette_becomes_white():
    image = quarters().quantize(4)
    index = image.getpixel((0, 0))
    for image_format in ("PNG", "GIF"):
        pixels = read_rgb(to_bytes(image, image_format, transparency=index))
        assert pixels[5, 10].tolist() == list(WHITE)
        assert pixels[5, 30].tolist() == list(GREEN)


def test_palette_with_alpha_values_is_composited():
    image = quarters().quantize(4)
    alphas = bytes(128 if entry == image.getpixel((0, 0)) else 255 for entry in range(4))
    assert read_rgb(to_bytes(image, "PNG", transparency=alphas))[5, 10].tolist() == [255, 127, 127]


@pytest.mark.parametrize(("mode", "transparent"), [("RGB", RED), ("L", 76)])
def test_transparent_colour_without_a_palette_becomes_white(mode, transparent):
    data = to_bytes(quarters().convert(mode), "PNG", transparency=transparent)
    assert read_rgb(data)[5, 10].tolist() == list(WHITE)
    assert read_rgb(data)[15, 10].tolist() != list(WHITE)


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_sixteen_bit_gray_is_scaled_not_clipped(image_format):
    values = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    pixels = read_rgb(to_bytes(Image.fromarray(values), image_format))
    assert pixels[0, :, 0].tolist() == [0, 1, 127, 255]


def test_transparent_value_of_sixteen_bit_gray_becomes_white():
    rows = b"\0" + struct.pack(">HH", 1000, 30000)
    data = png_header(2, 1, bit_depth=16, colour_type=0) + png_chunk(b"tRNS", struct.pack(">H", 1000))
    data += png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    assert read_rgb(data)[0, :, 0].tolist() == [255, 30000 // 257]


def test_gray_without_an_agreed_scale_is_refused():
    for values in (np.array([[0, 2**30]], dtype=np.int32), np.array([[0.0, 0.5]], dtype=np.float32)):
        with pytest.raises(ImageError, match=r"colour mode not supported: 32-bit"):
            read_rgb(to_bytes(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_every_other_mode_becomes_rgb(mode):
    image = Image.new("RGB", (20, 20), WHITE)
    image.paste((0, 0, 0), (0, 0, 10, 20))
    image_format = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    pixels = read_rgb(to_bytes(image.convert(mode), image_format)).astype(int)
    assert pixels.shape == (20, 20, 3)
    assert pixels[10, 3].max() < 8
    assert pixels[10, 16].min() > 247


def test_cmyk_jpeg_keeps_light_and_dark():
    image = Image.new("RGB", (32, 32), WHITE)
    image.paste((0, 0, 0), (0, 0, 16, 32))
    pixels = read_rgb(to_bytes(image.convert("CMYK"), "JPEG", quality=95)).astype(int)
    assert pixels[16, 4].max() < 20
    assert pixels[16, 28].min() > 235


def of_every_way_to_rgb():
    """Images whose pixels are made RGB in every way that there is, by name."""
    noise = np.random.default_rng(0).integers(0, 256, (23, 41, 4), dtype=np.uint8)
    image = Image.fromarray(noise)
    palette = image.convert("RGB").quantize(40)
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "rgb": to_bytes(image.convert("RGB"), "PNG"),
        "turned": to_bytes(image.convert("RGB"), "PNG", exif=turned),
        "alpha": to_bytes(image, "PNG"),
        "palette": to_bytes(palette, "PNG"),
        "palette with alpha": to_bytes(palette, "PNG", transparency=bytes(range(0, 200, 5))),
        "palette with a hole": to_bytes(palette, "GIF", transparency=palette.getpixel((0, 0))),
        "colour with a hole": to_bytes(image.convert("RGB"), "PNG", transparency=tuple(noise[3, 4, :3].tolist())),
        "gray": to_bytes(image.convert("L"), "PNG"),
        "gray with alpha": to_bytes(image.convert("LA"), "PNG"),
        "16 bits": to_bytes(Image.fromarray(noise[..., 0].astype(np.uint16) * 250), "PNG"),
        "bits": to_bytes(image.convert("1"), "PNG"),
        "cmyk": to_bytes(image.convert("CMYK"), "TIFF"),
        "ycbcr": to_bytes(image.convert("YCbCr"), "TIFF"),
    }


@pytest.mark.parametrize("kind", of_every_way_to_rgb())
def test_large_images_become_rgb_band_by_band_with_the_same_pixels(kind, monkeypatch):
    data = of_every_way_to_rgb()[kind]
    whole = read_rgb(data)
    assert np.array_equal(whole, np.array(to_rgb(open_image(data))))
    monkeypatch.setattr("artkit_shards.images._BAND", 5 * whole.shape[1])
    assert np.array_equal(read_rgb(data), whole)


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation_is_taken(image_format):
    frames = [Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)]
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = to_bytes(frames[0], image_format, save_all=True, append_images=frames[1:], **options)
    assert read_rgb(data)[8, 8].tolist() == list(RED)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "^empty file$", id="nothing"),
        pytest.param(b"<!DOCTYPE html><html></html>", "^not an image$", id="html"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "^not an image$", id="svg"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", "^not an image$", id="postscript"),
        pytest.param(b"\xff\xd8\xff\xe0 and no more", "^damaged: |^truncated$", id="jpeg-start"),
        pytest.param(b"BMW is a maker of cars", "^damaged: |^truncated$", id="words"),
        pytest.param(
            png_header(60000, 60000) + png_chunk(b"IDAT", zlib.compress(b"")),
            "^too many pixels: 60000x60000$",
            id="png-bomb",
        ),
        pytest.param(png_header(0, 10) + png_chunk(b"IDAT", b""), "^damaged: |^no pixels", id="png-empty"),
        pytest.param(
            b"GIF89a"
            + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
            + b","
            + struct.pack("<HHHHB", 0, 0, 9, 9, 0)
            + b"\2",
            "^too many pixels",
            id="gif-bomb",
        ),
        pytest.param(
            b"BM" + struct.pack("<IHHIIiiHHIIiiII", 1000, 0, 0, 54, 40, 50000, 50000, 1, 24, 0, 0, 0, 0, 0, 0),
            "^too many pixels: 50000x50000$",
            id="bmp-bomb",
        ),
        pytest.param(
            b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\xff\x00" * 2,
            "^damaged: |^too many pixels",
            id="webp-bomb",
        ),
    ],
)
def test_what_is_no_usable_image_is_refused_with_a_short_reason(data, reason):
    with pytest.raises(ImageError, match=reason):
        read_rgb(data)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_lower_limit_of_pixels_can_be_set(image_format):
    data = to_bytes(quarters(), image_format)
    assert read_rgb(data, 800).shape == (20, 40, 3)
    with pytest.raises(TooManyPixelsError, match=r"^too many pixels: 40x20$") as caught:
        read_rgb(data, 799)
    assert (caught.value.width, caught.value.height) == (40, 20)


def test_too_many_pixels_are_told_alike_by_another_process():
    error = pickle.loads(pickle.dumps(TooManyPixelsError(9, 7)))
    assert (str(error), error.width, error.height) == ("too many pixels: 9x7", 9, 7)


def test_tiles_of_a_tiff_have_the_limit_of_pixels_too(tiff_of_one_tile):
    assert read_rgb(tiff_of_one_tile(64)).tolist() == [[list(RED)]]
    with pytest.raises(TooManyPixelsError, match=r"^too many pixels: 64x64$"):
        read_rgb(tiff_of_one_tile(64), 64 * 64 - 1)
    side = 16 * (int(MAX_PIXELS**0.5) // 16 + 1)
    data = tiff_of_one_tile(16)
    for tag in (322, 323):
        entry = struct.pack("<HHI", tag, 4, 1)
        data = data.replace(entry + struct.pack("<I", 16), entry + struct.pack("<I", side))
    with pytest.raises(TooManyPixelsError, match=f"^too many pixels: {side}x{side}$"):
        read_rgb(data)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_cut_off_files_are_refused(image_format):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = to_bytes(noise, image_format)
    with pytest.raises(ImageError, match=r"^truncated$|^damaged: "):
        read_rgb(data[: len(data) // 2])


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_wherever_a_file_is_cut_off_it_is_called_truncated_and_no_decoder_has_a_say(image_format):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype=np.uint8))
    data = to_bytes(noise.convert("P") if image_format == "GIF" else noise, image_format)
    reasons = {length: reason for length in range(len(data) - 2) if (reason := reason_against(data[:length]))}
    first_length = 12 if image_format == "WEBP" else max(len(sign) for sign in SIGNS if data.startswith(sign))
    assert {reasons.pop(length) for length in range(first_length)} <= {"empty file", "not an image"}
    assert set(reasons.values()) <= {"truncated", "damaged: its pixels cannot be read"}
    assert Counter(reasons.values())["truncated"] > 0.9 * len(data) - first_length


SIGNS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")


def reason_against(data):
    try:
        read_rgb(data)
    except ImageError as error:
        return str(error)
    return None


def test_kinds_of_images_that_no_decoder_knows_are_called_not_supported():
    header = struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 4, 4, 1, 24, 7, 0, 0, 0, 0, 0)
    assert reason_against(b"BM" + header) == "not supported: Unsupported BMP compression (7)"


def test_metadata_bombs_of_png_are_refused():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 100_000_000, zip=True)
    with pytest.raises(ImageError, match=r"^damaged: "):
        read_rgb(to_bytes(Image.new("RGB", (4, 4)), "PNG", pnginfo=text))


def test_large_images_below_the_limit_are_opened_without_a_warning():
    # Pillow itself would warn from 89 million pixels on; warnings are errors here.
    assert open_image(to_bytes(Image.new("1", (12000, 10000)), "PNG")).size == (12000, 10000)


def test_filters_of_warnings_are_left_to_others_while_threads_read_images():
    data, done = to_bytes(quarters(), "TIFF"), threading.Event()
    read_rgb(data)
    before = list(warnings.filters)

    def read():
        while not done.is_set():
            read_rgb(data)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
    done.set()
    for thread in threads:
        thread.join()
    read_rgb(data)
    assert warnings.filters == before


def test_pillow_is_quiet_and_others_are_not_whatever_filters_came_since():
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[TiffImagePlugin.ARTIST] = "x" * 100
    data = bytearray(to_bytes(quarters(), "TIFF", tiffinfo=tags))
    place = data.index(TiffImagePlugin.ARTIST.to_bytes(2, "little") + b"\2\0")
    data[place + 8 : place + 12] = (len(data) - 10).to_bytes(4, "little")  # where the text begins
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (read_rgb(bytes(data)) == np.array(quarters())).all()
            with pytest.raises(UserWarning, match="mine"):
                warnings.warn("mine", stacklevel=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"Truncated File Read|Skipping tag"):
            Image.open(BytesIO(bytes(data))).load()
