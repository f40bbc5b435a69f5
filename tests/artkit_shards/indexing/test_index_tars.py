"""Tars that others wrote become a data set: what the index says, and what is refused with nothing written."""

import json
import os
import re
import shutil
import tarfile

import numpy as np
import pytest

from artkit_shards import DatasetError, Loader, SampleError, index_tars, open_dataset
from artkit_shards.format.manifest_reader import read_manifest


def half(number):
    return number % 2


def everything_below(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def tars(foreign_tars):
    """Three tars of two classes by `.cls`: 8 training samples in two of them, 4 for validation."""
    foreign_tars.write("data-train-0.tar", foreign_tars.samples(range(5), cls=half))
    foreign_tars.write("data-train-1.tar", foreign_tars.samples(range(5, 8), cls=half))
    foreign_tars.write("data_validation.tar", foreign_tars.samples(range(8, 12), cls=half))
    return foreign_tars


# --- what the index says --------------------------------------------------------------------------------------------


def test_every_sample_is_read_by_the_index_as_tarfile_reads_it(tars):
    report = index_tars(tars.folder, threads=2)
    dataset = open_dataset(tars.folder)
    assert dict(report.split_counts) == {"train": 8, "val": 4}
    assert dataset.split_names == ("train", "val")
    assert dataset.class_names == ("0", "1")
    for name in dataset.split_names:
        split = dataset.split(name)
        for row in range(len(split)):
            shard, _, member = split.files[row].partition("/")
            assert shard == split.shard_of(row)
            with tarfile.open(tars.folder / shard) as tar:
                assert split.read(row) == tar.extractfile(member).read()
                assert split.labels[row] == int(tar.extractfile(member.replace(".png", ".cls")).read())
            assert split.keys[row] == member.removesuffix(".png")
            assert (split.widths[row], split.heights[row]) == (24, 16)


def test_the_tars_themselves_are_not_touched(tars):
    before = everything_below(tars.folder)
    index_tars(tars.folder)
    after = everything_below(tars.folder)
    assert {name: after[name] for name in before} == before
    assert {name.partition("/")[0] for name in after.keys() - before.keys()} == {".artkit"}


def test_an_index_does_not_depend_on_the_number_of_threads(tars):
    index_tars(tars.folder, threads=1)
    one = everything_below(tars.folder)
    index_tars(tars.folder, threads=5, force=True)
    assert everything_below(tars.folder) == one


def test_the_loader_reads_an_indexed_data_set(tars):
    index_tars(tars.folder)
    split = open_dataset(tars.folder).split("train")
    batches = list(Loader(split, image_size=16, batch_size=4))
    assert sorted(np.concatenate([batch.rows for batch in batches]).tolist()) == list(range(8))


def test_the_shards_of_artkit_give_the_index_that_it_wrote_itself(uneven_shards, tmp_path):
    for path in uneven_shards.glob("*.tar"):
        os.link(path, tmp_path / path.name)
    index_tars(tmp_path, labels=["class"])
    ours, found = open_dataset(uneven_shards), open_dataset(tmp_path)
    assert found.class_names == ours.class_names
    assert found.fingerprint == ours.fingerprint
    assert found.split_names == ours.split_names
    for name in ours.split_names:
        for column in ("offset", "size", "width", "height", "crc32", "class.label", "key.text", "key.ends"):
            paths = [folder / ".artkit/index" / name / f"{column}.npy" for folder in (uneven_shards, tmp_path)]
            assert paths[0].read_bytes() == paths[1].read_bytes()
    np.testing.assert_allclose(found.pixel_mean, ours.pixel_mean)
    np.testing.assert_allclose(found.pixel_std, ours.pixel_std)


def test_images_of_several_formats_and_suffixes_are_indexed_together(foreign_tars):
    members = foreign_tars.samples(range(2), cls=half)
    members |= foreign_tars.samples(range(2, 4), suffix="JPG", kind="JPEG", cls=half)
    members |= foreign_tars.samples(range(4, 6), suffix="jpeg", kind="JPEG", cls=half)
    members |= foreign_tars.samples(range(6, 8), suffix="photo.webp", kind="WEBP", cls=half)
    foreign_tars.write("a.tar", members)
    assert index_tars(foreign_tars.folder).image_suffix == "mixed"
    split = open_dataset(foreign_tars.folder).split("train")
    assert [split.read(row) for row in range(8)] == [
        content for name, content in members.items() if not name.endswith(".cls")
    ]


@pytest.mark.parametrize(("suffix", "expected"), [("png", "png"), ("PNG", "png"), ("view.png", "mixed")])
def test_a_common_suffix_is_told(foreign_tars, suffix, expected):
    foreign_tars.write("a.tar", foreign_tars.samples(range(4), suffix=suffix, cls=half))
    assert index_tars(foreign_tars.folder).image_suffix == expected
    split = open_dataset(foreign_tars.folder).split("train")
    assert split.image_suffix == expected
    assert split.read(3) == foreign_tars.image(3)


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_names_of_any_length_and_script_are_indexed(foreign_tars, tar_format):
    keys = ["Äpfel/" + 150 * "x", "日本/1", "a b/2", "plain"]
    members = [
        (f"{key}.{suffix}", content)
        for number, key in enumerate(keys)
        for suffix, content in (("png", foreign_tars.image(number)), ("cls", str(half(number))))
    ]
    foreign_tars.write("a.tar", members, tar_format=tar_format)
    index_tars(foreign_tars.folder)
    split = open_dataset(foreign_tars.folder).split("train")
    assert list(split.keys) == keys
    assert [split.read(row) for row in range(4)] == [foreign_tars.image(number) for number in range(4)]


def test_keys_that_several_tars_use_get_the_name_of_their_tar(foreign_tars):
    for name in ("train-0.tar", "train-1.tar", "test-0.tar"):
        foreign_tars.write(name, foreign_tars.samples(range(2), cls=half))
    report = index_tars(foreign_tars.folder)
    assert "several tars use the same keys; in tables the name of the tar stands before each key" in report.notes
    dataset = open_dataset(foreign_tars.folder)
    assert list(dataset.split("train").keys) == ["train-0/000", "train-0/001", "train-1/000", "train-1/001"]
    assert list(dataset.split("test").keys) == ["test-0/000", "test-0/001"]
    assert dataset.split("test").read(1) == foreign_tars.image(1)


def test_one_of_several_images_can_be_chosen(foreign_tars):
    members = {}
    for number in range(4):
        members |= {
            f"{number}.png": foreign_tars.image(number),
            f"{number}.jpg": foreign_tars.image(number, "JPEG"),
            f"{number}.seg.png": foreign_tars.image(99),
            f"{number}.cls": str(half(number)),
        }
    foreign_tars.write("a.tar", members)
    with pytest.raises(
        DatasetError, match=r"sample 0 of a\.tar has several images \(png, jpg\); choose one with --image png"
    ):
        index_tars(foreign_tars.folder)
    index_tars(foreign_tars.folder, image="jpg")
    assert open_dataset(foreign_tars.folder).split("train").read(3) == foreign_tars.image(3, "JPEG")
    index_tars(foreign_tars.folder, image="seg.png", force=True)
    assert open_dataset(foreign_tars.folder).split("train").read(3) == foreign_tars.image(99)


def test_a_plain_image_comes_before_others(foreign_tars):
    members = {}
    for number in range(2):
        members |= {f"{number}.mask.png": foreign_tars.image(9), f"{number}.png": foreign_tars.image(number)}
        members[f"{number}.cls"] = str(number)
    foreign_tars.write("a.tar", members)
    index_tars(foreign_tars.folder)
    assert open_dataset(foreign_tars.folder).split("train").read(1) == foreign_tars.image(1)


# --- classes --------------------------------------------------------------------------------------------------------


def test_numbers_in_cls_stay_the_classes_also_where_some_are_missing(foreign_tars):
    foreign_tars.write("a.tar", foreign_tars.samples(range(4), cls=lambda number: 2 * number))
    report = index_tars(foreign_tars.folder)
    assert report.class_counts == {"0": 1, "1": 0, "2": 1, "3": 0, "4": 1, "5": 0, "6": 1}
    assert open_dataset(foreign_tars.folder).split("train").labels.tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize("name", ["classes.txt", "classnames.txt", "given.txt"])
def test_class_names_come_from_a_file(foreign_tars, name):
    foreign_tars.write("a.tar", foreign_tars.samples(range(4), cls=half))
    (foreign_tars.folder / name).write_text("Monet\nÉmile  Bernard\nnever seen\n")
    given = foreign_tars.folder / name
    report = index_tars(foreign_tars.folder, classes=given if name == "given.txt" else None)
    assert report.class_counts == {"Monet": 2, "Émile Bernard": 2, "never seen": 0}
    assert f"class names are those of {given}" in report.notes


def test_class_names_that_come_twice_are_told_apart_by_their_number(foreign_tars):
    foreign_tars.write("a.tar", foreign_tars.samples(range(4), cls=half))
    (foreign_tars.folder / "classes.txt").write_text("crane\ncrane\n")
    assert list(index_tars(foreign_tars.folder).class_counts) == ["crane", "crane (1)"]


def test_fields_of_json_give_several_targets_and_missing_ones_are_none(foreign_tars):
    facts = [
        {"artist": "Monet", "meta": {"year": 1890.0}},
        {"artist": " Van  Gogh ", "meta": {"year": 1888}},
        {"artist": "Monet", "meta": {}},
        {"artist": "Klee", "meta": {"year": None}},
    ]
    foreign_tars.write("a.tar", foreign_tars.samples(range(4), json=lambda number: json.dumps(facts[number])))
    report = index_tars(foreign_tars.folder, labels=["artist", "when=meta.year"])
    assert dict(report.targets) == {"artist": 3, "when": 2}
    dataset = open_dataset(foreign_tars.folder)
    assert dict(dataset.targets) == {"artist": ("Klee", "Monet", "Van Gogh"), "when": ("1888", "1890")}
    split = dataset.split("train")
    assert split.labels.tolist() == [1, 2, 1, 0]
    assert split.targets["when"].tolist() == [1, 0, -1, -1]


def test_a_text_member_names_the_class(foreign_tars):
    foreign_tars.write("a.tar", foreign_tars.samples(range(4), txt=lambda number: f"{'ba'[half(number)]}\n"))
    index_tars(foreign_tars.folder, labels=["txt"])
    dataset = open_dataset(foreign_tars.folder)
    assert dict(dataset.targets) == {"class": ("a", "b")}
    assert dataset.split("train").labels.tolist() == [1, 0, 1, 0]


def test_names_in_cls_are_sorted_like_all_names(foreign_tars):
    foreign_tars.write("a.tar", foreign_tars.samples(range(4), cls=lambda number: "ba"[half(number)]))
    index_tars(foreign_tars.folder)
    assert open_dataset(foreign_tars.folder).class_names == ("a", "b")


def test_samples_without_a_class_are_left_out_of_training_and_kept_elsewhere(foreign_tars):
    def label(number):
        return "" if number == 3 else half(number)

    foreign_tars.write("train-0.tar", foreign_tars.samples(range(12), cls=label))
    foreign_tars.write("test-0.tar", foreign_tars.samples(range(20, 24), cls=lambda _: -1))
    report = index_tars(foreign_tars.folder)
    dataset = open_dataset(foreign_tars.folder)
    assert len(dataset.split("train")) == 11
    assert dataset.split("test").labels.tolist() == [-1, -1, -1, -1]
    assert dict(report.rejects) == {"no class": 1}
    assert json.loads((foreign_tars.folder / ".artkit/rejects.jsonl").read_text()) == {
        "file": "train-0.tar/003.png",
        "reason": "no class",
    }


LABEL_MISTAKES = {
    "no such field": ({"labels": ["painter"]}, "of 4 samples in .* cannot be used .4 no class.*--label"),
    "empty": ({"labels": [""]}, "the label '' names no field; write cls, txt or a field of .json, such as artist"),
    "no name": ({"labels": ["=artist"]}, "the label '=artist' names no field"),
    "bad target": ({"labels": ["1st"]}, "a target cannot be named '1st'; name it with small letters"),
    "twice": ({"labels": ["artist", "meta.artist"]}, "two labels are named 'artist'; name one of them otherwise"),
    "no class file": (
        {"classes": "nowhere.txt", "labels": ["artist"]},
        "class names nowhere.txt cannot be read: No such",
    ),
    "number of another file": (
        {"labels": ["number"], "classes": "{few}"},
        "has classes from 0 to 3, but .* names 2, from",
    ),
    "name not in the file": (
        {"labels": ["artist"], "classes": "{few}"},
        "does not name the classes Klee, Monet; add them",
    ),
    "hole in the file": (
        {"labels": ["number"], "classes": "{hole}"},
        "must name one class a line.* line 2 of it is empty",
    ),
    "empty file": ({"labels": ["number"], "classes": "{empty}"}, "must name one class a line, .* but it is empty"),
    "no text file": ({"labels": ["number"], "classes": "{binary}"}, "are not UTF-8 text; save the file as UTF-8"),
}


@pytest.mark.parametrize(("options", "message"), LABEL_MISTAKES.values(), ids=LABEL_MISTAKES)
def test_mistakes_with_labels_are_told_and_nothing_is_written(foreign_tars, tmp_path, options, message):
    files = {"few": b"a\nb\n", "hole": b"a\n\nb\n", "empty": b"\n \n", "binary": b"\xff\xfe\x00"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    if "classes" in options:
        options = {**options, "classes": options["classes"].format(**{name: tmp_path / name for name in files})}
    names = ["Monet", "Klee"]
    facts = [{"artist": names[half(number)], "number": number} for number in range(4)]
    foreign_tars.write("a.tar", foreign_tars.samples(range(4), json=lambda number: json.dumps(facts[number])))
    with pytest.raises(DatasetError, match=message):
        index_tars(foreign_tars.folder, **options)
    assert not (foreign_tars.folder / ".artkit").exists()


def test_without_cls_the_fields_there_are_are_named(foreign_tars):
    foreign_tars.write(
        "a.tar", foreign_tars.samples(range(2), txt=str, json=lambda _: '{"artist": "x", "size": [1], "year": 3}')
    )
    expected = (
        "sample 000 of a.tar has no .cls; say where its class is with --label FIELD: choose one of txt, artist, year"
    )
    with pytest.raises(DatasetError, match=re.escape(expected)):
        index_tars(foreign_tars.folder)


def test_without_anything_that_tells_a_class_the_members_are_named(foreign_tars):
    foreign_tars.write("a.tar", foreign_tars.samples(range(2), dat=str))
    with pytest.raises(DatasetError, match="with --label FIELD: it has png, dat only"):
        index_tars(foreign_tars.folder)


BAD_LABELS = {
    "cls.huge": ("cls", "99999999", r"\.cls has no class number"),
    "cls.negative": ("cls", "-7", r"\.cls has no class number"),
    "cls.long": ("cls", 300 * "x", r"\.cls too large"),
    "json.broken": ("json", "{", r"\.json is no JSON"),
    "json.list": ("json", "[1]", r"\.json is no JSON object"),
    "json.deep": ("json", "[" * 100_000, r"\.json is no JSON"),
    "json.value": ("json", '{"artist": [1]}', "artist is no text or whole number"),
    "json.fraction": ("json", '{"artist": 1.5}', "artist is no text or whole number"),
    "json.control": ("json", '{"artist": "a\\u001bb"}', "artist has control characters"),
}


@pytest.mark.parametrize(("member", "content", "reason"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_a_sample_whose_class_cannot_be_read_is_listed_and_left_out(foreign_tars, member, content, reason):
    good = {"cls": half, "json": lambda number: f'{{"artist": "{half(number)}"}}'}[member]
    members = foreign_tars.samples(range(20), **{member: good})
    members[f"013.{member}"] = content
    foreign_tars.write("a.tar", members)
    report = index_tars(foreign_tars.folder, labels=["cls" if member == "cls" else "artist"])
    assert dict(report.split_counts) == {"train": 19}
    listed = json.loads((foreign_tars.folder / ".artkit/rejects.jsonl").read_text())
    assert listed["file"] == "a.tar/013.png"
    assert re.match(reason, listed["reason"])


def test_numbers_and_names_in_cls_do_not_mix(foreign_tars):
    foreign_tars.write("a.tar", foreign_tars.samples(range(4), cls=lambda number: "x" if number == 2 else number))
    with pytest.raises(DatasetError, match=r"some \.cls members are numbers \(0\) and some are not \('x'\); make them"):
        index_tars(foreign_tars.folder)


# --- splits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-000000.tar", "train"),
        ("imagenet_train_0001.tar", "train"),
        ("shard-000000.tar", "train"),
        ("00017.tar", "train"),
        ("VALID.01.tar", "val"),
        ("cc-validation-3.tar", "val"),
        ("dev-1.tar", "val"),
        ("test.tar", "test"),
        ("contest-3.tar", "train"),
        ("unknown-000000.tar", "unknown"),
    ],
)
def test_the_name_of_a_tar_says_its_split(foreign_tars, name, split):
    foreign_tars.write(name, foreign_tars.samples(range(4), cls=half))
    assert dict(index_tars(foreign_tars.folder).split_counts) == {split: 4}


def test_patterns_say_the_split_where_names_do_not(foreign_tars):
    for number in range(4):
        foreign_tars.write(f"shard-{number}.tar", foreign_tars.samples(range(10 * number, 10 * number + 3), cls=half))
    report = index_tars(foreign_tars.folder, splits={"val": ["shard-3.tar"], "odd": ["*-1.tar"]})
    assert dict(report.split_counts) == {"train": 6, "val": 3, "odd": 3}


SPLIT_MISTAKES = {
    "no match": ({"val": ["x*.tar"]}, "no tar is named as 'x[*].tar' for the split 'val'; there are train-test.tar"),
    "two": ({"val": ["*.tar"], "test": ["train*"]}, "train-test.tar fits the patterns of 'val' and 'test'"),
    "name": ({"../x": ["*.tar"]}, r"a split cannot be named '\.\./x'"),
    "two words": (
        {},
        r"train-test\.tar says several splits \(test, train\); say which with --split test='train-test.tar'",
    ),
}


@pytest.mark.parametrize(("splits", "message"), SPLIT_MISTAKES.values(), ids=SPLIT_MISTAKES)
def test_mistakes_with_splits_are_told(foreign_tars, splits, message):
    foreign_tars.write("train-test.tar", foreign_tars.samples(range(4), cls=half))
    with pytest.raises(DatasetError, match=message):
        index_tars(foreign_tars.folder, splits=splits)


# --- what is refused ------------------------------------------------------------------------------------------------


def test_a_damaged_tar_is_named_with_the_byte_and_nothing_is_written(tars):
    path = tars.folder / "data-train-1.tar"
    path.write_bytes(path.read_bytes()[:2000])
    before = everything_below(tars.folder)
    calls = []
    with pytest.raises(
        DatasetError,
        match=r"data-train-1\.tar cannot be read at byte 1024: .*cut off\. Nothing was written: .* --skip-bad",
    ):
        index_tars(tars.folder, progress=lambda *call: calls.append(call))
    assert everything_below(tars.folder) == before
    assert "images" not in {phase for phase, _, _ in calls}


def test_damaged_tars_can_be_left_out(tars):
    path = tars.folder / "data-train-1.tar"
    path.write_bytes(path.read_bytes()[:2000])
    tars.write("empty.tar", {})
    report = index_tars(tars.folder, skip_bad=True, max_rejects=0.5)
    assert dict(report.split_counts) == {"train": 5, "val": 4}
    assert dict(report.rejects) == {"tar that cannot be read": 2}
    lines = [json.loads(line) for line in (tars.folder / ".artkit/rejects.jsonl").read_text().splitlines()]
    assert [line["file"] for line in lines] == ["data-train-1.tar", "empty.tar"]


def test_if_no_tar_can_be_read_nothing_is_left_to_skip(foreign_tars):
    foreign_tars.write("a.tar", {})
    with pytest.raises(DatasetError, match=r"no tar in .* can be read \(tar that cannot be read: a\.tar .*no samples"):
        index_tars(foreign_tars.folder, skip_bad=True)


def test_images_that_cannot_be_decoded_are_listed_and_left_out(foreign_tars):
    members = foreign_tars.samples(range(30), cls=half)
    members["007.png"] = members["007.png"][:40]
    members["008.png"] = b"<html>"
    del members["009.png"]
    foreign_tars.write("a.tar", members)
    report = index_tars(foreign_tars.folder)
    assert dict(report.split_counts) == {"train": 27}
    assert sum(report.rejects.values()) == 3
    lines = [json.loads(line) for line in (foreign_tars.folder / ".artkit/rejects.jsonl").read_text().splitlines()]
    assert [line["file"] for line in lines] == ["a.tar/007.png", "a.tar/008.png", "a.tar/009"]
    assert [line["reason"] for line in lines][1:] == ["not an image", "no image"]
    assert read_manifest(foreign_tars.folder).rejects == dict(report.rejects)


def test_too_many_bad_samples_are_an_error_with_examples(foreign_tars):
    members = foreign_tars.samples(range(6), cls=half)
    members["002.png"] = b"<html>"
    foreign_tars.write("a.tar", members)
    with pytest.raises(
        DatasetError,
        match=r"1 of 6 samples in .* cannot be used \(1 not an image\), more than the share of 0\.1 that is allowed: "
        r"a\.tar/002\.png \(not an image\)\. Nothing was written",
    ):
        index_tars(foreign_tars.folder)
    assert not (foreign_tars.folder / ".artkit").exists()


def test_a_tar_without_usable_samples_is_left_out_with_a_note(tars):
    members = tars.samples(range(50, 51), cls=half)
    tars.write("train-9.tar", {**members, "050.png": b"<html>"})
    assert "1 tar without a usable sample left out: train-9.tar" in index_tars(tars.folder).notes
    assert open_dataset(tars.folder).split_names == ("train", "val")


def test_the_index_of_a_conversion_is_known_to_know_more_than_its_tars(uneven_shards, tmp_path):
    folder = shutil.copytree(uneven_shards, tmp_path / "shards")
    with pytest.raises(DatasetError, match="knows more than its tars: `artkit shard` wrote it; to replace it, add --f"):
        index_tars(folder)
    told = "classes have numbers for names; give --classes FILE, or a field that names them, --label FIELD"
    assert told in index_tars(folder, force=True).notes
    assert told not in index_tars(folder, labels=["class"], force=True).notes
    (folder / ".artkit/manifest.json").write_text("{")
    with pytest.raises(DatasetError, match="has an index already; to replace it, add --force"):
        index_tars(folder)


def test_an_index_is_replaced_only_by_force(tars):
    index_tars(tars.folder)
    before = everything_below(tars.folder)
    with pytest.raises(DatasetError, match="has an index already; to replace it, add --force"):
        index_tars(tars.folder)
    assert everything_below(tars.folder) == before
    (tars.folder / "classes.txt").write_text("a\nb\n")
    index_tars(tars.folder, force=True)
    assert open_dataset(tars.folder).class_names == ("a", "b")


def test_a_failed_indexing_leaves_the_old_index(tars):
    index_tars(tars.folder)
    path = tars.folder / "data-train-1.tar"
    damaged = path.read_bytes()[:2000]
    path.write_bytes(damaged)
    before = everything_below(tars.folder)
    with pytest.raises(DatasetError, match="cut off"):
        index_tars(tars.folder, force=True)
    assert everything_below(tars.folder) == before


def test_an_unfinished_conversion_is_not_taken_for_tars_of_others(tars):
    (tars.folder / ".artkit").mkdir()
    (tars.folder / ".artkit/unfinished.json").write_text("[]")
    with pytest.raises(DatasetError, match="holds a conversion that was not finished; run its `artkit shard` command"):
        index_tars(tars.folder)
    assert [path.name for path in (tars.folder / ".artkit").iterdir()] == ["unfinished.json"]


def test_what_an_indexing_that_was_killed_has_left_is_cleared_away(tars):
    left = tars.folder / ".artkit/indexing-abc/index/train"
    left.mkdir(parents=True)
    (left / "offset.npy").write_bytes(b"half")
    index_tars(tars.folder, image="png")
    assert sorted(path.name for path in (tars.folder / ".artkit").iterdir()) == [
        "index",
        "manifest.json",
        "rejects.jsonl",
    ]


def test_the_manifest_says_that_the_tars_were_there_before(tars, uneven_shards):
    index_tars(tars.folder, image="png")
    manifest = read_manifest(tars.folder)
    assert manifest.is_indexed
    assert manifest.options == {"indexed": True, "labels": ["class=cls"], "image": "png"}
    assert not read_manifest(uneven_shards).is_indexed


def test_folders_without_tars_are_told_what_to_do(foreign_tars, tmp_path):
    folder = foreign_tars.folder
    with pytest.raises(DatasetError, match="nowhere does not exist; give the folder with the tar files"):
        index_tars(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"there are no \.tar files in "):
        index_tars(folder)
    (folder / "train").mkdir()
    path = foreign_tars.write("train/0.tar", foreign_tars.samples(range(2), cls=half))
    with pytest.raises(DatasetError, match=r"no tars right in .*, but in its 1 folder train; .* train-000000\.tar"):
        index_tars(folder)
    with pytest.raises(DatasetError, match=r"0\.tar is a file; give the folder with the tar files"):
        index_tars(path)
    (folder / "a.tar.gz").write_bytes(b"")
    with pytest.raises(
        DatasetError, match=r"are compressed \(a\.tar\.gz\), .*; unpack them to plain \.tar files first"
    ):
        index_tars(folder)


def test_names_that_no_shard_can_have_are_told(foreign_tars):
    foreign_tars.write("my tar.tar", foreign_tars.samples(range(2), cls=half))
    with pytest.raises(DatasetError, match=r"my tar\.tar cannot be a shard: rename it with Latin letters"):
        index_tars(foreign_tars.folder)


def test_a_tar_that_is_swapped_after_indexing_is_noticed(tars):
    index_tars(tars.folder)
    tars.write("data-train-0.tar", {f"x{name}": content for name, content in tars.samples(range(5), cls=half).items()})
    split = open_dataset(tars.folder).split("train")
    with pytest.raises(
        SampleError, match=r"sample 000 of data-train-0\.tar is not where the index says \(000\.png expected, x000\.png"
    ):
        split.read(0)


def test_progress_counts_tars_then_images(tars):
    calls = []
    index_tars(tars.folder, threads=2, progress=lambda *call: calls.append(call))
    assert [call for call in calls if call[0] == "headers"] == [("headers", done, 3) for done in range(4)]
    images = [call for call in calls if call[0] == "images"]
    assert images[0] == ("images", 0, 12)
    assert images[-1] == ("images", 12, 12)
    assert [done for _, done, _ in images] == sorted(done for _, done, _ in images)


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_read(tars, tmp_path):
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.artkit").write_text("a file")
    phases = []
    for out in (tmp_path / "taken", tmp_path / "taken/below", tmp_path / "home"):
        message = rf"cannot write the index to {out}: .*[a-z]; mend this, or have it written .* with --out FOLDER"
        with pytest.raises(DatasetError, match=message):
            index_tars(tars.folder, out=out, progress=lambda *call: phases.append(call))
    assert phases == []
    assert {path.name for path in tmp_path.iterdir()} >= {"taken", "home"}
    assert [path.name for path in (tmp_path / "home").iterdir()] == [".artkit"]


def test_the_folder_for_the_index_is_made(tars, tmp_path):
    index_tars(tars.folder, out=tmp_path / "new/index")
    assert (tmp_path / "new/index/.artkit/manifest.json").exists()
