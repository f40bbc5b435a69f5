import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards import ClassFolders, ConvertError, Record
from artkit_shards.conversion.scan import series_name


def make(root, *files):
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def files_of(root, **options):
    return [record.file for record in ClassFolders(root, **options)]


def labels_of(root):
    return {record.file: record.label for record in ClassFolders(root)}


def test_a_class_is_a_top_level_folder_however_deep_its_images_lie(tmp_path):
    make(tmp_path, "Monet/a.jpg", "Monet/late/1910/b.JPG", "Klee/c.png")
    assert list(ClassFolders(tmp_path)) == [
        Record(tmp_path / "Klee/c.png", "Klee/c.png", {"class": "Klee"}),
        Record(tmp_path / "Monet/a.jpg", "Monet/a.jpg", {"class": "Monet"}),
        Record(tmp_path / "Monet/late/1910/b.JPG", "Monet/late/1910/b.JPG", {"class": "Monet"}),
    ]


def test_order_is_that_of_code_points_not_of_creation(tmp_path):
    names = ["B/2.jpg", "a/1.jpg", "B/10.jpg", "Ä/0.jpg", "a/Z.jpg"]
    assert files_of(make(tmp_path / "one", *names)) == ["B/10.jpg", "B/2.jpg", "a/1.jpg", "a/Z.jpg", "Ä/0.jpg"]
    assert files_of(make(tmp_path / "two", *reversed(names))) == files_of(tmp_path / "one")


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "JPEG", "TiF"])
def test_images_are_told_by_their_endings_in_any_case(tmp_path, ending):
    make(tmp_path, f"a/1.{ending}", "b/2.jpg")
    assert files_of(tmp_path) == [f"a/1.{ending}", "b/2.jpg"]


def test_class_names_are_trimmed_and_composed(tmp_path):
    make(tmp_path, " Wassily Kandinsky /1.jpg", "Ce\u0301zanne/2.jpg")
    assert labels_of(tmp_path) == {
        " Wassily Kandinsky /1.jpg": "Wassily Kandinsky",
        "Ce\u0301zanne/2.jpg": "C\u00e9zanne",
    }


@pytest.mark.parametrize(("one", "other"), [("Klee", " Klee"), ("C\u00e9zanne", "Ce\u0301zanne")])
def test_two_folders_with_the_same_class_name_are_an_error(tmp_path, one, other):
    make(tmp_path, f"{one}/1.jpg", f"{other}/2.jpg", "b/3.jpg")
    with pytest.raises(ConvertError, match=r"name the same class .* rename one of them"):
        ClassFolders(tmp_path)


def test_split_folders_give_the_split_and_classes_lie_one_level_deeper(tmp_path):
    make(tmp_path, "train/a/1.jpg", "train/b/2.jpg", "Validation/a/3.jpg", "test/b/4.jpg", ".cache/x.jpg")
    found = {record.file: (record.label, record.split) for record in ClassFolders(tmp_path)}
    assert found == {
        "train/a/1.jpg": ("a", "train"),
        "train/b/2.jpg": ("b", "train"),
        "Validation/a/3.jpg": ("a", "val"),
        "test/b/4.jpg": ("b", "test"),
    }


@pytest.mark.parametrize("folders", [["train", "test", "extra"], ["val", "test"]])
def test_folders_not_all_named_as_splits_are_classes(tmp_path, folders):
    make(tmp_path, *(f"{folder}/{folder}.jpg" for folder in folders))
    assert labels_of(tmp_path) == {f"{folder}/{folder}.jpg": folder for folder in folders}
    assert {record.split for record in ClassFolders(tmp_path)} == {None}


def test_notes_tell_what_was_left_out(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg", "b/info.txt", "b/deep/data.csv", "list.csv", "cover.jpg", "empty/readme")
    make(tmp_path, "a/.hidden.jpg", "__MACOSX/a/1.jpg", ".git/x.jpg")
    (tmp_path / "a/link.jpg").symlink_to(tmp_path / "a/1.jpg")
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "a/pipe.jpg")
    folders = ClassFolders(tmp_path)
    assert [record.file for record in folders] == ["a/1.jpg", "b/2.jpg"]
    assert folders.notes() == folders.notes()
    assert list(folders.notes()) == [
        "1 image not in any class folder left out, such as cover.jpg; the folder an image lies in names its class",
        "1 folder without images left out: empty",
        "2 links not followed; put the files themselves there if they belong to the set",
        "5 files not named as an image left out (2 .csv, 1 .jpg, 1 .txt, 1 without ending)",
    ]


def test_a_clean_folder_has_no_notes(tmp_path):
    assert ClassFolders(make(tmp_path, "a/1.jpg", "b/2.jpg")).notes() == ()


def test_a_loop_of_links_ends(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a/again").symlink_to(tmp_path)
    assert files_of(tmp_path) == ["a/1.jpg", "b/2.jpg"]


def test_names_that_are_not_utf8_become_readable(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    os.close(os.open(os.fsencode(tmp_path) + b"/a/caf\xe9.jpg", os.O_CREAT))
    records = list(ClassFolders(tmp_path))
    assert [record.file for record in records] == ["a/1.jpg", "a/caf\\xe9.jpg", "b/2.jpg"]
    assert records[1].image.exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param([], r"there are no images in \S+; artkit expects a folder for each class", id="empty"),
        pytest.param(["notes.txt", "a/list.csv"], "there are no images in", id="no images"),
        pytest.param(["1.jpg", "2.jpg"], r"are not in class folders \(1.jpg\); artkit expects", id="no folders"),
        pytest.param(["train/1.jpg", "test/2.jpg"], r"are not in class folders \(test/2.jpg\)", id="splits only"),
        pytest.param(["a/1.jpg", "a/2.jpg"], "has one class only, 'a'; there must be at least two", id="one class"),
        pytest.param(["images/a/1.jpg", "images/b/2.jpg"], r"If the folders in \S+/images are the classes", id="deep"),
    ],
)
def test_folders_of_another_shape_are_refused_with_what_is_expected(tmp_path, files, message):
    with pytest.raises(ConvertError, match=message):
        ClassFolders(make(tmp_path, *files))


def test_a_missing_folder_and_a_file_are_refused(tmp_path):
    with pytest.raises(ConvertError, match="nowhere does not exist; give the folder"):
        ClassFolders(tmp_path / "nowhere")
    with pytest.raises(ConvertError, match=r"1\.jpg is not a folder; give the folder"):
        ClassFolders(make(tmp_path, "1.jpg") / "1.jpg")


def test_series_groups_numbered_names_of_one_class(tmp_path):
    make(tmp_path, "a/rose_01.jpg", "a/Rose 2.jpg", "a/lily.jpg", "a/007.jpg", "b/rose_03.jpg")
    groups = {record.file: record.group for record in ClassFolders(tmp_path, series=True)}
    assert groups == {
        "a/007.jpg": None,
        "a/Rose 2.jpg": "a/rose",
        "a/lily.jpg": "a/lily",
        "a/rose_01.jpg": "a/rose",
        "b/rose_03.jpg": "b/rose",
    }
    assert {record.group for record in ClassFolders(tmp_path)} == {None}


@given(st.text(alphabet="abcé _-", max_size=8), st.integers(0, 9999), st.integers(0, 9999))
def test_series_name_does_not_depend_on_numbers(stem, one, other):
    assert series_name(f"{stem}_{one}") == series_name(f"{stem}_{other}") == series_name(stem)
