import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards.conversion.sources.finder import ImageFinder, Match
from artkit_shards.conversion.sources.listing import open_tree


def finder(root, *files):
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return ImageFinder(open_tree(root))


FILES = ("train_1/17.jpg", "train_1/Sub/a b.png", "test/17.jpg", "test/Cézanne.jpg", "deep/er/train_2/18.jpeg", "x.jpg")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        pytest.param("train_1/17.jpg", "train_1/17.jpg", id="path"),
        pytest.param("./train_1//17.jpg", "train_1/17.jpg", id="path with noise"),
        pytest.param("train_1\\17.jpg", "train_1/17.jpg", id="backslashes"),
        pytest.param("TRAIN_1/17.JPG", "train_1/17.jpg", id="capitals"),
        pytest.param("test/Ce\u0301zanne.jpg", "test/Cézanne.jpg", id="decomposed"),
        pytest.param("test/cézanne", "test/Cézanne.jpg", id="path without ending"),
        pytest.param("18.jpeg", "deep/er/train_2/18.jpeg", id="file name"),
        pytest.param("18", "deep/er/train_2/18.jpeg", id="file name without ending"),
        pytest.param("train_2/18.jpeg", "deep/er/train_2/18.jpeg", id="end of the path"),
        pytest.param("er/train_2/18", "deep/er/train_2/18.jpeg", id="end of the path without ending"),
        pytest.param("a b.png", "train_1/Sub/a b.png", id="blanks"),
        pytest.param("src/test/17.jpg", "test/17.jpg", id="with the folder's own name"),
        pytest.param("../../elsewhere/../test/17.jpg", "test/17.jpg", id="upwards"),
        pytest.param("test/18.jpeg", None, id="wrong folder"),
        pytest.param("17.png", None, id="wrong ending"),
        pytest.param("", None, id="empty"),
        pytest.param(".", None, id="dot"),
    ],
)
def test_images_are_found_by_path_and_by_name(tmp_path, name, path):
    found = finder(tmp_path / "src", *FILES).find(name)
    assert found == (Match(path) if path else Match(None, "missing file"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/home/me/art/test/17.jpg", "test/17.jpg"),
        ("C:\\Users\\me\\train_1\\17.jpg", "train_1/17.jpg"),
        ("~/train_2/18.jpeg", "deep/er/train_2/18.jpeg"),
        ("https://host/train_1/17.jpg", "train_1/17.jpg"),
        ("/home/me/x.jpg", "x.jpg"),
        ("/home/me/train_9/18.jpeg", None),  # another 18.jpeg: only the name is the same
        ("/etc/passwd", None),
        ("../outside.jpg", None),
    ],
)
def test_paths_of_other_computers_are_found_by_their_longest_end(tmp_path, name, path):
    (tmp_path / "outside.jpg").write_bytes(b"")
    found = finder(tmp_path / "src", *FILES).find(name)
    assert found == (Match(path, by_end=True) if path else Match(None, "missing file"))


def test_a_file_name_that_several_folders_have_is_ambiguous(tmp_path):
    found = finder(tmp_path, *FILES).find("17.jpg")
    assert found == Match(None, "several files of that name: test/17.jpg, train_1/17.jpg")


def test_the_folder_of_the_table_comes_first(tmp_path):
    images = finder(tmp_path, *FILES, "17.jpg")
    assert images.find("17.jpg", "test").path == "test/17.jpg"
    assert images.find("17.jpg").path == "17.jpg"
    assert images.find("train_1/17.jpg", "test").path == "train_1/17.jpg"


def test_of_names_that_differ_in_capitals_the_same_is_taken_or_none(tmp_path):
    images = finder(tmp_path, "a/Rose.jpg", "a/rose.jpg")
    assert images.find("a/rose.jpg") == Match("a/rose.jpg")
    assert images.find("Rose.jpg") == Match("a/Rose.jpg")
    assert images.find("a/ROSE.jpg") == Match(None, "several files of that name: a/Rose.jpg, a/rose.jpg")


def test_one_name_with_two_endings_needs_its_ending(tmp_path):
    images = finder(tmp_path, "a/7.jpg", "a/7.png")
    assert images.find("7.png") == Match("a/7.png")
    assert images.find("7") == Match(None, "several files of that name: a/7.jpg, a/7.png")


def test_links_lead_nowhere(tmp_path):
    (tmp_path / "secret.jpg").write_bytes(b"")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/link.jpg").symlink_to(tmp_path / "secret.jpg")
    (tmp_path / "src/up").symlink_to(tmp_path)
    images = finder(tmp_path / "src", "a.jpg")
    assert images.find("link.jpg").path is None
    assert images.find("up/secret.jpg").path is None


def test_names_that_are_not_utf8_are_found_as_they_are_shown(tmp_path):
    images_root = tmp_path / "src"
    images_root.mkdir()
    os.close(os.open(os.fsencode(images_root) + b"/caf\xe9.jpg", os.O_CREAT))
    images = finder(images_root, "a.jpg")
    assert [os.fsencode(path) for path in images.paths] == [b"a.jpg", b"caf\xe9.jpg"]
    assert images.find("b.jpg").path is None


@pytest.fixture(scope="module")
def some_images(tmp_path_factory):
    return finder(tmp_path_factory.mktemp("finder") / "src", *FILES)


@given(st.lists(st.sampled_from(["..", ".", "", "~", "C:", "train_1", "test", "sub", "17.jpg", "17", "x.jpg", "é"])))
def test_any_path_gives_an_image_of_the_folder_that_has_its_name_or_none(some_images, parts):
    match = some_images.find("/".join(parts))
    if match.path is None:
        assert match.reason
    else:
        assert match.path in some_images.paths
        last = next(part for part in reversed(parts) if part not in ("", "."))
        assert match.path.rpartition("/")[2].startswith(last)
