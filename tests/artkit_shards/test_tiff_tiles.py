"""Tiles of TIFF files: whatever a decoder may take for their size is found."""

import struct
from io import BytesIO

import pytest
from PIL import Image

from artkit_shards.tiff_tiles import largest_tile

BYTE, SHORT, LONG, RATIONAL, SLONG, LONG8, SLONG8 = 1, 3, 4, 5, 9, 16, 17


def tiff(order, *entries):
    """The directory of a TIFF: tag, type, value as its field has it."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    return head + b"".join(
        struct.pack(order + "HHI", tag, kind, 1) + field.ljust(4, b"\0") for tag, kind, field in entries
    )


def big_tiff(order, *entries):
    head = (b"II+\0" if order == "<" else b"MM\0+") + struct.pack(order + "HHQQ", 8, 0, 16, len(entries))
    return head + b"".join(
        struct.pack(order + "HHQ", tag, kind, 1) + field.ljust(8, b"\0") for tag, kind, field in entries
    )


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("make", [tiff, big_tiff])
def test_tiles_are_found_in_every_kind_of_file(make, order):
    data = make(
        order,
        (256, LONG, struct.pack(order + "I", 7)),
        (322, SHORT, struct.pack(order + "H", 512)),
        (323, SLONG, struct.pack(order + "i", 70_000)),
    )
    assert largest_tile(data) == (512, 70_000)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [LONG8, SLONG8])
def test_long_numbers_are_found_beside_the_directory(order, kind):
    place = 8 + 2 + 12
    data = tiff(order, (322, kind, struct.pack(order + "I", place))) + struct.pack(order + "Q", 1 << 33)
    assert largest_tile(data) == (1 << 33, 0)
    assert largest_tile(big_tiff(order, (323, kind, struct.pack(order + "Q", 1 << 33)))) == (0, 1 << 33)


def test_of_several_entries_the_largest_counts():
    fields = [(322, LONG, struct.pack("<I", width)) for width in (16, 9000, 32)]
    assert largest_tile(tiff("<", *fields, (322, RATIONAL, b"\xff" * 4))) == (9000, 0)


def test_files_without_tiles_have_none():
    file = BytesIO()
    Image.new("L", (20, 10)).save(file, "TIFF")
    assert largest_tile(file.getvalue()) == (0, 0)


def test_damaged_files_have_the_tiles_that_are_left():
    data = tiff("<", (322, BYTE, b"\x40"), (323, LONG, struct.pack("<I", 0x01020304)))
    assert [largest_tile(data[:length]) for length in (0, 3, 8, 20, 33, 34)] == [
        (0, 0),
        (0, 0),
        (0, 0),
        (64, 0),
        (64, 0x020304),
        (64, 0x01020304),
    ]
    endless = b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, (1 << 64) - 1)
    assert largest_tile(endless) == (0, 0)
