"""Members -> samples by the rules of WebDataset; webdataset itself is the referee."""

import gc
import os
import tarfile

import pytest
import webdataset

from artkit_shards.errors import DatasetError, TarError
from artkit_shards.format.manifest import MIXED
from artkit_shards.format.samples import found_instead, is_image, qualified_key, read_samples, split_name
from artkit_shards.format.tar import header


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("0001.jpg", ("0001", "jpg")),
        ("a/b/0001.jpg", ("a/b/0001", "jpg")),
        ("0001.left.JPG", ("0001", "left.jpg")),
        ("v1.2/0001.cls", ("v1.2/0001", "cls")),
        ("./0001.jpg", ("./0001", "jpg")),
        ("my picture.jpg", ("my picture", "jpg")),
        ("README", None),
        (".hidden.jpg", None),
        ("a/.hidden", None),
        ("a/._0001.jpg", None),
        ("__info__", None),
        ("__info__/a.jpg", None),
        ("0001.", None),
    ],
)
def test_a_name_is_parted_at_the_first_dot_of_its_file_name(name, parts):
    assert split_name(name) == parts


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves its files to the garbage collector
def test_webdataset_sees_the_same_samples(foreign_tars):
    members = {
        "__meta__/x.json": "{}",
        "README": "hello",
        "b/0001.JPG": "one",
        "b/0001.cls": "1",
        ".hidden.jpg": "no",
        "b/0001.seg.png": "two",
        "a/0002.jpg": "three",
    }
    path = foreign_tars.write("a.tar", members)
    found = list(read_samples(path))
    read = list(webdataset.WebDataset(f"file:{path}", shardshuffle=False, empty_check=False))
    assert [(one.key, set(one.parts)) for one in found] == [
        (sample["__key__"], {name for name in sample if not name.startswith("__")}) for sample in read
    ]
    assert [one.key for one in found] == ["b/0001", "a/0002"]
    data = path.read_bytes()
    part = found[0].parts["seg.png"]
    assert data[part.offset : part.offset + part.size] == b"two"
    gc.collect()


def test_a_sample_knows_where_it_begins_and_ends(foreign_tars):
    path = foreign_tars.write("a.tar", foreign_tars.samples(range(3), cls=str), tar_format=tarfile.PAX_FORMAT)
    samples = list(read_samples(path))
    with tarfile.open(path) as tar:
        offsets = [info.offset for info in tar]
    assert [one.header for one in samples] == offsets[::2]
    assert [one.end for one in samples[:-1]] == offsets[2::2]


def test_a_key_that_comes_back_is_refused_by_name(foreign_tars):
    path = foreign_tars.write("a.tar", [("1.jpg", "x"), ("2.jpg", "x"), ("1.cls", "0")])
    with pytest.raises(TarError, match=r"^a\.tar cannot be read at byte 2048: the key '1' comes back after other keys"):
        list(read_samples(path))


def test_two_members_with_one_suffix_are_refused_by_name(foreign_tars):
    path = foreign_tars.write("a.tar", [("1.jpg", "x"), ("1.JPG", "y")])
    with pytest.raises(TarError, match="at byte 1024: the sample '1' has two members with the suffix 'jpg'"):
        list(read_samples(path))


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "a.tar")
    (tmp_path / "b.tar").mkdir()
    for name in ("a.tar", "b.tar"):
        with pytest.raises(DatasetError, match=f"{name} is no regular file; shards must be plain tar files"):
            list(read_samples(tmp_path / name))
    with pytest.raises(DatasetError, match=r"c\.tar cannot be read: No such file or directory"):
        list(read_samples(tmp_path / "c.tar"))


@pytest.mark.parametrize(
    ("suffix", "yes"),
    [("jpg", True), ("jpeg", True), ("left.png", True), ("webp", True), ("json", False), ("jpgs", False), ("", False)],
)
def test_images_are_told_by_their_last_suffix(suffix, yes):
    assert is_image(suffix) == yes


LONG = 90 * "k"


@pytest.mark.parametrize(
    ("name", "key", "suffix", "found"),
    [
        ("0001.jpg", "0001", "jpg", None),
        ("0001.JPG", "0001", "jpg", None),
        ("0001.jpg", "a/0001", "jpg", None),
        ("a/0001.jpg", "a/0001", "jpg", None),
        ("0001.jpeg", "0001", MIXED, None),
        ("0001.jpeg", "0001", "jpg", "0001.jpeg"),
        ("0001.cls", "0001", MIXED, "0001.cls"),
        ("0002.jpg", "0001", "jpg", "0002.jpg"),
        ("0001.jpg", "b/0001", "jpg", "0001.jpg"),
        ("README", "0001", "jpg", "README"),
        (LONG[:50], LONG, MIXED, None),
        ("?.jpg", "é", MIXED, None),
    ],
)
def test_a_header_is_that_of_an_image_or_of_something_else(name, key, suffix, found):
    block = header(name, 10)
    assert found_instead(block, shard="a.tar", key=key, image_suffix=suffix) == found


def test_what_is_no_header_is_no_image():
    assert found_instead(bytes(512), shard="a.tar", key="1", image_suffix="jpg") == "no tar member"


def test_a_key_is_made_unique_by_the_name_of_its_tar():
    assert qualified_key("train-000001.tar", "0042") == "train-000001/0042"
