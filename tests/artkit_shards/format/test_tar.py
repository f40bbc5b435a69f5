import io
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards.format.tar import BLOCK, RECORD, around_image, end_of_archive, header, member, sample_key


def archive(*parts):
    body = b"".join(parts)
    return body + end_of_archive(len(body))


def test_a_sample_is_image_class_and_json_with_one_key():
    fields = {"file": "Cézanne/Äpfel.jpg", "class": "Cézanne", "width": 30, "height": 20}
    before, after = around_image("000000042", "jpg", len(b"image"), 7, fields)
    data = archive(before, b"image", after)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        contents = {info.name: tar.extractfile(info).read() for info in tar}
    assert list(contents) == ["000000042.jpg", "000000042.cls", "000000042.json"]
    assert contents["000000042.jpg"] == b"image"
    assert contents["000000042.cls"] == b"7"
    assert json.loads(contents["000000042.json"].decode("utf-8")) == fields
    assert contents["000000042.json"].startswith(b'{"class": "C\xc3\xa9zanne"')


def test_members_are_plain_ustar_files_without_time_or_owner():
    data = archive(member("000000001.jpg", b"x" * 1000))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        (info,) = tar.getmembers()
    assert data[257:265] == b"ustar\x0000"
    assert info.isreg()
    assert (info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode) == (0, 0, 0, "", "", 0o644)
    assert info.pax_headers == {}


@given(st.text("abz019._-", min_size=1, max_size=100), st.integers(0, 8**11 - 1))
def test_headers_are_those_of_the_standard_library(name, size):
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644
    assert header(name, size) == info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(("name", "size"), [("", 0), ("x" * 101, 0), ("x", 8**11)])
def test_what_does_not_fit_into_a_header_is_refused(name, size):
    with pytest.raises(ValueError, match="does not fit into a USTAR header"):
        header(name, size)


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=5))
def test_data_starts_a_block_after_the_header_and_everything_is_padded(contents):
    parts = [member(f"{number:09d}.jpg", content) for number, content in enumerate(contents)]
    data = archive(*parts)
    assert len(data) % RECORD == 0
    assert data.endswith(bytes(2 * BLOCK))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        position = 0
        for info, part, content in zip(tar.getmembers(), parts, contents, strict=True):
            assert info.offset_data == position + BLOCK
            assert data[info.offset_data : info.offset_data + info.size] == content
            position += len(part)


@pytest.mark.parametrize("used", [0, BLOCK, RECORD - 2 * BLOCK, RECORD - BLOCK, RECORD])
def test_the_end_is_two_empty_blocks_at_least(used):
    end = end_of_archive(used)
    assert set(end) == {0}
    assert len(end) >= 2 * BLOCK
    assert (used + len(end)) % RECORD == 0


def test_keys_are_digits_that_sort_as_numbers():
    assert sample_key(0) == "000000000"
    assert sorted([sample_key(10), sample_key(9), sample_key(123456789)]) == ["000000009", "000000010", "123456789"]
