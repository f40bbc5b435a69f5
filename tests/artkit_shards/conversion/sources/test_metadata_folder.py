import json

import pyarrow
import pyarrow.parquet
import pytest

from artkit_shards import ConvertError, MetadataFolder, recognise


def write(path, content=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def hub(tmp_path):
    """A folder as on the hub: two splits, each with metadata, and an image that has none."""
    write(tmp_path / "README.md")
    for split, names in {"train": ["1.jpg", "sub/2.jpg", "spare.jpg"], "test": ["1.jpg"]}.items():
        for name in names:
            write(tmp_path / split / name)
    write(tmp_path / "train/metadata.csv", "file_name,artist,style\n1.jpg,Klee,Cubism\nsub/2.jpg,Monet,\n3.jpg,Klee,\n")
    write(tmp_path / "test/metadata.csv", "file_name,style,artist\n1.jpg,Cubism,Monet\n")
    return tmp_path


def test_metadata_of_each_split_is_read_with_paths_relative_to_it(hub):
    source = MetadataFolder(hub, label_columns=["artist", "style"])
    assert {record.file: (*record.labels.values(), record.split) for record in source} == {
        "train/1.jpg": ("Klee", "Cubism", "train"),
        "train/sub/2.jpg": ("Monet", None, "train"),
        "test/1.jpg": ("Monet", "Cubism", "test"),
    }
    assert source.rejects() == [("3.jpg", "missing file: train/metadata.csv, line 4")]
    assert source.notes() == (
        "1 of 4 rows name a file that is not there, such as 3.jpg (train/metadata.csv, line 4)",
        "the style of 1 of 3 images is not known",
        "1 image that no row names left out, such as train/spare.jpg",
        "1 file not named as an image left out (1 .md)",
    )


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_metadata_at_the_top_names_images_below_and_label_is_the_class(tmp_path, ending):
    rows = [{"file_name": "train/a.jpg", "label": 3}, {"file_name": "b.jpg", "label": 5}]
    write(tmp_path / "train/a.jpg")
    write(tmp_path / "b.jpg")
    if ending == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "metadata.parquet")
    elif ending == "jsonl":
        write(tmp_path / "metadata.jsonl", "\n".join(map(json.dumps, rows)))
    else:
        write(tmp_path / "metadata.csv", "file_name,label\ntrain/a.jpg,3\nb.jpg,5\n")
    source = MetadataFolder(tmp_path)
    assert {record.file: (dict(record.labels), record.split) for record in source} == {
        "train/a.jpg": ({"label": "3"}, "train"),
        "b.jpg": ({"label": "5"}, None),
    }


def test_without_a_column_for_it_the_folder_names_the_class(tmp_path):
    for name in ("train/Klee/a.jpg", "train/Monet/b.jpg", "test/Klee/c.jpg", "train/d.jpg"):
        write(tmp_path / name)
    write(tmp_path / "train/metadata.csv", "file_name,text\nKlee/a.jpg,x\nMonet/b.jpg,y\nd.jpg,z\n")
    write(tmp_path / "test/metadata.csv", "file_name,text\nKlee/c.jpg,x\n")
    source = MetadataFolder(tmp_path)
    assert {record.file: (dict(record.labels), record.split) for record in source} == {
        "train/Klee/a.jpg": ({"class": "Klee"}, "train"),
        "train/Monet/b.jpg": ({"class": "Monet"}, "train"),
        "test/Klee/c.jpg": ({"class": "Klee"}, "test"),
    }
    assert source.rejects() == [("train/d.jpg", "no label: train/metadata.csv, line 4")]


def test_a_split_column_comes_before_the_names_of_folders(hub):
    write(hub / "train/metadata.csv", "file_name,artist,part\n1.jpg,Klee,val\nsub/2.jpg,Monet,val\n")
    write(hub / "test/metadata.csv", "file_name,artist,part\n1.jpg,Klee,val\n")
    source = MetadataFolder(hub, label_columns=["artist"], split_column="part")
    assert {record.split for record in source} == {"val"}


@pytest.mark.parametrize(
    ("file", "content", "labels", "message"),
    [
        ("notes.txt", "", ["painter"], r"metadata\.csv has no column 'painter' for the class"),
        ("train/metadata.jsonl", "", [], r"train/metadata\.csv and train/metadata\.jsonl both tell of the same folder"),
        ("test/metadata.csv", "image,artist\n1.jpg,x\n", [], r"no column 'file_name' for the image"),
        (
            "train/metadata.csv",
            "file_name,style\n1.jpg,x\n",
            ["artist"],
            r"no column 'artist' for what metadata\.csv of a",
        ),
        (
            "train/metadata.csv",
            "file_name,artist\n1.jpg,x\n",
            [],
            r"none of 2 rows of metadata\.csv can be used: 2 with no",
        ),
    ],
    ids=["unknown column", "two files", "no file_name", "other columns", "no classes"],
)
def test_metadata_that_cannot_be_used_is_told(hub, file, content, labels, message):
    write(hub / file, content)
    with pytest.raises(ConvertError, match=message):
        MetadataFolder(hub, label_columns=labels)


def test_a_folder_without_metadata_is_refused(tmp_path):
    write(tmp_path / "a/1.jpg")
    with pytest.raises(ConvertError, match=r"there is no metadata\.csv, \.jsonl or \.parquet in"):
        MetadataFolder(tmp_path)


def test_sources_are_recognised_by_what_lies_in_the_folder(hub, tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    assert recognise(hub) == "metadata"
    write(folder / "classes/Klee/1.jpg")
    assert recognise(folder / "classes") == "folder"
    write(folder / "classes/Klee/metadata.csv", "year,price\n1920,3\n")
    assert recognise(folder / "classes") == "folder"
    write(folder / "tars/train-0.tar")
    assert recognise(folder / "tars") == "tars"
    assert recognise(folder / "tars/train-0.tar") == "tars"
    write(folder / "tars/Klee/1.jpg")
    with pytest.raises(ConvertError, match=r"holds tars \(train-0\.tar\) and images: say which to convert"):
        recognise(folder / "tars")
    with pytest.raises(ConvertError, match="nowhere does not exist"):
        recognise(folder / "nowhere")
