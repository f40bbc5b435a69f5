"""What users can choose of a data set's content, from the images to the shards."""

import json
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from artkit_shards import ClassFolders, ConvertError, Record, Settings, convert, open_dataset
from artkit_shards.images import read_rgb


def picture(seed, height=40, width=60):
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def make_folder(root, ending="jpg", **class_counts):
    for label, (name, count) in enumerate(class_counts.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            picture(1000 * label + number, 40 + number % 5).save(root / name / f"{number:03d}.{ending}")
    return root


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "src", few=4, many=30, some=10)


@pytest.fixture
def dst(tmp_path):
    return tmp_path / "dst"


def convert_folder(folder, dst, *, augmenter=None, workers=1, **choices):
    return convert(ClassFolders(folder), dst, Settings(**choices), workers=workers, augmenter=augmenter)


def samples_of(directory, split):
    """Key, image bytes, class number and JSON of each sample, read by tarfile."""
    for path in sorted(directory.glob(f"{split}-*.tar")):
        with tarfile.open(path) as tar:
            members = [(member.name, tar.extractfile(member).read()) for member in tar]
        for (name, image), (_, label), (_, fields) in zip(*[iter(members)] * 3, strict=True):
            yield name.partition(".")[0], image, int(label), json.loads(fields)


# --- held-out classes -----------------------------------------------------------------------------------------------


def test_held_out_classes_are_a_split_without_labels_and_no_classes_of_the_data_set(folder, dst):
    report = convert_folder(folder, dst, hold_out=("few",))
    dataset = open_dataset(dst)
    assert dataset.class_names == ("many", "some")
    assert dataset.split_names == ("train", "val", "test", "unknown")
    unknown = dataset.split("unknown")
    assert unknown.labels.tolist() == [-1] * 4
    assert unknown.class_counts.tolist() == [0, 0]
    assert {(label, fields["class"]) for *_, label, fields in samples_of(dst, "unknown")} == {(-1, "few")}
    assert not any(file.startswith("few") for name in ("train", "val", "test") for file in dataset.split(name).files)
    assert (report.held_out, report.split_counts["unknown"]) == ({"few": 4}, 4)
    assert report.class_counts == {"many": 30, "some": 10}
    assert report.notes == ("held out for the split 'unknown': 'few' (4)",)


def test_held_out_classes_do_not_change_how_the_others_are_split(folder, dst):
    convert_folder(folder, dst)
    convert_folder(folder, dst.with_name("other"), hold_out=1, seed=0)
    whole, rest = open_dataset(dst), open_dataset(dst.with_name("other"))
    for name in ("train", "val", "test"):
        assert set(rest.split(name).files) <= set(whole.split(name).files)


def test_held_out_images_go_to_the_split_unknown_even_if_they_bring_another(folder, dst):
    records = [Record(r.image, r.file, r.labels, "train") for r in ClassFolders(folder)]
    convert(records, dst, Settings(hold_out=("some",)), workers=1)
    assert open_dataset(dst).split_names == ("train", "unknown")


def test_only_images_of_the_classes_that_are_named_are_looked_at(folder, dst):
    (folder / "few/bad.jpg").write_bytes(b"bad")
    looked_at = []
    report = convert(
        ClassFolders(folder),
        dst,
        Settings(classes=("many", "some")),
        workers=1,
        progress=lambda *told: looked_at.append(told),
    )
    assert ("inspect", 40, 40) in looked_at
    assert (report.class_counts, report.rejects) == ({"many": 30, "some": 10}, {})
    assert report.notes == ("classes that were not asked for left out: 'few' (5)",)
    report = convert_folder(folder, dst.with_name("held"), classes=("many", "some"), hold_out=("few",))
    assert (report.held_out, report.rejects) == ({"few": 4}, {"not an image": 1})


# --- copies ---------------------------------------------------------------------------------------------------------


def add_copies(folder, dst_class="some", suffix="copy", count=10):
    """The second copy of everything, smaller and of lower quality, as some data sets have it."""
    for number in range(count):
        image = Image.open(folder / f"some/{number:03d}.jpg")
        image.resize((image.width * 3 // 4, image.height * 3 // 4)).save(
            folder / dst_class / f"{number:03d} {suffix}.jpg", quality=70
        )


def test_copies_of_another_size_are_in_one_split(folder, dst):
    add_copies(folder)
    report = convert_folder(folder, dst)
    dataset = open_dataset(dst)
    split_of = {file: name for name in dataset.split_names for file in dataset.split(name).files}
    assert all(split_of[f"some/{number:03d}.jpg"] == split_of[f"some/{number:03d} copy.jpg"] for number in range(10))
    assert (report.duplicates.num_clusters, report.duplicates.num_images, report.duplicates.num_crossing) == (10, 20, 0)
    assert f"10 pictures found more than once, in 20 images; {dst}/.artkit/leakage.html shows them" in report.notes


def test_the_leakage_page_shows_the_worst_first_and_stands_alone(folder, dst):
    add_copies(folder)
    (folder / "many/000 copy.jpg").write_bytes((folder / "many/000.jpg").read_bytes())
    (folder / "few/wrong label.jpg").write_bytes((folder / "some/001.jpg").read_bytes())
    report = convert_folder(folder, dst)
    assert report.leakage_file == dst / ".artkit/leakage.html"
    assert (report.duplicates.num_exact, report.duplicates.num_conflicts) == (1, 1)
    assert "None of these pictures is in more than one split." in report.leakage_file.read_text()
    assert "1 WITH DIFFERENT CLASSES" in report.notes[-1]
    page = report.leakage_file.read_text()
    sections = page.split("<section")[1:]
    assert len(sections) == 11
    assert sections[0].count("<figure") == 3
    assert "different classes" in sections[0]
    assert "few/wrong label.jpg" in sections[0]
    assert page.count("data:image/jpeg;base64,") == 23
    assert "http" not in page
    assert len(page) < 300_000


def test_names_of_files_and_classes_cannot_add_to_the_page(tmp_path, dst):
    folder = make_folder(tmp_path / "src", **{"<script>alert(1)": 4, "b": 4})
    (folder / "b/<img src=x>.jpg").write_bytes((folder / "b/000.jpg").read_bytes())
    page = convert_folder(folder, dst).leakage_file.read_text()
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x&gt;.jpg" in page


def test_without_copies_there_is_no_page_and_an_old_one_is_removed(folder, dst):
    (folder / "many/000 copy.jpg").write_bytes((folder / "many/000.jpg").read_bytes())
    assert convert_folder(folder, dst).leakage_file.exists()
    (folder / "many/000 copy.jpg").unlink()
    report = convert(ClassFolders(folder), dst, workers=1, force=True)
    assert report.leakage_file is None
    assert report.duplicates.num_clusters == 0
    assert not (dst / ".artkit/leakage.html").exists()


def test_copies_in_several_splits_that_images_bring_are_told(tmp_path, dst):
    make_folder(tmp_path / "src/train", a=6, b=6)
    make_folder(tmp_path / "src/test", a=2, b=1)
    report = convert_folder(tmp_path / "src", dst)
    assert report.duplicates.crossing == {("train", "test"): 3}
    assert "3 IN SEVERAL SPLITS (train and test: 3)" in report.notes[-1]
    page = report.leakage_file.read_text()
    assert page.count('<span class="pill crossing">in train and test</span>') == 3
    assert page.count("learnt, then asked in test") == 3
    assert "3 pictures of training are in other splits as well" in page
    assert "but for images that bring a split of their own" in page


def test_copies_in_validation_and_test_alone_are_not_said_to_be_learnt(folder, dst):
    splits = {"some/000.jpg": "val", "some/001.jpg": "test", "many/000.jpg": "train"}
    (folder / "some/001.jpg").write_bytes((folder / "some/000.jpg").read_bytes())
    records = [Record(r.image, r.file, r.labels, splits.get(r.file)) for r in ClassFolders(folder)]
    report = convert(records, dst, workers=1)
    assert (report.duplicates.crossing, report.duplicates.num_learnt) == ({("val", "test"): 1}, 0)
    page = report.leakage_file.read_text()
    assert "1 picture is in several splits, but none of them in training" in page
    assert '<span class="pill crossing">in val and test</span>\n<span class="faint">not in training</span>' in page
    assert "asked in" not in page


def test_copies_that_are_kept_anywhere_are_said_to_be_as_far_as_they_are(folder, dst):
    add_copies(folder)
    report = convert_folder(folder, dst, duplicates="keep")
    num_learnt = report.duplicates.num_learnt
    assert 0 < num_learnt <= report.duplicates.num_crossing
    page = report.leakage_file.read_text()
    assert "treated like all other images, as --duplicates keep asks for, so that splits may share pictures" in page
    assert page.count("learnt, then asked in") == num_learnt


def test_groups_that_the_splits_tear_apart_are_told(folder, dst):
    records = [
        Record(r.image, r.file, r.labels, "test" if "005" in r.file else "train", r.file[:6])
        for r in ClassFolders(folder)
    ]
    report = convert(records, dst, workers=1)
    assert (
        "2 groups torn apart by the splits that the images bring: 'many/0' (train, test), 'some/0' (train, test)"
        in (report.notes)
    )


def test_copies_that_are_dropped_leave_the_largest(folder, dst):
    add_copies(folder, dst_class="many")
    report = convert_folder(folder, dst, duplicates="drop")
    assert report.class_counts == {"few": 4, "many": 30, "some": 10}
    assert report.duplicates.num_dropped == 10
    page = report.leakage_file.read_text()
    assert page.count('<figure class="dropped">') == 10
    assert page.count("left out</span>") == 10


# --- headers only ---------------------------------------------------------------------------------------------------


def test_trusting_headers_gives_the_same_shards(folder, dst):
    convert_folder(folder, dst)
    convert_folder(folder, dst.with_name("other"), verify="header")
    for shard in dst.glob("*.tar"):
        assert shard.read_bytes() == (dst.with_name("other") / shard.name).read_bytes()
    whole, sampled = open_dataset(dst), open_dataset(dst.with_name("other"))
    assert np.allclose(whole.pixel_mean, sampled.pixel_mean, atol=0.02)
    assert np.allclose(whole.pixel_std, sampled.pixel_std, atol=0.02)


def test_trusting_headers_lets_damage_pass_and_finds_equal_bytes(folder, dst):
    whole = (folder / "many/000.jpg").read_bytes()
    (folder / "many/damaged.jpg").write_bytes(whole[:-300])
    (folder / "many/copy.jpg").write_bytes(whole)
    report = convert_folder(folder, dst, verify="header")
    assert report.class_counts["many"] == 32
    assert (report.duplicates.num_clusters, report.duplicates.num_exact) == (1, 1)
    report = convert_folder(folder, dst.with_name("other"), verify="full")
    assert report.rejects == {"truncated": 1}


def test_images_that_are_written_anew_are_decoded_first_all_the_same(folder, dst):
    Image.new("CMYK", (30, 30)).save(folder / "many/cmyk.jpg")
    (folder / "many/damaged.jpg").write_bytes((folder / "many/000.jpg").read_bytes()[:-300])
    report = convert_folder(folder, dst, verify="header", max_side=44)
    assert report.rejects == {"truncated": 1}
    assert (report.class_counts["many"], report.encoded["colour mode"]) == (31, 1)


def test_nothing_to_measure_is_an_error_that_says_what_to_do(tmp_path, dst):
    folder = make_folder(tmp_path / "src", a=4, b=4)
    for path in folder.rglob("*.jpg"):
        path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(ConvertError, match=r"none of 6 training images .* can be decoded, .* with --verify full"):
        convert_folder(folder, dst, verify="header")
    assert not (dst / ".artkit/manifest.json").exists()


# --- changed copies of training images ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shade:
    """Makes images darker by a number that the seed gives."""

    description: str = "shade"

    def __call__(self, pixels, seed, /):
        return (pixels * (0.3 + 0.6 * (seed % 1000) / 1000)).astype(np.uint8)


def test_copies_are_of_training_images_only_and_name_their_parents(folder, dst):
    report = convert_folder(folder, dst, augment_copies=2, augmenter=Shade())
    train = list(samples_of(dst, "train"))
    originals = {key: (image, label) for key, image, label, fields in train if "copy" not in fields}
    copies = [(image, label, fields) for _, image, label, fields in train if "copy" in fields]
    assert len(copies) == 2 * len(originals) == report.num_augmented
    assert Counter(fields["parent"] for *_, fields in copies) == dict.fromkeys(originals, 2)
    for image, label, fields in copies:
        parent, parent_label = originals[fields["parent"]]
        assert label == parent_label
        assert read_rgb(image).shape == read_rgb(parent).shape
        assert read_rgb(image).mean() < read_rgb(parent).mean()
    for split in ("val", "test"):
        assert not any("copy" in fields for *_, fields in samples_of(dst, split))
    assert report.class_counts == {"few": 4, "many": 30, "some": 10}
    assert report.num_encoded == 0


def test_copies_differ_from_one_another_and_come_out_the_same_again(folder, dst):
    convert_folder(folder, dst, augment_copies=2, augmenter=Shade())
    convert_folder(folder, dst.with_name("again"), augment_copies=2, augmenter=Shade())
    for shard in dst.glob("*.tar"):
        assert shard.read_bytes() == (dst.with_name("again") / shard.name).read_bytes()
    images = [image for _, image, *_ in samples_of(dst, "train")]
    assert len(set(images)) == len(images)


def test_rare_classes_get_copies_until_they_have_enough_shared_out_evenly(folder, dst):
    convert_folder(folder, dst, augment_rare=10, augmenter=Shade())
    assert open_dataset(dst).split("train").class_counts.tolist() == [10, 21, 10]
    parents = Counter(
        fields["parent"] for *_, fields in samples_of(dst, "train") if fields["class"] == "few" and "copy" in fields
    )
    assert sorted(parents.values()) == [2, 2, 3]


def test_statistics_are_those_of_the_images_themselves(folder, dst):
    convert_folder(folder, dst)
    convert_folder(folder, dst.with_name("more"), augment_copies=3, augmenter=Shade())
    assert open_dataset(dst).pixel_mean == open_dataset(dst.with_name("more")).pixel_mean


def test_the_manifest_names_what_changed_the_copies(folder, dst):
    convert_folder(folder, dst, augment_rare=10, augmenter=Shade("shade 1"))
    options = json.loads((dst / ".artkit/manifest.json").read_text())["options"]
    assert (options["augmenter"], options["augment_rare"]) == ("shade 1", 10)


@hypothesis_settings(max_examples=15, deadline=None)
@given(copies=st.integers(0, 3), rare=st.none() | st.integers(1, 25))
def test_counts_of_copies_are_exact(shape_shards, tmp_path_factory, copies, rare):
    if not copies and rare is None:
        return
    split = open_dataset(shape_shards).split("train")
    records = [
        Record(split.read(row), split.files[row], {"class": str(split.labels[row])}, "train")
        for row in range(len(split))
    ]
    settings = Settings(augment_copies=copies, augment_rare=rare, min_count=1)
    directory = tmp_path_factory.mktemp("copies")
    convert(records, directory, settings, workers=1, augmenter=Shade())
    counts = open_dataset(directory).split("train").class_counts.tolist()
    assert counts == [max(4 * (1 + copies), rare or 0)] * 3


@dataclass(frozen=True)
class Strange:
    """Returns what no augmenter may."""

    makes: Callable[[np.ndarray], object]
    description: str = "strange"

    def __call__(self, pixels, seed, /):
        return self.makes(pixels)


@pytest.mark.parametrize(
    ("augmenter", "choices", "message"),
    [
        (None, {"augment_copies": 1}, "changed copies are wanted, but nothing says how to change them"),
        (Shade(), {}, "there is an augmenter, but no copies for it to change; say how many copies"),
        (Strange(lambda _: None), {"augment_rare": 9}, "made NoneType of an image of uint8"),
        (Strange(lambda pixels: pixels[:5]), {"augment_rare": 9}, "must return an array of the same shape"),
        (Strange(lambda pixels: pixels / 255), {"augment_rare": 9}, r"made float64 \(4\d, 60, 3\) of an image"),
    ],
)
def test_augmenters_that_are_missing_or_break_their_contract_are_refused(folder, dst, augmenter, choices, message):
    with pytest.raises(ConvertError, match=message):
        convert_folder(folder, dst, augmenter=augmenter, **choices)
    assert not (dst / ".artkit/manifest.json").exists()


def test_files_of_copies_are_those_of_their_parents(folder, dst):
    convert_folder(folder, dst, augment_copies=1, augmenter=Shade())
    files = Counter(open_dataset(dst).split("train").files)
    assert set(files.values()) == {2}
    assert all(Path(file).suffix == ".jpg" for file in files)


def test_copies_are_no_groups_that_images_bring(tmp_path, dst):
    make_folder(tmp_path / "src/train", a=6, b=6)
    make_folder(tmp_path / "src/test", a=2, b=1)
    assert not any("torn apart" in note for note in convert_folder(tmp_path / "src", dst).notes)
