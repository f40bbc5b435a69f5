import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit_shards import ClassFolders, ConvertError, Record
from artkit_shards.conversion.sources.class_folders import series_name


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


@pytest.mark.parametrize(
    ("one", "other", "label"),
    [
        ("Klee", " Klee", "Klee"),
        ("C\u00e9zanne", "Ce\u0301zanne", "C\u00e9zanne"),
        ("Albrecht_D\u00fcrer", "Albrecht_Du\u0393\u00f2\u00e1\u251c\u00acrer", "Albrecht_D\u00fcrer"),
    ],
    ids=["blanks", "composition", "garbled"],
)
def test_folders_whose_names_differ_in_blanks_or_encoding_only_are_one_class(tmp_path, one, other, label):
    make(tmp_path, f"{one}/1.jpg", f"{other}/2.jpg", "b/3.jpg")
    assert labels_of(tmp_path) == {f"{one}/1.jpg": label, f"{other}/2.jpg": label, "b/3.jpg": "b"}
    (note,) = ClassFolders(tmp_path).notes()
    assert f"are taken for one class, {label!r}: their names differ in blanks or encoding only" in note
    assert repr(one) in note
    assert repr(other) in note


def test_a_class_in_two_splits_is_put_together_without_a_word(tmp_path):
    make(tmp_path, "train/a/1.jpg", "train/b/2.jpg", "test/a/3.jpg", "test/b/4.jpg")
    assert ClassFolders(tmp_path).notes() == ()


def test_similar_names_are_told_and_stay_apart(tmp_path):
    make(tmp_path, "Vincent_van_Gogh/1.jpg", "Vincent van Gogh/2.jpg")
    assert set(labels_of(tmp_path).values()) == {"Vincent_van_Gogh", "Vincent van Gogh"}
    told = "the classes 'Vincent van Gogh', 'Vincent_van_Gogh' may be one; give them one name if they are"
    assert ClassFolders(tmp_path).notes() == (told,)


@pytest.mark.parametrize("outer", ["images", "images/images"])
def test_a_folder_around_the_class_folders_is_entered(tmp_path, outer):
    make(tmp_path, f"{outer}/a/1.jpg", f"{outer}/b/2.jpg", "artists.csv", "empty/readme.txt")
    folders = ClassFolders(tmp_path)
    assert [(record.file, record.label) for record in folders] == [(f"{outer}/a/1.jpg", "a"), (f"{outer}/b/2.jpg", "b")]
    assert f"the classes are the folders in {outer}" in folders.notes()


def test_a_folder_around_split_folders_is_entered(tmp_path):
    make(tmp_path, "data/train/a/1.jpg", "data/train/b/2.jpg", "data/test/a/3.jpg")
    assert {record.file: record.split for record in ClassFolders(tmp_path)} == {
        "data/train/a/1.jpg": "train",
        "data/train/b/2.jpg": "train",
        "data/test/a/3.jpg": "test",
    }


def test_a_class_with_images_of_its_own_is_not_entered(tmp_path):
    make(tmp_path, "Monet/1.jpg", "Monet/late/2.jpg", "Monet/early/3.jpg")
    with pytest.raises(ConvertError, match="has one class only, 'Monet'"):
        ClassFolders(tmp_path)


@pytest.mark.parametrize("copy", ["resized/{}", "resized/resized/{}", "Images_Resized/{}", "thumbnails/x/{}"])
def test_a_second_copy_beside_the_images_is_left_out(tmp_path, copy):
    names = ["Klee_1.jpg", "Klee_2.jpg", "Monet_1.jpg"]
    make(tmp_path, "images/Klee/Klee_1.jpg", "images/Klee/Klee_2.jpg", "images/Monet/Monet_1.jpg", "artists.csv")
    make(tmp_path, *(copy.format(name) for name in names))
    folders = ClassFolders(tmp_path)
    assert [record.file for record in folders] == [
        "images/Klee/Klee_1.jpg",
        "images/Klee/Klee_2.jpg",
        "images/Monet/Monet_1.jpg",
    ]
    folder = copy.partition("/")[0]
    told = f"{folder} left out: it holds a second copy of the images, as 3 of its 3 file names tell"
    assert folders.notes()[0].startswith(told)


def test_a_folder_named_as_a_copy_with_images_of_its_own_is_a_class(tmp_path):
    make(tmp_path, "Klee/1.jpg", "Monet/2.jpg", "resized/3.jpg")
    assert set(labels_of(tmp_path).values()) == {"Klee", "Monet", "resized"}


def test_a_flat_copy_alone_says_that_it_has_no_class_folders(tmp_path):
    make(tmp_path, "Klee_1.jpg", "Monet_1.jpg")
    with pytest.raises(ConvertError, match=r"are not in class folders \(Klee_1\.jpg\)"):
        ClassFolders(tmp_path)


def test_parts_of_splits_are_not_taken_for_classes(tmp_path):
    make(tmp_path, "train_1/1.jpg", "train_2/2.jpg", "test/3.jpg", "all_data_info.csv")
    message = (
        r"test, train_1, train_2 in \S+ are named as parts of splits, .* --labels all_data_info\.csv --label COLUMN"
    )
    with pytest.raises(ConvertError, match=message):
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


@pytest.fixture
def bucket():
    """Address of a folder in memory, with the files of two classes; empty again afterwards."""
    import fsspec

    memory = fsspec.filesystem("memory")
    for name in ("Klee/b.jpg", "Monet/deep/a.jpg", "Klee/notes.txt", ".hidden/c.jpg"):
        memory.pipe(f"/bucket/art/{name}", b"")
    yield "memory://bucket/art"
    memory.rm("/bucket", recursive=True)


def test_class_folders_are_listed_at_an_address(bucket):
    folders = ClassFolders(bucket)
    assert list(folders) == [
        Record("memory://bucket/art/Klee/b.jpg", "Klee/b.jpg", {"class": "Klee"}),
        Record("memory://bucket/art/Monet/deep/a.jpg", "Monet/deep/a.jpg", {"class": "Monet"}),
    ]
    assert folders.notes() == ("1 file not named as an image left out (1 .txt)",)


def test_names_of_a_web_address_are_read_as_a_person_would_write_them(unreliable_server):
    for quoted in ("Paul%20Klee/a%2Fb.jpg", "Paul%20Klee/1.jpg", "Mo%C3%ABs/%c3%a9t%C3%A9.jpg"):
        path = unreliable_server.folder / "art" / quoted
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    address = f"{unreliable_server.address}/art"
    found = {record.file: (record.label, record.image) for record in ClassFolders(address)}
    assert found == {
        "Moës/été.jpg": ("Moës", f"{address}/Mo%C3%ABs/%c3%a9t%C3%A9.jpg"),
        "Paul Klee/1.jpg": ("Paul Klee", f"{address}/Paul%20Klee/1.jpg"),
        "Paul Klee/a%2Fb.jpg": ("Paul Klee", f"{address}/Paul%20Klee/a%2Fb.jpg"),
    }


def test_an_address_on_this_machine_is_its_folder(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    assert list(ClassFolders(f"file://{tmp_path}")) == list(ClassFolders(tmp_path))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("memory://nowhere/art", r"there are no files at memory://nowhere/art; give the address of a folder"),
        ("pipe:ls", r"pipe:ls is no address that can be read; give a folder, or an address that begins with http"),
        ("zip://*::x.zip", r"is no address that can be read"),
        ("hdfs://host/art", r"hdfs://host/art begins with hdfs://, which is not read"),
    ],
)
def test_addresses_that_cannot_be_listed_are_told(address, message):
    with pytest.raises(ConvertError, match=message):
        ClassFolders(address)
