import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artkit_shards import (
    ClassFolders,
    DatasetError,
    Loader,
    SampleError,
    Settings,
    StateError,
    convert,
    open_dataset,
)
from artkit_shards.format.index import TextColumn, read_column, read_text_column, write_index
from artkit_shards.format.manifest import is_shard_name, to_json
from artkit_shards.format.manifest_reader import read_manifest


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Class folders in `src`, and in `dst` the data set that they make: three classes in several shards."""
    root = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(0)
    for label, count in (("a", 12), ("b", 9), ("c", 4)):
        folder = root / "src" / label
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (9 + number, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    convert(ClassFolders(root / "src"), root / "dst", Settings(shard_bytes=8000), workers=1)
    return root


@pytest.fixture
def made(source, tmp_path):
    """A copy of the data set, to do anything to."""
    return Path(shutil.copytree(source / "dst", tmp_path / "dst"))


def change_manifest(directory, change):
    path = directory / ".artkit/manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def change_column(directory, name, change):
    path = directory / f".artkit/index/train/{name}.npy"
    column = np.load(path)
    result = change(column)
    np.save(path, column if result is None else result)


# --- what a data set offers -----------------------------------------------------------------------------------------


def test_a_data_set_tells_its_classes_splits_and_statistics(made):
    dataset = open_dataset(str(made))
    assert dataset.path == made
    assert dataset.class_names == ("a", "b", "c")
    assert dict(dataset.targets) == {"class": ("a", "b", "c")}
    assert dataset.split_names == ("train", "val", "test")
    assert all(0.4 < value < 0.6 for value in dataset.pixel_mean)
    assert all(0.2 < value < 0.4 for value in dataset.pixel_std)
    assert len(dataset.fingerprint) == 64


def test_a_split_tells_labels_keys_and_files_of_its_samples(made):
    split = open_dataset(made).split("train")
    assert (split.name, split.image_suffix, len(split)) == ("train", "png", 17)
    assert split.labels.dtype == split.class_counts.dtype == np.int64
    assert split.class_counts.tolist() == np.bincount(split.labels).tolist() == [8, 6, 3]
    assert list(split.targets) == ["class"]
    assert split.targets["class"] is split.labels
    assert len(split.keys) == len(split.files) == 17
    assert split.files[:3] == list(split.files)[:3]
    assert split.keys[-1] == "000000016"
    assert len(set(split.files)) == 17


def test_labels_cannot_be_changed_by_mistake(made):
    split = open_dataset(made).split("train")
    for values in (split.labels, split.class_counts):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1


def test_read_gives_the_bytes_of_the_source_file(made, source):
    for name in ("train", "val", "test"):
        split = open_dataset(made).split(name)
        for row in range(len(split)):
            assert split.read(row) == (source / "src" / split.files[row]).read_bytes()


@pytest.mark.parametrize("row", [-1, 17])
def test_rows_outside_a_split_are_index_errors(made, row):
    split = open_dataset(made).split("train")
    with pytest.raises(IndexError, match=rf"row {row} is outside \[0, 17\) of split 'train'"):
        split.read(row)
    with pytest.raises(IndexError, match="is outside"):
        split.shard_of(row)


def test_an_unknown_split_is_told_with_those_there_are(made):
    with pytest.raises(DatasetError, match="has no split 'valid'; it has train, val, test"):
        open_dataset(made).split("valid")


def test_a_data_set_by_another_target_has_that_ones_labels_and_the_same_images(two_target_shards):
    dataset = open_dataset(two_target_shards)
    view = dataset.by("style")
    assert (list(view.targets), view.class_names) == (["style", "artist"], ("flat", "line"))
    assert dict(view.targets) == dict(dataset.targets)
    for name in dataset.split_names:
        ours, theirs = view.split(name), dataset.split(name)
        assert ours.labels is theirs.targets["style"]
        assert ours.class_counts.tolist() == np.bincount(ours.labels[ours.labels >= 0]).tolist()
        assert [ours.read(row) for row in range(len(ours))] == [theirs.read(row) for row in range(len(theirs))]
    assert dataset.by("artist") is dataset
    assert dataset.class_names == ("A", "B", "C"), "the data set itself stays as it was"
    with pytest.raises(DatasetError, match="has no target 'stlye'; it has artist, style"):
        dataset.by("stlye")


def test_what_is_read_by_another_target_is_planned_by_it_and_is_not_resumed_by_this_one(two_target_shards):
    dataset = open_dataset(two_target_shards)
    ours, theirs = (Loader(data.split("train"), image_size=16, batch_size=4) for data in (dataset.by("style"), dataset))
    for batch in ours:
        assert batch.labels.tolist() == batch.targets["style"].tolist()
    assert ours.plan.tolist() != theirs.plan.tolist()
    with pytest.raises(StateError, match="its target was 'style', that of this Loader is 'artist'"):
        theirs.load_state_dict(ours.state_dict())


def test_the_fingerprint_is_that_of_the_content(made, source, tmp_path):
    fingerprint = open_dataset(made).fingerprint
    convert(ClassFolders(source / "src"), tmp_path / "same", Settings(shard_bytes=8000), workers=1)
    convert(ClassFolders(source / "src"), tmp_path / "other", Settings(shard_bytes=8000, seed=1), workers=1)
    assert open_dataset(tmp_path / "same").fingerprint == fingerprint
    assert open_dataset(tmp_path / "other").fingerprint != fingerprint


def test_many_threads_read_what_one_reads(made):
    split = open_dataset(made).split("train")
    expected = [split.read(row) for row in range(len(split))]
    wrong = []

    def read_all(step):
        rows = [(row * step) % len(split) for row in range(200)]
        wrong.extend(row for row in rows if split.read(row) != expected[row])

    threads = [threading.Thread(target=read_all, args=(step,)) for step in (1, 3, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- folders that are no data set -----------------------------------------------------------------------------------


def test_a_folder_without_a_manifest_is_told_what_it_looks_like(made, source, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat/1.jpg").write_bytes(b"")
    for directory, message in {
        tmp_path / "gone": "gone does not exist; give the folder of a data set",
        source / "src/a/0.png": r"0\.png is a file; give the folder of a data set",
        source / "src": "src holds images, not shards; convert it first: artkit shard",
        tmp_path / "flat": "flat holds images, not shards; convert it first",
        tmp_path / "empty": r"empty is not a data set, it has no \.artkit/manifest\.json; make one with `artkit shard",
    }.items():
        with pytest.raises(DatasetError, match=message):
            open_dataset(directory)
    (made / ".artkit/manifest.json").unlink()
    with pytest.raises(DatasetError, match="was not finished; run the same `artkit shard` command again"):
        open_dataset(made)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("train-000000.tar", True),
        ("part_1.v2.tar", True),
        ("../train-000000.tar", False),
        ("/etc/train.tar", False),
        ("..\\train.tar", False),
        ("a\0.tar", False),
        ("a.tar\n", False),
        ("http://host/a.tar", False),
        ("pipe:cat a.tar", False),
        (".hidden.tar", False),
        ("train-000000.tar.gz", False),
    ],
)
def test_only_plain_names_of_tars_are_shard_names(name, good):
    assert is_shard_name(name) == good


def shard_entry(content):
    return content["splits"]["train"]["shards"][1]


MANIFEST_FAULTS = {
    "path": (lambda c: shard_entry(c).update(name="../../etc/passwd"), r"names a shard '\.\./\.\./etc/passwd'"),
    "address": (lambda c: shard_entry(c).update(name="pipe:rm -r x.tar"), "names a shard 'pipe:rm -r x.tar'"),
    "twice": (lambda c: shard_entry(c).update(name="train-000000.tar"), "lists a shard twice"),
    "split name": (lambda c: c["splits"].update({"../x": c["splits"].pop("val")}), r"has a split named '\.\./x'"),
    "target name": (lambda c: c["targets"][0].update(name="../../x"), r"has a target named '\.\./\.\./x'"),
    "suffix": (lambda c: c.update(image_suffix="pkl"), "has image_suffix 'pkl'"),
    "no targets": (lambda c: c.update(targets=[]), "has no targets"),
    "no samples": (lambda c: shard_entry(c).update(samples=0), "lists train-000001.tar without samples"),
    "negative": (lambda c: shard_entry(c).update(bytes=-1), "has 'bytes' = -1"),
    "truth": (lambda c: shard_entry(c).update(samples=True), "has no 'samples' of the right kind"),
    "text": (lambda c: c["splits"]["train"].update(samples="17"), "has no 'samples' of the right kind"),
    "sum of shards": (lambda c: shard_entry(c).update(samples=99), "has shards of 'train' that do not add up"),
    "sum of classes": (lambda c: c["splits"]["train"].update(class_counts=[9, 9, 9]), "class counts of 'train'"),
    "classes": (lambda c: c["splits"]["train"].update(class_counts=[17]), "no count for each class of split 'train'"),
    "class names": (lambda c: c["targets"][0].update(classes=[1, 2, 3]), "'classes' that is not a list of str"),
    "checksum": (lambda c: shard_entry(c).update(sha256="0"), "has no sha256 for train-000001.tar"),
    "other content": (lambda c: c["targets"][0].update(classes=["x", "y", "z"]), "does not have the fingerprint"),
    "statistics": (lambda c: c.update(pixel_mean=[0.5, 0.5]), "has no three numbers from 0 to 1 in 'pixel_mean'"),
    "huge number": (lambda c: c.update(pixel_std=[0, 10**400, 0]), "has no three numbers from 0 to 1 in 'pixel_std'"),
    "not finite": (
        lambda c: c.update(pixel_std=[1, 1, float("nan")]),
        "has no three numbers from 0 to 1 in 'pixel_std'",
    ),
    "other format": (lambda c: c.update(format="zip"), "is not the manifest of an artkit data set"),
    "newer": (lambda c: c.update(version=2), "has format version 2, this artkit reads version 1; use the artkit that"),
    "list": (lambda c: c.update(splits=[]), "has no 'splits' of the right kind"),
}


@pytest.mark.parametrize(("change", "message"), MANIFEST_FAULTS.values(), ids=MANIFEST_FAULTS)
def test_a_manifest_that_breaks_a_rule_is_refused_by_name(made, change, message):
    change_manifest(made, change)
    with pytest.raises(DatasetError, match=rf"manifest\.json .*{message}"):
        open_dataset(made)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000], ids=["empty", "cut", "list", "null", "deep"])
def test_a_manifest_that_is_no_json_object_is_refused(made, text):
    (made / ".artkit/manifest.json").write_text(text)
    with pytest.raises(DatasetError, match=r"manifest\.json is not"):
        open_dataset(made)


def test_a_huge_manifest_is_not_even_read(made):
    with (made / ".artkit/manifest.json").open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(DatasetError, match="has more than 64 MiB; this is no manifest"):
        open_dataset(made)


def test_a_manifest_survives_writing_and_reading(made):
    assert to_json(read_manifest(made)) == (made / ".artkit/manifest.json").read_bytes()


# --- files that disagree --------------------------------------------------------------------------------------------


def test_a_missing_shard_is_told(made):
    (made / "train-000001.tar").unlink()
    with pytest.raises(DatasetError, match=r"train-000001\.tar is missing: copy the whole data set again, or convert"):
        open_dataset(made)


def test_a_cut_off_shard_is_told_with_both_sizes(made):
    path = made / "train-000001.tar"
    size = path.stat().st_size
    os.truncate(path, size - 512)
    with pytest.raises(
        DatasetError, match=rf"has {size - 512} bytes, the manifest says {size}: the shard is incomplete"
    ):
        open_dataset(made)


INDEX_FAULTS = {
    "wrong type": ("offset", lambda c: c.astype("<u4"), r"offset\.npy is not one column of type uint64"),
    "other byte order": ("size", lambda c: c.astype(">u4"), r"size\.npy is not one column of type uint32"),
    "two columns": ("width", lambda c: np.stack([c, c]), r"width\.npy is not one column"),
    "too short": ("crc32", lambda c: c[:-1], r"crc32\.npy has 16 entries, the manifest says 17"),
    "text too short": ("key.ends", lambda c: c[:-1], r"key\.ends\.npy has 16 entries"),
    "text ends badly": ("file.ends", lambda c: c[::-1], r"file\.ends\.npy does not fit the text beside it"),
    "label too large": ("class.label", lambda c: np.full_like(c, 3), r"labels from 3 to 3, the manifest has 3 classes"),
    "label too small": ("class.label", lambda c: np.full_like(c, -2), "labels from -2 to -2"),
    "labels moved": ("class.label", lambda c: np.zeros_like(c), "do not have the class counts of the manifest"),
    "no height": ("height", lambda c: c * np.uint32(0), r"says that sample 000000000 has \d+x0 pixels"),
    "too wide": ("width", lambda c: c + np.uint32(2**31), r"says that sample 000000000 has 21474836\d+x\d+ pixels"),
    "too large": ("size", lambda c: c + np.uint32(2**29), "cannot be in train-000000.tar"),
    "not at a block": ("offset", lambda c: c + np.uint64(1), "cannot be in train-000000.tar"),
    "outside": ("offset", lambda c: c + np.uint64(512_000), "cannot be in train-000000.tar"),
    "far outside": ("offset", lambda c: np.full_like(c, 2**64 - 512), "cannot be in train-000000.tar"),
    "at a header": ("offset", lambda c: c * np.uint64(0), "cannot be in train-000000.tar"),
    "too long": ("size", lambda c: np.full_like(c, 2**32 - 1), "cannot be in train-000000.tar"),
    "nothing": ("size", lambda c: np.zeros_like(c), "cannot be in train-000000.tar"),
}


@pytest.mark.parametrize(("name", "change", "message"), INDEX_FAULTS.values(), ids=INDEX_FAULTS)
def test_an_index_that_disagrees_is_refused_by_name(made, name, change, message):
    change_column(made, name, change)
    with pytest.raises(DatasetError, match=message):
        open_dataset(made)


@pytest.mark.parametrize("fault", ["missing", "empty", "no numpy file", "pickle"])
def test_index_files_that_cannot_be_read_safely_are_refused(made, fault):
    path = made / ".artkit/index/train/size.npy"
    if fault == "missing":
        path.unlink()
    elif fault == "pickle":
        np.save(path, np.array([{"a": 1}] * 17, dtype=object))
    else:
        path.write_bytes(b"" if fault == "empty" else b"no numpy")
    with pytest.raises(DatasetError, match=r"size\.npy cannot be read \(.*the index was damaged or changed"):
        open_dataset(made)


def test_a_name_that_was_changed_in_the_index_is_noticed(made):
    path = made / ".artkit/index/val/file.text.npy"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"?")
    with pytest.raises(
        DatasetError, match=r"index/val does not fit its checksums\.json \(file\.text\.npy\); the index was"
    ):
        open_dataset(made)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"checksums\.json cannot be read: No such file"),
        ("{", r"checksums\.json cannot be read \(.*the index was damaged or changed"),
        ("[]", r"index/train does not fit its checksums\.json \(class\.label\.npy, crc32\.npy"),
        ("{}", r"index/train does not fit its checksums\.json \(class\.label\.npy, crc32\.npy"),
    ],
)
def test_checksums_that_are_not_what_they_should_be_are_refused(made, content, message):
    path = made / ".artkit/index/train/checksums.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(DatasetError, match=message):
        open_dataset(made)


def test_another_shard_of_the_same_size_is_noticed_when_it_is_read(made):
    split = open_dataset(made).split("train")
    shard = made / "train-000001.tar"
    data = bytearray(shard.read_bytes())
    data[:9] = b"987654321"
    shard.write_bytes(data)
    row = next(row for row in range(len(split)) if split.shard_of(row) == shard.name)
    expected = (
        rf"sample {split.keys[row]} of {shard.name} is not where the index says \({split.keys[row]}\.png expected"
    )
    with pytest.raises(SampleError, match=expected) as caught:
        split.read(row)
    assert (caught.value.shard, caught.value.key) == (shard.name, split.keys[row])


def test_a_shard_that_shrinks_or_goes_while_it_is_used_is_told(made):
    split = open_dataset(made).split("train")
    row = len(split) - 1
    shard = made / split.shard_of(row)
    split.read(row)
    os.truncate(shard, 600)
    with pytest.raises(SampleError, match=r"has \d+ bytes where the index says \d+: the shard was cut off"):
        split.read(row)
    fresh = open_dataset_again(made, shard, split)
    shard.unlink()
    with pytest.raises(SampleError, match="cannot be read: No such file or directory"):
        fresh.read(row)


def open_dataset_again(made, shard, split):
    """A split whose files are not open yet."""
    os.truncate(shard, next(s.bytes for s in read_manifest(made).splits[0].shards if s.name == shard.name))
    return open_dataset(made).split(split.name)


# --- columns --------------------------------------------------------------------------------------------------------


def test_text_columns_hold_any_text(tmp_path):
    texts = ["", "Cézanne/pommes.jpg", "日本.png", "a\nb", ""]
    numbers = {name: range(5) for name in ("offset", "size", "width", "height", "crc32")}
    write_index(tmp_path, numbers, {"class": [0, 1, -1, 2, 3]}, {"key": texts, "file": texts})
    column = read_text_column(tmp_path, "file", 5)
    assert isinstance(column, TextColumn)
    assert list(column) == texts
    assert column[1:4] == texts[1:4]
    assert column[-3] == "日本.png"
    with pytest.raises(IndexError, match="out of range"):
        column[5]
    assert read_column(tmp_path, "class.label", "<i4", 5).tolist() == [0, 1, -1, 2, 3]


# --- what is said of a sample beside its image ----------------------------------------------------------------------


def test_the_json_of_every_sample_is_read_from_behind_its_image(made):
    dataset = open_dataset(made)
    for split in map(dataset.split, dataset.split_names):
        for row in range(len(split)):
            fields = split.fields(row)
            assert fields["file"] == split.files[row]
            assert fields["class"] == dataset.class_names[split.labels[row]]
            assert (fields["width"], fields["height"]) == (split.widths[row], split.heights[row])


def test_the_name_of_a_held_out_class_is_in_the_json_alone(source, tmp_path):
    convert(ClassFolders(source / "src"), tmp_path / "dst", Settings(hold_out=("c",)), workers=1)
    unknown = open_dataset(tmp_path / "dst").split("unknown")
    assert unknown.labels.tolist() == [-1] * 4
    assert {unknown.fields(row)["class"] for row in range(4)} == {"c"}


def json_place(split, row):
    """Where the data of a sample's JSON begins: behind the padded image, the class with its header, and a header."""
    end = int(split._offset[row]) + int(split._size[row])
    return end + -end % 512 + 2 * 512 + 512


def test_json_that_is_damaged_is_told_with_its_sample(made):
    split = open_dataset(made).split("train")
    with (made / split.shard_of(3)).open("r+b") as file:
        file.seek(json_place(split, 3))
        assert file.read(1) == b"{"
        file.seek(-1, os.SEEK_CUR)
        file.write(b"#")
    with pytest.raises(
        SampleError, match=rf"sample {split.keys[3]} of {split.shard_of(3)} has JSON that cannot be read"
    ):
        split.fields(3)


def test_a_sample_without_json_says_nothing(made):
    split = open_dataset(made).split("train")
    with (made / split.shard_of(3)).open("r+b") as file:
        file.seek(json_place(split, 3) - 512)
        file.write(bytes(512))  # the archive ends here, for all that its reader can tell
    assert split.fields(3) == {}


def test_a_row_that_is_not_there_has_no_fields(made):
    split = open_dataset(made).split("val")
    with pytest.raises(IndexError, match=f"row {len(split)} is outside"):
        split.fields(len(split))
