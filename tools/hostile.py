"""Bytes that strangers may hand over as an image: damaged, bombs, of another kind, or with headers that never end.

`HOSTILE` has a function for each kind, which makes such bytes from a seed.
"""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from typing import Final

from PIL import Image

from damage import ANY_FILE

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_HUGE: Final = (20_000, 65_000, 2**31 - 1)


def damaged(rng: random.Random) -> bytes:
    """A real image that lost or changed some of its bytes."""
    return rng.choice(ANY_FILE)(_real_image(rng.choice(_FORMATS)), rng)


def bomb(rng: random.Random) -> bytes:
    """A small file that claims to have more pixels than any machine has memory for."""
    side, number = rng.choice(_HUGE), rng.randrange(4)
    if number == 0:
        return png(side, side, bytes(100))
    if number == 1:
        return b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6) + b"\x2c" + bytes(8)
    if number == 2:
        return b"BM" + struct.pack("<IIIIiiHHIIIIII", 100, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(90)
    tags = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)


def inflating(rng: random.Random) -> bytes:
    """A file of few kilobytes that is allowed, and takes a hundred megabytes or more once it is decoded.

    `artkit serve` refuses the largest.
    """
    side = rng.choice((6_000, 7_000, 9_000))
    return png(side, side, bytes(side * (3 * side + 1)))


def renamed(rng: random.Random) -> bytes:
    """A file of another kind."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("picture.png", _real_image("PNG"))
    return rng.choice(
        (
            b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
            b"<!DOCTYPE html><html><body>404</body></html>",
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
            b"\x7fELF" + rng.randbytes(200),
            b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n",
            json.dumps({"image": "x" * 1000}).encode(),
            archive.getvalue(),
            rng.randbytes(3000),
            bytes(1 << 20),
            b"",
        )
    )


def endless_header(rng: random.Random) -> bytes:
    """An image with megabytes of what is no pixels in front of its pixels, or with a header that never ends."""
    whole, number = _real_image("JPEG"), rng.randrange(4)
    if number == 0:
        block = b"\xff\xe1" + struct.pack(">H", 65_535) + b"Exif\0\0" + rng.randbytes(65_527)
        return whole[:2] + rng.choice((3, 100)) * block + whole[2:]
    if number == 1:
        return whole[:2] + b"\xff" * (1 << 20) + whole[2:]
    text = _chunk(b"tEXt", b"note\0" + b"x" * rng.choice((100, 10 << 20)))
    start = _real_image("PNG")[:33]
    return start + text + (_real_image("PNG")[33:] if number == 2 else b"")


def bare_header(rng: random.Random) -> bytes:
    """The first bytes of an image, and noise."""
    return _real_image(rng.choice(_FORMATS))[: rng.randrange(4, 40)] + rng.randbytes(rng.randrange(500))


HOSTILE: Final[dict[str, Callable[[random.Random], bytes]]] = {
    "damaged": damaged,
    "bomb": bomb,
    "inflating": inflating,
    "renamed": renamed,
    "endless header": endless_header,
    "bare header": bare_header,
}


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG that claims a size, with given rows of 8-bit RGB, each behind its filter byte."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def _real_image(format_: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((120, 90), 60).convert("RGB").save(file, format_)
    return file.getvalue()
