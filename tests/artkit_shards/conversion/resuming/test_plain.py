import json
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards.conversion.inspection import Inspection, Pixels
from artkit_shards.conversion.resuming.plain import from_plain, to_plain

channels = st.tuples(*[st.floats(0, 1)] * 3)
pixels = st.builds(Pixels, mean=channels, mean_square=channels, thumbnail=st.binary(max_size=300))
inspections = st.builds(
    Inspection,
    format=st.sampled_from(["jpg", "png", "webp", "bmp", "gif", "tiff"]),
    width=st.integers(1, 10**6),
    height=st.integers(1, 10**6),
    num_bytes=st.integers(1, 10**9),
    crc32=st.integers(0, 2**32 - 1),
    changes=st.lists(st.sampled_from(["orientation", "16 bits", "damage"])).map(tuple),
    pixels=st.none() | pixels,
)


@given(inspections)
def test_inspections_come_back_as_they_were(inspection):
    assert from_plain(Inspection, json.loads(json.dumps(to_plain(inspection)))) == inspection


@dataclass
class Facts:
    kind: Literal["a", "b"]
    count: int
    sizes: tuple[int, int]
    names: tuple[str, ...]
    data: bytes | None


GOOD = ["a", 1, [2, 3], ["x"], "AAE="]


def test_every_type_is_read():
    assert from_plain(Facts, GOOD) == Facts("a", 1, (2, 3), ("x",), b"\0\1")
    assert from_plain(Facts, [*GOOD[:4], None]).data is None


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, "c"), (1, "1"), (1, True), (1, 1.0), (2, [2]), (2, [2, 3, 4]), (3, [1]), (3, "x"), (4, "?"), (4, 5)],
)
def test_what_has_another_type_is_refused(place, value):
    with pytest.raises(ValueError, match=r"is no|is not base 64"):
        from_plain(Facts, [*GOOD[:place], value, *GOOD[place + 1 :]])


@pytest.mark.parametrize("plain", [None, {}, [], GOOD[:4], [*GOOD, 1]])
def test_what_has_other_fields_is_refused(plain):
    with pytest.raises(ValueError, match="is no Facts"):
        from_plain(Facts, plain)
