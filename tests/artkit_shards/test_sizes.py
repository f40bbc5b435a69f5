"""Amounts of memory, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards.sizes import parse_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("2GB", 2 * 10**9),
        ("2 gb", 2 * 10**9),
        (" 1.5KiB ", 1536),
        ("0.3TB", 300 * 10**9),
        ("7MiB", 7 * 2**20),
        ("12B", 12),
    ],
)
def test_numbers_with_units_are_read(text, size):
    assert parse_bytes(text) == size


@given(st.integers(0, 10**15))
def test_numbers_of_bytes_stay_what_they_are(size):
    assert parse_bytes(size) == size


@pytest.mark.parametrize("text", ["", "GB", "2 GB GB", "-1", "1e9", "2GX", "1,5GB", "٣GB", "9" * 40, None, 1.5, True])
def test_everything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"is no size; write a number with a unit, such as '2GB', '512MiB' or '0'"):
        parse_bytes(text)


def test_negative_numbers_are_refused():
    with pytest.raises(ValueError, match="-1 is no size; give bytes from 0 up"):
        parse_bytes(-1)
