"""Finding images: in files, folders, tars, data sets and lists, in order, and past all that cannot be used."""

import io
import os
import tarfile
from collections import Counter

import pytest

from artkit.engine.images.asked import AskedImages
from artkit.engine.images.found import FoundImage, Unusable
from artkit.engine.images.lists import MAX_PATH_BYTES, listed_paths
from artkit.engine.images.places import ListPlace, open_place
from artkit.errors import RunError
from artkit_shards import DatasetError, ImageError, open_dataset


def make_tar(path, members):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def names(given, passed_over=None):
    return [found.name for found in open_place(str(given)).images(Counter() if passed_over is None else passed_over)]


@pytest.fixture
def tree(tmp_path):
    """A folder with two images, one of them in a folder of its own, and much that is none."""
    for path in ("b.JPG", "a/c.png", "a/notes.txt", ".hidden.png", "__MACOSX/d.png", "x.jpg/e.webp"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(path.encode())
    return tmp_path


def test_a_folder_gives_its_images_in_order_however_deep(tree):
    passed_over = Counter()
    assert names(tree, passed_over) == [f"{tree}/b.JPG", f"{tree}/a/c.png", f"{tree}/x.jpg/e.webp"]
    assert passed_over == {"file": 1}
    assert open_place(str(tree)).count() == 3


def test_links_to_files_are_followed_and_links_to_folders_are_not(tree):
    (tree / "link.png").symlink_to(tree / "b.JPG")
    (tree / "again").symlink_to(tree)
    (tree / "round.png").symlink_to(tree / "round.png")
    passed_over = Counter()
    found = {image.name: image for image in open_place(str(tree)).images(passed_over)}
    assert len(found) == 5
    assert found[f"{tree}/link.png"].read() == b"b.JPG"
    with pytest.raises(ImageError, match="cannot be read: Too many levels of symbolic links"):
        found[f"{tree}/round.png"].read()
    assert passed_over == {"file": 1, "link": 1}


def test_a_folder_that_cannot_be_read_is_told_and_the_others_go_on(tree, monkeypatch):
    scan = os.scandir

    def refuse(folder):
        if str(folder).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(open_place(str(tree)).images(Counter()))
    assert found[1] == Unusable(f"{tree}/a", "cannot be read: Permission denied")
    assert found[1].kind == "cannot be read"
    assert [one.name for one in found] == [f"{tree}/b.JPG", f"{tree}/a", f"{tree}/x.jpg/e.webp"]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("not an image", "not an image"),
        ("too many pixels: 9x9", "too many pixels"),
        ("not a JPEG that can be read (header(): broken)", "not a JPEG that can be read"),
    ],
)
def test_reasons_are_counted_by_kind(reason, kind):
    assert Unusable("a.jpg", reason).kind == kind


def test_a_file_that_is_named_may_be_called_anything(tree):
    (found,) = open_place(f"{tree}/a/notes.txt").images(Counter())
    assert found.read() == b"a/notes.txt"


def test_names_that_are_not_unicode_are_written_as_escapes(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.png"
    with open(path, "wb") as file:
        file.write(b"bytes")
    (found,) = open_place(str(tmp_path)).images(Counter())
    assert found.name == f"{tmp_path}/\\xff.png"
    assert found.read() == b"bytes"


def test_tars_are_read_where_they_are_members_that_are_no_images_left_out(tmp_path):
    members = {"deep/1.jpg": b"one", "1.cls": b"0", "._1.jpg": b"mac", "2.png": b"two", "notes.txt": b"no"}
    make_tar(tmp_path / "some.tar", members)
    found = list(open_place(str(tmp_path / "some.tar")).images(Counter()))
    assert [image.name for image in found] == [f"{tmp_path}/some.tar/deep/1.jpg", f"{tmp_path}/some.tar/2.png"]
    assert [image.read() for image in found] == [b"one", b"two"]
    assert names(tmp_path) == [image.name for image in found]


def test_a_tar_that_ends_too_early_gives_what_lies_before(tmp_path):
    make_tar(tmp_path / "some.tar", {"1.jpg": b"one" * 600, "2.jpg": b"two" * 600})
    data = (tmp_path / "some.tar").read_bytes()
    (tmp_path / "some.tar").write_bytes(data[:3000])
    first, cut = open_place(str(tmp_path / "some.tar")).images(Counter())
    assert first.read() == b"one" * 600
    assert isinstance(cut, Unusable)
    assert cut.kind == "not a tar that can be used"
    assert "it was cut off" in cut.reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "it was cut off"), (b"\x1f\x8b" + bytes(600), "compressed with gzip"), (b"x" * 2048, "this is no tar")],
)
def test_what_is_no_plain_tar_is_told(tmp_path, data, reason):
    (tmp_path / "some.tar").write_bytes(data)
    (found,) = open_place(str(tmp_path / "some.tar")).images(Counter())
    assert reason in found.reason


def test_a_tar_without_images_is_told(tmp_path):
    make_tar(tmp_path / "some.tar", {"1.txt": b"one"})
    assert list(open_place(str(tmp_path)).images(Counter())) == [
        Unusable(f"{tmp_path}/some.tar", "a tar without images")
    ]


def test_a_data_set_gives_all_splits_or_one_under_the_names_it_was_made_of(uneven_shards):
    dataset = open_dataset(uneven_shards)
    everything = [name for split in dataset.split_names for name in dataset.split(split).files]
    assert names(uneven_shards) == everything
    place = open_place(str(uneven_shards), "test")
    assert place.count() == len(dataset.split("test"))
    assert [image.read() for image in place.images(Counter())] == [
        dataset.split("test").read(row) for row in range(len(dataset.split("test")))
    ]
    with pytest.raises(DatasetError, match="has no split 'tset'; it has train, val, test"):
        open_place(str(uneven_shards), "tset")


def test_the_tars_of_a_data_set_are_images_too(uneven_shards):
    tar = next(uneven_shards.glob("test-*.tar"))
    (member, *_) = open_place(str(tar)).images(Counter())
    assert member.read() == open_dataset(uneven_shards).split("test").read(0)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b"a.jpg\nb c.png\r\n\n/d/e.png", ["a.jpg", "b c.png", "/d/e.png"]),
        (b"a.jpg\0b.jpg\0", ["a.jpg", "b.jpg"]),
        (b"x" * MAX_PATH_BYTES + b"\0" + b"b" * 7, ["x" * MAX_PATH_BYTES, "b" * 7]),
        (b"x" * 3 * MAX_PATH_BYTES + b"\nlast", ["x" * MAX_PATH_BYTES, "last"]),
        (b"\xff.png", ["\udcff.png"]),
    ],
    ids=["empty", "lines", "null bytes", "longest", "too long", "not unicode"],
)
def test_lists_are_read_whatever_ends_a_path(stream, expected):
    assert list(listed_paths(io.BytesIO(stream))) == expected


def test_a_list_of_null_bytes_is_read_through_the_ends_of_chunks():
    paths = [f"{number}.jpg" for number in range(30_000)]
    assert list(listed_paths(io.BytesIO("\0".join(paths).encode()))) == paths


def test_a_list_names_files_folders_tars_and_data_sets(tree, uneven_shards):
    make_tar(tree / "some.tar", {"1.jpg": b"one"})
    given = [f"{tree}/b.JPG", f"{tree}/a", f"{tree}/some.tar", str(uneven_shards), "nowhere.png"]
    place = ListPlace(io.BytesIO("\n".join(given).encode()), "test")
    assert place.count() is None
    found = [image.name for image in place.images(Counter())]
    shards = list(open_dataset(uneven_shards).split("test").files)
    assert found == [f"{tree}/b.JPG", f"{tree}/a/c.png", f"{tree}/some.tar/1.jpg", *shards, "nowhere.png"]


def test_what_is_missing_in_a_list_is_told_when_it_is_read():
    long = "x" * 100_000
    missing, too_long = ListPlace(io.BytesIO(f"nowhere.png\n{long}".encode()), None).images(Counter())
    with pytest.raises(ImageError, match="cannot be read: No such file or directory"):
        missing.read()
    with pytest.raises(ImageError, match="cannot be read: File name too long"):
        too_long.read()


def test_a_data_set_in_a_list_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / ".artkit").mkdir()
    (tmp_path / ".artkit" / "manifest.json").write_text("{")
    (found,) = ListPlace(io.BytesIO(os.fsencode(tmp_path)), None).images(Counter())
    assert found.kind == "not a data set that can be used"


@pytest.mark.parametrize("given", ["nowhere", "x" * 100_000, "a\0b"], ids=["missing", "too long", "null byte"])
def test_what_is_not_there_is_refused_in_few_words(given):
    with pytest.raises(RunError, match=r"cannot be used: .*give image files, folders, tars, data sets") as refusal:
        open_place(given)
    assert len(str(refusal.value)) < 500


def test_places_without_any_image_are_refused(tmp_path):
    with pytest.raises(RunError, match=r"there are no images in .*taken for images by the ending"):
        AskedImages([str(tmp_path)])


def test_the_images_of_several_places_are_counted_together(tree, tmp_path):
    asked = AskedImages([f"{tree}/b.JPG", f"{tree}/a"])
    assert asked.total == 2
    assert [isinstance(one, FoundImage) for one in asked.found()] == [True, True]
    assert asked.notes() == ["1 file not named as an image passed over"]
