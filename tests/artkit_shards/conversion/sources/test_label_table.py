import json

import pytest

from artkit_shards import ConvertError, LabelTable, Record


@pytest.fixture
def art(tmp_path):
    """A folder with images that are never read, and a function that writes a table beside them."""

    class Art:
        root = tmp_path / "art"

        def images(self, *files):
            for file in files:
                path = self.root / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"")
            return self

        def table(self, *lines, name="labels.csv"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
            return self

        def read(self, *labels, table="labels.csv", **options):
            return LabelTable(self.root, table, label_columns=labels or ["artist"], **options)

    return Art()


def labels_of(source):
    return {record.file: dict(record.labels) for record in source}


def test_rows_become_records_with_several_targets_splits_and_groups(art):
    art.images("train_1/1.jpg", "train_1/2.jpg", "test/3.jpg")
    art.table(
        "new_filename,artist,Art Style,in_train,owner",
        "1.jpg, Wassily Kandinsky,Abstract,True,Louvre",
        "2.jpg,Paul  Klee ,NaN,True,",
        "3.jpg,,Cubism,False,nan",
    )
    source = art.read("artist", "Art Style", image_column="new_filename", split_column="in_train", group_column="owner")
    root = art.root
    assert list(source) == [
        Record(root / "test/3.jpg", "test/3.jpg", {"artist": None, "art_style": "Cubism"}, "test"),
        Record(
            root / "train_1/1.jpg",
            "train_1/1.jpg",
            {"artist": "Wassily Kandinsky", "art_style": "Abstract"},
            "train",
            group="Louvre",
        ),
        Record(root / "train_1/2.jpg", "train_1/2.jpg", {"artist": "Paul Klee", "art_style": None}, "train"),
    ]
    assert source.rejects() == []
    assert source.notes() == (
        "the artist of 1 of 3 images is not known",
        "the art_style of 1 of 3 images is not known",
    )


def test_the_image_column_is_found_by_what_its_cells_name(art):
    art.images("a.jpg", "b.jpg")
    source = art.table("id,artist,picture", "1,Klee,a.jpg", "2,Monet,b.jpg").read()
    assert labels_of(source) == {"a.jpg": {"artist": "Klee"}, "b.jpg": {"artist": "Monet"}}
    assert "images are named by the column 'picture' of labels.csv; --image-column names another" in source.notes()


def test_small_numbers_that_name_the_same_images_again_and_again_do_not_pass_for_the_image_column(art):
    art.images("1.jpg", "2.jpg", "33.jpg", "44.jpg")
    rows = ["33.jpg,Klee,1", "44.jpg,Monet,2", *(f"gone-{number}.jpg,Monet,{number % 2 + 1}" for number in range(9))]
    source = art.table("picture,artist,room", *rows, "1.jpg,Klee,1").read()
    assert [record.file for record in source] == ["1.jpg", "33.jpg", "44.jpg"]


def test_a_table_may_lie_elsewhere_or_among_the_images(art, tmp_path):
    art.images("one/a.jpg", "two/a.jpg").table("file,artist", "a.jpg,Klee", name="two/meta.csv")
    assert labels_of(art.read(table="two/meta.csv")) == {"two/a.jpg": {"artist": "Klee"}}
    (tmp_path / "far.jsonl").write_text(json.dumps({"file": "one/a.jpg", "artist": "Monet"}))
    assert labels_of(art.read(table=tmp_path / "far.jsonl")) == {"one/a.jpg": {"artist": "Monet"}}


def test_missing_files_are_rejected_and_counted(art):
    art.images("1.jpg", "2.jpg")
    art.table("file,artist", "1.jpg,Klee", "8.jpg,Klee", "2.jpg,Monet", "9.jpg,Monet", ",Monet")
    source = art.read()
    assert [record.file for record in source] == ["1.jpg", "2.jpg"]
    assert source.rejects() == [
        ("8.jpg", "missing file: labels.csv, line 3"),
        ("9.jpg", "missing file: labels.csv, line 5"),
        ("labels.csv, line 6", "row that names no image"),
    ]
    assert "2 of 5 rows name a file that is not there, such as 8.jpg (labels.csv, line 3)" in source.notes()
    assert "1 of 5 rows left out, such as labels.csv, line 6: row that names no image" in source.notes()


def test_many_files_may_be_missing_but_not_nearly_all(art):
    art.images("1.jpg", "2.jpg")
    names = [*range(1, 3), *range(100, 137)]
    art.table("file,artist", *(f"{name}.jpg,{'Klee' if name % 2 else 'Monet'}" for name in names))
    assert len(art.read()) == 2
    art.table("file,artist", *(f"{name}.jpg,{'Klee' if name % 2 else 'Monet'}" for name in [*names, 137, 138]))
    message = (
        r"39 of 41 rows of labels\.csv .* more than the share of 0\.95 that may be missing\. The column 'file' names "
        r"100\.jpg, 101\.jpg and 102\.jpg, looked for .* allow it with --set source\.max_missing=1\."
    )
    with pytest.raises(ConvertError, match=message):
        art.read(image_column="file")
    assert len(art.read(image_column="file", max_missing=1.0)) == 2


def test_paths_of_another_computer_are_found_and_told(art):
    art.images("train_1/1.jpg", "train_1/2.jpg")
    art.table("path,artist", "/home/me/train_1/1.jpg,Klee", "C:\\art\\train_1\\2.jpg,Monet", "/etc/passwd,Monet")
    source = art.read()
    assert labels_of(source) == {"train_1/1.jpg": {"artist": "Klee"}, "train_1/2.jpg": {"artist": "Monet"}}
    assert source.rejects() == [("/etc/passwd", "missing file: labels.csv, line 4")]
    assert any(
        "2 of 3 rows have paths of another computer, such as /home/me/train_1/1.jpg" in n for n in source.notes()
    )


def test_ambiguous_names_are_rejected_with_the_candidates(art):
    art.images("a/1.jpg", "b/1.jpg", "2.jpg").table("file,artist", "1.jpg,Klee", "2.jpg,Monet")
    source = art.read()
    assert source.rejects() == [("1.jpg", "several files of that name: a/1.jpg, b/1.jpg")]
    assert "1 of 2 rows name a file that lies in several folders, such as 1.jpg (a/1.jpg, b/1.jpg)" in source.notes()


@pytest.mark.parametrize("nothing", ["", "  ", "nan", "NaN", "None", "NULL", "<NA>"])
def test_rows_without_any_label_are_rejected(art, nothing):
    art.images("1.jpg", "2.jpg").table("file,artist,style", f"1.jpg,{nothing},{nothing}", f"2.jpg,Klee,{nothing}")
    source = art.read("artist", "style")
    assert labels_of(source) == {"2.jpg": {"artist": "Klee", "style": None}}
    assert source.rejects() == [("1.jpg", "no label: labels.csv, line 2")]
    assert not any("no row names" in note for note in source.notes())


def test_repeated_rows_count_once_and_complete_one_another(art):
    art.images("1.jpg", "2.jpg")
    art.table("file,artist,style", "1.jpg,,", "1.jpg,Klee,", "1.jpg,Klee,Cubism", "2.jpg,Monet,", "2.jpg,Monet,")
    source = art.read("artist", "style")
    assert labels_of(source) == {
        "1.jpg": {"artist": "Klee", "style": "Cubism"},
        "2.jpg": {"artist": "Monet", "style": None},
    }
    assert source.rejects() == []
    assert "3 of 5 rows say again what another says, such as of 1.jpg" in source.notes()


def test_contradicting_rows_reject_their_image_with_both_values(art):
    art.images("1.jpg", "2.jpg")
    art.table("file,artist", "1.jpg,Klee", "2.jpg,Klee", "1.jpg,Monet", "1.jpg,Klee")
    source = art.read()
    assert labels_of(source) == {"2.jpg": {"artist": "Klee"}}
    assert source.rejects() == [
        ("1.jpg", "contradicting rows: artist 'Klee' and 'Monet' (labels.csv, line 2; labels.csv, line 4)")
    ]


def test_ragged_rows_and_endless_names_are_rejected_by_line(art):
    art.images("1.jpg", "2.jpg", "3.jpg")
    art.table("file,artist", "1.jpg,Klee,1920", "2.jpg," + "x" * 301, "3.jpg,Klee")
    assert art.read().rejects() == [
        ("labels.csv, line 2", "ragged row: 3 fields instead of 2"),
        ("2.jpg", "class name too long: labels.csv, line 3 has more than 300 letters"),
    ]


def test_images_that_no_row_names_are_noted(art):
    art.images("1.jpg", "2.jpg", "sub/3.jpg").table("file,artist", "2.jpg,Klee")
    assert "2 images that no row names left out, such as 1.jpg" in art.read().notes()


def test_a_second_copy_is_left_out(art):
    art.images("images/a_1.jpg", "images/b_2.jpg", "resized/a_1.jpg", "resized/b_2.jpg")
    source = art.table("file,artist", "a_1.jpg,Klee", "b_2.jpg,Monet").read()
    assert [record.file for record in source] == ["images/a_1.jpg", "images/b_2.jpg"]
    assert any(note.startswith("resized left out: it holds a second copy") for note in source.notes())


def test_garbled_and_similar_class_names_are_told(art):
    art.images("1.jpg", "2.jpg", "3.jpg", "4.jpg")
    art.table("file,artist", "1.jpg,DÃ¼rer", "2.jpg,Dürer", "3.jpg,van Gogh", "4.jpg,Van Gogh")
    source = art.read()
    assert {labels["artist"] for labels in labels_of(source).values()} == {"Dürer", "van Gogh", "Van Gogh"}
    assert "the artist 'DÃ¼rer' is taken for 'Dürer': it is that name in a broken encoding" in source.notes()
    assert "the classes 'Van Gogh', 'van Gogh' may be one; give them one name if they are" in source.notes()


def test_rows_that_say_no_split_leave_it_to_the_conversion(art):
    art.images("1.jpg", "2.jpg").table("file,artist,split", "1.jpg,Klee,", "2.jpg,Monet,Validation")
    source = art.read(split_column="split")
    assert [record.split for record in source] == [None, "val"]
    assert "the column 'split' says nothing of 1 image: --split decides" in source.notes()


def test_records_of_equal_classes_share_them(art):
    art.images("1.jpg", "2.jpg").table("file,artist", "1.jpg,Klee", "2.jpg,Klee")
    one, other = art.read()
    assert one.labels is other.labels


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "lables.csv"}, r"the table lables\.csv is neither there nor in \S+; tables there: labels\.csv"),
        ({"labels": ["artst"]}, r"no column 'artst' for the class. Did you mean 'artist'\? Its columns are 'file', 'a"),
        (
            {"labels": ["artist", "Artist"]},
            r"the columns 'artist' and 'artist' of labels\.csv would both be the target",
        ),
        (
            {"image_column": "title"},
            r"3 of 3 rows of labels\.csv name files that are not in \S+\. The column 'title' names Black Lines, The ",
        ),
        ({"image_column": "path"}, r"no column 'path' for the image"),
        ({"split_column": "splt"}, r"no column 'splt' for the split"),
        ({"split_column": "title"}, r"'Black Lines', .* name no split; say what they stand for"),
        ({"group_column": "owner"}, r"no column 'owner' for the group"),
    ],
)
def test_mistakes_are_told_with_what_there_is(art, options, message):
    art.images("1.jpg", "2.jpg", "3.jpg")
    art.table("file,artist,title", "1.jpg,Klee,Black Lines", "2.jpg,Klee,The Boat", "3.jpg,Monet,Red Poppies")
    with pytest.raises(ConvertError, match=message):
        art.read(*options.pop("labels", ["artist"]), **options)


def test_without_a_label_column_the_columns_are_listed(art):
    art.images("1.jpg").table("file,artist", "1.jpg,Klee")
    with pytest.raises(ConvertError, match=r"name the column of the class with --label COLUMN. Its columns are 'file'"):
        LabelTable(art.root, "labels.csv")


def test_a_table_of_other_images_says_where_they_were_looked_for(art):
    art.images("x/7.jpg").table("file,artist", "train/1.jpg,Klee", "train/2.jpg,Monet")
    message = (
        r"2 of 2 rows of labels\.csv name files that are not in \S+/art\. The column 'file' names train/1\.jpg and "
        r"train/2\.jpg, looked for as paths below the folder and by their ends; the folder has 1 image, such as x/7"
    )
    with pytest.raises(ConvertError, match=message):
        art.read(image_column="file")
    message = (
        r"no column of labels\.csv names images of the folder: .* with the 1 image there, such as x/7\.jpg\. Name .* "
        r"Its first row has 'train/1\.jpg' as 'file', 'Klee' as 'artist'$"
    )
    with pytest.raises(ConvertError, match=message):
        art.read()


def test_nothing_to_convert_is_an_error(art):
    art.table("file,artist", "1.jpg,Klee")
    with pytest.raises(ConvertError, match=r"there are no images in \S+; give the folder that holds them"):
        art.read(image_column="file")
    art.images("1.jpg").table("file,artist")
    for column in ("file", None):
        with pytest.raises(ConvertError, match=r"labels\.csv has a header but no rows"):
            art.read(image_column=column)
    art.table("file,artist", "1.jpg,nan")
    with pytest.raises(ConvertError, match=r"none of 1 row of labels\.csv can be used: 1 with no label"):
        art.read(image_column="file")
