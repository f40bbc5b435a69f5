import errno
import fcntl
import gc
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import webdataset
from PIL import Image

from artkit_shards import ClassFolders, ConvertError, DatasetError, FilePart, Record, Settings, convert, open_dataset
from artkit_shards.conversion.converter import write_error
from artkit_shards.conversion.destination import Destination
from artkit_shards.images import read_rgb

HALVES = {"train": 0.5, "test": 0.5}


def picture(seed, height=40, width=60):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


def make_folder(root, ending="jpg", **class_counts):
    """Pictures of odd sizes, each different."""
    for label, (name, count) in enumerate(class_counts.items()):
        for number in range(count):
            image = picture(1000 * label + number, height=20 + number % 7, width=25 + number % 11)
            save(root / name / f"{number:03d}.{ending}", image)
    return root


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "src", few=4, many=30, some=10)


@pytest.fixture
def dst(tmp_path):
    return tmp_path / "dst"


def convert_folder(folder, dst, **options):
    how = {name: options.pop(name) for name in ("workers", "force", "progress") if name in options}
    return convert(ClassFolders(folder), dst, Settings(**options), **{"workers": 1, **how})


def tree(directory):
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def samples_of(directory):
    """Every sample of a data set as (split, key, class name, file, image bytes), through its own reader."""
    dataset = open_dataset(directory)
    for name in dataset.split_names:
        split = dataset.split(name)
        for row in range(len(split)):
            yield name, split.keys[row], dataset.class_names[split.labels[row]], split.files[row], split.read(row)


# --- what is written ------------------------------------------------------------------------------------------------


def test_every_image_is_kept_byte_by_byte_with_its_class(folder, dst):
    convert_folder(folder, dst)
    samples = list(samples_of(dst))
    assert sorted(file for *_, file, _ in samples) == [record.file for record in ClassFolders(folder)]
    for _, _, class_name, file, image in samples:
        assert image == (folder / file).read_bytes()
        assert class_name == Path(file).parts[0]
    assert [key for _, key, *_ in samples] == [f"{number:09d}" for number in range(44)]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves its files to the garbage collector
def test_webdataset_reads_every_sample_back(folder, dst):
    convert_folder(folder, dst, shard_bytes=20_000)
    dataset = open_dataset(dst)
    for name in dataset.split_names:
        shards = sorted(str(path) for path in dst.glob(f"{name}-*.tar"))
        read = list(webdataset.WebDataset(shards, shardshuffle=False, empty_check=False))
        split = dataset.split(name)
        assert len(shards) > 1 or len(split) < 10
        assert [sample["__key__"] for sample in read] == list(split.keys)
        assert [int(sample["cls"]) for sample in read] == split.labels.tolist()
        assert [sample["jpg"] for sample in read] == [split.read(row) for row in range(len(split))]
        assert [json.loads(sample["json"])["file"] for sample in read] == list(split.files)
        assert {frozenset(sample) for sample in read} == {
            frozenset({"__key__", "__url__", "__local_path__", "jpg", "cls", "json"})
        }
    gc.collect()


def test_tars_hold_samples_and_nothing_else(folder, dst):
    convert_folder(folder, dst, shard_bytes=20_000)
    seen = set()
    for path in sorted(dst.glob("*.tar")):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
        names = [member.name for member in members]
        assert all(member.isreg() for member in members)
        keys = [name.split(".")[0] for name in names[::3]]
        assert names == [f"{key}.{ending}" for key in keys for ending in ("jpg", "cls", "json")]
        assert seen.isdisjoint(keys)
        seen.update(keys)
    assert len(seen) == 44


def test_json_tells_file_class_and_stored_size(folder, dst):
    convert_folder(folder, dst, max_side=24)
    with tarfile.open(dst / "train-000000.tar") as tar:
        for member in tar:
            if member.name.endswith(".json"):
                fields = json.load(tar.extractfile(member))
                image = Image.open(BytesIO(tar.extractfile(member.name.replace("json", "jpg")).read()))
                assert (fields["width"], fields["height"]) == image.size
                assert fields["class"] == Path(fields["file"]).parts[0]
                assert set(fields) == {"class", "file", "width", "height"}


def test_split_is_exact_and_shards_of_a_split_differ_by_one_sample_at_most(folder, dst):
    report = convert_folder(folder, dst, shard_bytes=20_000)
    dataset = open_dataset(dst)
    assert dataset.class_names == ("few", "many", "some")
    assert dataset.split("train").class_counts.tolist() == [3, 21, 7]
    assert dataset.split("val").class_counts.tolist() == [0, 3, 1]
    assert dataset.split("test").class_counts.tolist() == [1, 6, 2]
    assert report.split_counts == {"train": 31, "val": 4, "test": 9}
    sizes = Counter(dataset.split("train").shard_of(row) for row in range(31))
    assert max(sizes.values()) - min(sizes.values()) <= 1
    assert list(sizes) == [f"train-{number:06d}.tar" for number in range(len(sizes))]
    assert len(sizes) > 3


def test_samples_are_shuffled_by_the_seed(folder, dst, tmp_path):
    convert_folder(folder, dst)
    labels = open_dataset(dst).split("train").labels
    assert (np.diff(labels) != 0).sum() > 8
    convert_folder(folder, tmp_path / "other", seed=1)
    assert list(open_dataset(tmp_path / "other").split("train").files) != list(open_dataset(dst).split("train").files)


def test_the_same_images_and_options_give_the_same_bytes(folder, dst, tmp_path):
    convert_folder(folder, dst)
    for path in folder.rglob("*.jpg"):
        os.utime(path, (1, 1))
    convert(list(ClassFolders(folder))[::-1], tmp_path / "again", workers=1)
    assert tree(tmp_path / "again") == tree(dst)


def test_any_number_of_workers_gives_the_same_bytes(tmp_path):
    folder = make_folder(tmp_path / "src", a=120, b=90, c=10)
    (folder / "a/bad.jpg").write_bytes(b"no image")
    options = {"max_side": 24, "shard_bytes": 30_000}
    for workers in (1, 2, 3):
        convert_folder(folder, tmp_path / str(workers), workers=workers, **options)
    assert tree(tmp_path / "2") == tree(tmp_path / "1")
    assert tree(tmp_path / "3") == tree(tmp_path / "1")


def test_pixel_statistics_are_those_of_the_training_split(tmp_path, dst):
    for number in range(10):
        save(tmp_path / "src/a" / f"{number}.png", Image.new("RGB", (8, 8), (51, 0, 255)))
        save(tmp_path / "src/b" / f"{number}.png", Image.new("RGB", (30, 9), (153, 0, 255)))
    convert_folder(tmp_path / "src", dst)
    dataset = open_dataset(dst)
    assert dataset.pixel_mean == pytest.approx((0.4, 0.0, 1.0))
    assert dataset.pixel_std == pytest.approx((0.2, 0.0, 0.0), abs=1e-7)


# --- how images are stored ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endings", "suffix"),
    [(("jpg", "jpg", "png"), "jpg"), (("png", "png", "jpg"), "png"), (("gif", "bmp", "tif"), "png")],
)
def test_all_images_get_the_commonest_format(tmp_path, dst, endings, suffix):
    for label in "ab":
        for number, ending in enumerate(endings):
            save(tmp_path / "src" / label / f"{number}.{ending}", picture(number))
    report = convert_folder(tmp_path / "src", dst)
    assert report.image_suffix == open_dataset(dst).split("train").image_suffix == suffix
    assert report.encoded.get("format", 0) == 2 * sum(ending != suffix for ending in endings)
    for *_, file, image in samples_of(dst):
        if file.endswith(suffix):
            assert image == (tmp_path / "src" / file).read_bytes()
        assert Image.open(BytesIO(image)).format == {"jpg": "JPEG", "png": "PNG"}[suffix]


def test_the_format_can_be_chosen(folder, dst):
    report = convert_folder(folder, dst, image_format="webp", quality=50)
    assert (report.image_suffix, report.num_encoded) == ("webp", 44)
    assert all(Image.open(BytesIO(image)).format == "WEBP" for *_, image in samples_of(dst))


def test_only_images_that_need_it_are_written_anew(tmp_path, dst):
    folder = make_folder(tmp_path / "src", ending="png", a=6, b=6)
    exif = Image.Exif()
    exif[0x0112] = 6
    save(folder / "a/sideways.png", picture(7), exif=exif)
    save(folder / "a/clear.png", Image.new("RGBA", (20, 20), (0, 0, 0, 0)))
    save(folder / "b/large.png", picture(8, 300, 500))
    report = convert_folder(folder, dst, max_side=100)
    assert (report.num_encoded, report.encoded) == (3, {"orientation": 1, "transparency": 1, "size": 1})
    images = {file: image for *_, file, image in samples_of(dst)}
    assert images["a/000.png"] == (folder / "a/000.png").read_bytes()
    assert read_rgb(images["a/sideways.png"]).shape == (60, 40, 3)
    assert read_rgb(images["a/clear.png"]).min() == 255
    assert read_rgb(images["b/large.png"]).shape == (60, 100, 3)


def test_images_too_large_for_a_format_are_rejected(tmp_path, dst):
    folder = make_folder(tmp_path / "src", a=6, b=6)
    save(folder / "a/wide.png", Image.new("L", (17000, 2)))
    report = convert_folder(folder, dst, image_format="webp")
    assert report.rejects == {"too large for webp": 1}


# --- bad files and small classes ------------------------------------------------------------------------------------


def add_bad_files(folder):
    (folder / "many/page.jpg").write_bytes(b"<!DOCTYPE html><html>Not found</html>")
    (folder / "many/empty.jpg").write_bytes(b"")
    (folder / "some/cut.jpg").write_bytes((folder / "some/000.jpg").read_bytes()[:-300])


def test_bad_files_are_listed_with_their_reason_and_never_fatal(folder, dst):
    add_bad_files(folder)
    report = convert_folder(folder, dst)
    assert report.rejects == {"empty file": 1, "not an image": 1, "truncated": 1}
    lines = [json.loads(line) for line in report.rejects_file.read_text().splitlines()]
    assert lines == [
        {"file": "many/empty.jpg", "reason": "empty file"},
        {"file": "many/page.jpg", "reason": "not an image"},
        {"file": "some/cut.jpg", "reason": "truncated"},
    ]
    assert report.rejects_file == dst / ".artkit/rejects.jsonl"
    assert len(list(samples_of(dst))) == 44
    manifest = json.loads((dst / ".artkit/manifest.json").read_text())
    assert manifest["rejects"] == report.rejects


def test_files_that_cannot_be_read_are_rejects_too(folder, dst):
    os.mkfifo(folder / "pipe")
    records = [*ClassFolders(folder), Record(folder / "gone.jpg", "gone.jpg", {"class": "many"})]
    records.append(Record(folder / "pipe", "pipe", {"class": "many"}))
    report = convert(records, dst, workers=1)
    assert report.rejects == {"cannot be read": 1, "not a regular file": 1}


def test_too_many_bad_files_are_an_error_before_anything_is_written(folder, dst):
    add_bad_files(folder)
    with pytest.raises(ConvertError, match=r"3 of 47 files cannot be used \(1 empty file, .*rejects\.jsonl lists them"):
        convert_folder(folder, dst, max_rejects=0.05)
    assert [path.relative_to(dst).as_posix() for path in dst.rglob("*") if path.is_file()] == [".artkit/rejects.jsonl"]
    assert len((dst / ".artkit/rejects.jsonl").read_text().splitlines()) == 3
    convert_folder(folder, dst)


def test_too_many_bad_files_leave_a_data_set_that_was_there(folder, dst):
    convert_folder(folder, dst)
    before = tree(dst)
    add_bad_files(folder)
    with pytest.raises(ConvertError, match=r"rejects\.new\.jsonl lists them"):
        convert_folder(folder, dst, max_rejects=0, force=True)
    after = tree(dst)
    assert len(after.pop(Path(".artkit/rejects.new.jsonl")).splitlines()) == 3
    assert after == before
    convert_folder(folder, dst, force=True)
    assert not (dst / ".artkit/rejects.new.jsonl").exists()


def test_classes_with_too_few_images_are_an_error_that_offers_ways_out(tmp_path, dst):
    folder = make_folder(tmp_path / "src", a=5, b=5, single=1)
    (folder / "spoilt").mkdir()
    for number in range(2):
        (folder / f"spoilt/{number}.jpg").write_bytes(b"spoilt")
    with pytest.raises(ConvertError, match=r"'single' \(1\): too few .* --min-count 2, .* --min-count 1"):
        convert_folder(folder, dst)
    with pytest.raises(ConvertError, match=r"'spoilt' \(0\): too few"):
        convert_folder(folder, dst, classes=("a", "b", "spoilt"), max_rejects=0.5)
    assert not dst.exists()
    report = convert_folder(folder, dst, min_count=2, max_rejects=0.5)
    assert report.class_counts == {"a": 5, "b": 5}
    assert "classes with fewer than 2 usable images left out: 'single' (1), 'spoilt' (0)" in report.notes
    report = convert_folder(folder, dst, min_count=1, max_rejects=0.5, force=True)
    assert report.class_counts == {"a": 5, "b": 5, "single": 1}
    assert open_dataset(dst).split("train").class_counts.tolist() == [3, 3, 1]
    assert "there is no image in 'test' of single: too few images" in report.notes


def test_fewer_than_two_classes_are_an_error(tmp_path, dst):
    folder = make_folder(tmp_path / "src", a=9, b=3)
    with pytest.raises(ConvertError, match="1 of 2 classes have 5 or more usable images"):
        convert_folder(folder, dst, min_count=5)


# --- splits that the images bring -----------------------------------------------------------------------------------


def test_splits_of_the_folder_are_kept(tmp_path, dst):
    make_folder(tmp_path / "src/train", a=4, b=4)
    make_folder(tmp_path / "src/test", a=2, b=1)
    report = convert_folder(tmp_path / "src", dst)
    assert report.split_counts == {"train": 8, "test": 3}
    assert report.notes[0] == "there is no image in 'val': the images bring splits of their own"
    for split, *_, file, _ in samples_of(dst):
        assert file.startswith(split)


def test_a_class_without_training_images_is_an_error(tmp_path, dst):
    make_folder(tmp_path / "src/train", a=4, b=4)
    make_folder(tmp_path / "src/test", a=2, c=2)
    with pytest.raises(ConvertError, match="no usable training images of c; every class needs one"):
        convert_folder(tmp_path / "src", dst)


def test_a_split_that_gets_no_image_is_told(tmp_path, dst):
    report = convert_folder(make_folder(tmp_path / "src", a=3, b=3), dst)
    assert report.split_counts == {"train": 4, "test": 2}
    assert report.notes == ("there is no image in 'val': too few images",)


def test_groups_stay_in_one_split(tmp_path, dst):
    folder = make_folder(tmp_path / "src", a=30, b=30)
    records = [Record(r.image, r.file, r.labels, group=f"{r.label}{r.file[-6]}") for r in ClassFolders(folder)]
    convert(records, dst, Settings(fractions=HALVES), workers=1)
    split_of = {file: split for split, *_, file, _ in samples_of(dst)}
    groups = {(file[0], file[-6]) for file in split_of}
    assert all(len({s for f, s in split_of.items() if (f[0], f[-6]) == group}) == 1 for group in groups)


# --- settings and records that cannot be used -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fractions": {"val": 1.0}}, "has no 'train'"),
        ({"fractions": {"train": 0.5, "../x": 0.5}}, r"a split cannot be named '\.\./x'"),
        ({"image_format": "gif"}, "image format 'gif' is unknown; use auto, jpg, png, webp"),
        ({"max_side": 0}, "max_side=0 is out of bounds; it must be from 1 to 65500"),
        ({"quality": 101}, "quality=101 is out of bounds; it must be from 1 to 100"),
        ({"min_count": 0}, "min_count=0 is out of bounds; it must be at least 1"),
        ({"max_rejects": 1.5}, r"max_rejects=1\.5 is out of bounds; it must be from 0 to 1"),
        ({"shard_bytes": 0}, "shard_bytes=0 is out of bounds; it must be at least 1"),
        ({"workers": 0}, "workers=0 is out of bounds; it must be at least 1"),
    ],
)
def test_settings_out_of_bounds_are_refused(folder, dst, options, message):
    with pytest.raises(ConvertError, match=message):
        convert_folder(folder, dst, **options)
    assert not dst.exists()


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no images to convert"),
        (
            [Record(Path("x"), "x", {"class": "a"}), Record(Path("y"), "x", {"class": "b"})],
            "the image 'x' is listed twice",
        ),
        ([Record(Path("x"), "x", {}), Record(Path("y"), "y", {})], r"the targets \[\] cannot be used"),
        (
            [Record(Path(name), name, {name: "a"}) for name in "xy"],
            r"the image 'y' has the targets \['y'\], others have \['x'\]",
        ),
        ([Record(Path("x"), "x", {"class": ""})], "the image 'x' has an empty class name"),
        ([Record(Path("x"), "x", {"class": "a"}, split="../y")], r"the image 'x' has the split '\.\./y'; use a name"),
    ],
)
def test_records_that_make_no_sense_are_refused(dst, records, message):
    with pytest.raises(ConvertError, match=message):
        convert(records, dst, workers=1)


# --- the destination ------------------------------------------------------------------------------------------------


def test_a_complete_data_set_is_replaced_only_by_force(folder, dst):
    convert_folder(folder, dst)
    before = tree(dst)
    with pytest.raises(ConvertError, match=r"holds a complete data set already; .* --force"):
        convert_folder(folder, dst)
    assert tree(dst) == before


def test_force_leaves_what_a_fresh_conversion_would_and_files_of_others(folder, dst, tmp_path):
    convert_folder(folder, dst, shard_bytes=20_000)
    (dst / "README.md").write_text("mine")
    (dst / "notes").mkdir()
    (dst / "notes/old-000000.tar").write_text("mine too")
    convert_folder(folder, dst, force=True, seed=5)
    convert_folder(folder, tmp_path / "fresh", seed=5)
    after = tree(dst)
    assert after.pop(Path("README.md")) == b"mine"
    assert after.pop(Path("notes/old-000000.tar")) == b"mine too"
    assert after == tree(tmp_path / "fresh")


def test_a_tar_of_someone_else_in_the_way_is_not_touched(folder, dst):
    dst.mkdir()
    (dst / "test-000000.tar").write_text("mine")
    with pytest.raises(ConvertError, match=r"test-000000\.tar exists and belongs to no conversion"):
        convert_folder(folder, dst, force=True)
    assert (dst / "test-000000.tar").read_text() == "mine"


def test_a_manifest_that_cannot_be_read_protects_its_shards(folder, dst):
    convert_folder(folder, dst)
    (dst / ".artkit/manifest.json").write_text("{")
    with pytest.raises(ConvertError, match=r"train-000000\.tar exists and belongs to no conversion"):
        convert_folder(folder, dst, force=True)


def test_destinations_that_cannot_be_are_refused(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConvertError, match="file is a file; give the folder"):
        convert_folder(folder, tmp_path / "file")
    for inside in (folder / "many", folder / "many/shards"):
        with pytest.raises(ConvertError, match="lies among the images"):
            convert_folder(folder, inside)
    (tmp_path / "closed").write_text("")
    with pytest.raises(ConvertError, match=r"cannot write the shards to \S+closed/dst: .*Not a directory"):
        convert_folder(folder, tmp_path / "closed/dst")


def test_two_conversions_do_not_write_to_one_folder_at_once(folder, dst):
    (dst / ".artkit").mkdir(parents=True)
    descriptor = os.open(dst / ".artkit/lock", os.O_CREAT | os.O_WRONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(ConvertError, match="another conversion is writing to"):
        convert_folder(folder, dst)
    os.close(descriptor)
    convert_folder(folder, dst)


def test_progress_is_told_in_images_from_nothing_to_all(folder, dst):
    told = []
    convert_folder(folder, dst, shard_bytes=20_000, progress=lambda *step: told.append(step))
    for phase in ("inspect", "write"):
        done = [step[1] for step in told if step[0] == phase]
        assert done[0] == 0
        assert done[-1] == 44
        assert done == sorted(done)
        assert len(done) > 5
    assert {step[2] for step in told} == {44}


# --- when something goes wrong on the way ---------------------------------------------------------------------------


def at_first_write(action):
    def progress(phase, done, _total):
        if (phase, done) == ("write", 0):
            action()

    return progress


@pytest.mark.parametrize("change", ["other bytes", "removed"])
def test_a_source_that_changes_meanwhile_is_an_error(folder, dst, change):
    victim = folder / "many/003.jpg"
    action = victim.unlink if change == "removed" else lambda: victim.write_bytes((folder / "few/000.jpg").read_bytes())
    with pytest.raises(ConvertError, match=r"many/003\.jpg changed while it was converted.* run it again"):
        convert_folder(folder, dst, progress=at_first_write(action))
    assert not (dst / ".artkit/manifest.json").exists()
    assert not (dst / ".artkit/tmp").exists()


def run_python(code, *arguments):
    return subprocess.run([sys.executable, "-c", dedent(code), *map(str, arguments)], capture_output=True, text=True)


def test_a_write_that_fails_leaves_no_temporary_file_and_no_manifest(folder, dst):
    # The system refuses files above 30 kB, as a full disk would refuse the next block.
    result = run_python(
        """
        import resource, sys
        from artkit_shards import ClassFolders, ConvertError, convert
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
        try:
            convert(ClassFolders(sys.argv[1]), sys.argv[2], workers=1)
        except ConvertError as error:
            print(error)
        """,
        folder,
        dst,
    )
    assert "cannot write the shards to" in result.stdout
    assert "run the same command again, which goes on from here" in result.stdout
    assert [path.name for path in dst.rglob("*") if path.is_file()] == ["unfinished.json"]
    convert_folder(folder, dst)
    assert len(list(samples_of(dst))) == 44


@pytest.mark.parametrize("content", ["5", '[5, null, "a.txt"]', "[" * 100_000])
def test_a_list_of_announced_shards_that_makes_no_sense_announces_nothing(folder, dst, content):
    (dst / ".artkit").mkdir(parents=True)
    (dst / ".artkit/unfinished.json").write_text(content)
    convert_folder(folder, dst)
    assert len(list(samples_of(dst))) == 44


def test_a_full_disk_is_told_with_the_space_that_is_free(tmp_path):
    destination = Destination(tmp_path / "not/yet/there", force=False)
    for code in (errno.ENOSPC, errno.EDQUOT):
        error = write_error(OSError(code, "full"), destination)
        assert "no space left to write the shards to" in str(error)
        assert "MB free); free some and run the same command again, which goes on from here" in str(error)


def test_a_killed_conversion_is_told_and_done_again(folder, dst, tmp_path):
    result = run_python(
        """
        import os, signal, sys
        from artkit_shards import ClassFolders, Settings, convert
        def progress(phase, done, total):
            if phase == "write" and done > 20:
                os.kill(os.getpid(), signal.SIGKILL)
        convert(ClassFolders(sys.argv[1]), sys.argv[2], Settings(shard_bytes=10_000), workers=1, progress=progress)
        """,
        folder,
        dst,
    )
    assert result.returncode == -signal.SIGKILL
    assert len(list(dst.glob("*.tar"))) > 3
    with pytest.raises(DatasetError, match="was not finished; run the same `artkit shard` command again"):
        open_dataset(dst)
    convert_folder(folder, dst)
    convert_folder(folder, tmp_path / "fresh")
    assert tree(dst) == tree(tmp_path / "fresh")


@pytest.mark.slow
@pytest.mark.parametrize(("before", "first"), [("nothing", 1), ("a data set", 2)])
def test_a_kill_at_any_moment_leaves_a_complete_data_set_or_none(tmp_path, ram_folder, before, first):
    folder = make_folder(tmp_path / "src", a=3, b=3)
    result = run_python(KILL_EVERYWHERE, folder, ram_folder / "work", before, first)
    assert result.returncode == 0, result.stderr
    kills, complete = map(int, result.stdout.split())
    assert kills > 50
    assert complete >= 1


@pytest.fixture
def ram_folder(tmp_path):
    """A folder in memory, where there is one: what a process leaves that is killed does not depend on the disk."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


KILL_EVERYWHERE = """
import os, shutil, signal, sys
from pathlib import Path
from artkit_shards import ClassFolders, DatasetError, Settings, convert, open_dataset

src, work, before, first = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
records = list(ClassFolders(src))
DISK = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.replace", "shutil.rmtree")

def tree(directory):
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}

def run(directory, **options):
    convert(records, directory, Settings(**options), workers=1, force=True)

def killed_at(number, directory):
    child = os.fork()
    if child == 0:
        count = 0
        def hook(event, _arguments):
            nonlocal count
            if event in DISK:
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        run(directory, seed=1)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0

run(work / "old", shard_bytes=4000)
run(work / "new", seed=1)
old, new = tree(work / "old"), tree(work / "new")
complete = 0
for number in range(first, 1000, 2):  # neighbours mostly leave the same
    directory = work / str(number)
    if before == "a data set":
        shutil.copytree(work / "old", directory)
    if not killed_at(number, directory):
        break
    try:
        dataset = open_dataset(directory)
    except DatasetError:
        assert not (directory / ".artkit/manifest.json").exists(), number
    else:
        complete += 1
        left = {path: data for path, data in tree(directory).items() if path.suffix in (".tar", ".npy")}
        assert left.items() <= old.items() or left.items() <= new.items(), number
        assert all(dataset.split(name).read(0) for name in dataset.split_names), number
    run(directory, seed=1)
    assert tree(directory) == new, number
print((number - first) // 2, complete)
"""


def test_images_may_have_several_targets_and_miss_some(tmp_path, dst):
    folder = make_folder(tmp_path / "src", Klee=6, Monet=6)
    records = []
    for number, found in enumerate(ClassFolders(folder)):
        style = ("cubism", None, "baroque")[number % 3]
        artist = None if number == 7 else found.label
        records.append(Record(found.image, found.file, {"artist": artist, "style": style}))
    report = convert(records, dst, workers=1)
    dataset = open_dataset(dst)
    assert dataset.targets == {"artist": ("Klee", "Monet"), "style": ("baroque", "cubism")}
    assert report.class_counts == {"Klee": 6, "Monet": 5}
    found = {}
    for split in map(dataset.split, dataset.split_names):
        for row, file in enumerate(split.files):
            found[file] = (int(split.targets["artist"][row]), int(split.targets["style"][row]))
    names = {None: -1, "Klee": 0, "Monet": 1}, {None: -1, "baroque": 0, "cubism": 1}
    assert found == {
        record.file: (names[0][record.labels["artist"]], names[1][record.labels["style"]]) for record in records
    }


def test_json_of_a_sample_names_every_target_and_cls_has_the_main_one(tmp_path, dst):
    folder = make_folder(tmp_path / "src", Klee=3, Monet=3)
    records = [Record(r.image, r.file, {"artist": r.label, "style": None}) for r in ClassFolders(folder)]
    records[0] = Record(records[0].image, records[0].file, {"artist": None, "style": "cubism"})
    convert(records, dst, workers=1)
    found = {}
    for shard in dst.glob("*.tar"):
        with tarfile.open(shard) as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}
        for name, data in members.items():
            if name.endswith(".json"):
                fields = json.loads(data)
                label = members[name.replace(".json", ".cls")]
                found[fields["file"]] = (fields["artist"], fields["style"], label)
    assert found[records[0].file] == (None, "cubism", b"-1")
    assert found[records[-1].file] == ("Monet", None, b"1")


def test_bytes_and_parts_of_files_are_converted_like_files(tmp_path, dst):
    folder = make_folder(tmp_path / "src", Klee=4, Monet=4)
    records = list(ClassFolders(folder))
    convert(records, dst, workers=1)
    archive = tmp_path / "src" / "all"
    archive.write_bytes(b"head" + b"".join(record.image.read_bytes() for record in records))
    parts, offset = [], 4
    for number, record in enumerate(records):
        data = record.image.read_bytes()
        image = data if number % 2 else FilePart(archive, offset, len(data))
        parts.append(Record(image, record.file, record.labels))
        offset += len(data)
    convert(parts, tmp_path / "again", workers=1)
    assert open_dataset(tmp_path / "again").fingerprint == open_dataset(dst).fingerprint
    parts[0] = Record(FilePart(archive, offset - 10, 20), parts[0].file, parts[0].labels)
    report = convert(parts, tmp_path / "cut", Settings(max_rejects=0.5), workers=1)
    assert report.rejects == {"truncated": 1}


def test_rejects_known_beforehand_are_listed_and_counted_but_not_held_against_the_share(tmp_path, dst):
    folder = make_folder(tmp_path / "src", Klee=3, Monet=3)
    missing = [(f"gone-{number}.jpg", "missing file") for number in range(20)]
    report = convert(ClassFolders(folder), dst, workers=1, rejects=missing)
    assert report.rejects == {"missing file": 20}
    lines = report.rejects_file.read_text().splitlines()
    assert json.loads(lines[0]) == {"file": "gone-0.jpg", "reason": "missing file"}
    assert len(lines) == 20


@pytest.mark.skipif(find_spec("adlfs") is not None, reason="the package that serves the address is installed")
def test_an_address_whose_package_is_not_installed_is_told(folder):
    with pytest.raises(ConvertError, match=r"az://art/dst: az:// needs a package that is not installed: .*adlfs"):
        convert_folder(folder, "az://art/dst")
