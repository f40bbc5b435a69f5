"""Verifying: a good data set is good, and damage of any kind is a named fault and never a traceback."""

import io
import json
import random
import re
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from artkit_shards import DatasetError, demo_path, index_tars, open_dataset, verify_dataset, write_sidecars
from artkit_shards.format.index import write_checksums
from artkit_shards.format.sidecars import SIDECARS


@pytest.fixture
def shards(uneven_shards, tmp_path):
    """A copy of a converted data set with sidecars, to do anything to."""
    folder = Path(shutil.copytree(uneven_shards, tmp_path / "shards"))
    write_sidecars(folder, SIDECARS)
    return folder


@pytest.fixture
def indexed(foreign_tars):
    """A folder with two tars of others and their index."""
    foreign_tars.write("train-0.tar", foreign_tars.samples(range(6), cls=lambda number: number % 2))
    foreign_tars.write("train-1.tar", foreign_tars.samples(range(6, 12), cls=lambda number: number % 2))
    index_tars(foreign_tars.folder)
    return foreign_tars


def faults_of(folder):
    return [str(fault) for fault in verify_dataset(folder, threads=2).faults]


def rewrite(path, change):
    """Writes a tar anew with other members; `change` maps a list of (name, content) to another."""
    with tarfile.open(path) as tar:
        members = [(info.name, tar.extractfile(info).read()) for info in tar]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in change(members):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def patch(path, position, data):
    content = bytearray(path.read_bytes())
    content[position : position + len(data)] = data
    path.write_bytes(content)


def change_column(folder, name, change, split="train"):
    path = folder / f".artkit/index/{split}/{name}.npy"
    column = np.load(path)
    np.save(path, change(column))
    write_checksums(path.parent)


# --- good data sets -------------------------------------------------------------------------------------------------


def test_what_artkit_writes_is_good_for_every_reader(shards):
    report = verify_dataset(shards)
    assert report.is_good
    assert report.faults == ()
    assert (report.num_shards, report.num_samples) == (3, 44)
    assert report.num_bytes == sum(path.stat().st_size for path in shards.glob("*.tar"))
    assert dict(report.readers) == {"webdataset": (), "Hugging Face datasets": (), "DALI": (), "Energon": ()}
    assert report.sidecars == ("dali", "energon", "wids")


def test_the_bundled_data_set_is_good():
    report = verify_dataset(demo_path())
    assert (report.faults, report.sidecars) == ((), ())


def test_indexed_tars_of_others_are_good(indexed):
    assert faults_of(indexed.folder) == []


def test_several_targets_and_class_names_are_checked(foreign_tars):
    facts = [{"artist": "ab"[number % 2], "year": number} for number in range(5)] + [{"artist": "a"}]
    foreign_tars.write("a.tar", foreign_tars.samples(range(6), json=lambda number: json.dumps(facts[number])))
    index_tars(foreign_tars.folder, labels=["artist", "year"])
    assert faults_of(foreign_tars.folder) == []
    change_column(foreign_tars.folder, "year.label", lambda column: np.roll(column, 1))
    faults = faults_of(foreign_tars.folder)
    assert len(faults) == 6
    assert faults[0].startswith("a.tar, sample 000: .json (year) says class 0, the index says -1; index the tars again")


def test_samples_left_out_of_an_index_are_no_fault(foreign_tars):
    members = foreign_tars.samples(range(12), cls=lambda number: number % 2)
    foreign_tars.write("a.tar", {**members, "003.png": b"<html>"})
    index_tars(foreign_tars.folder)
    assert faults_of(foreign_tars.folder) == []


def test_progress_ends_with_every_sample(shards):
    (shards / "val-000000.tar").unlink()
    calls = []
    verify_dataset(shards, progress=lambda *call: calls.append(call))
    assert calls[0] == ("verify", 0, 44)
    assert calls[-1] == ("verify", 44, 44)


def test_what_is_no_data_set_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="is not a data set, it has no"):
        verify_dataset(tmp_path)


# --- shards ---------------------------------------------------------------------------------------------------------


def test_a_missing_shard_is_a_fault_and_the_others_are_still_checked(shards):
    (shards / "val-000000.tar").unlink()
    patch(shards / "train-000000.tar", 2000, b"damage")
    faults = faults_of(shards)
    assert "val-000000.tar: is missing; copy the file again from where it is whole" in faults
    assert (
        "train-000000.tar: its sha256 is not that of the manifest; copy the file again from where it is whole" in faults
    )


def test_a_shard_that_was_cut_off_is_told_with_the_byte(shards):
    path = shards / "train-000000.tar"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: size // 2])
    faults = faults_of(shards)
    assert f"train-000000.tar: has {size // 2} bytes, the manifest says {size}; copy the file again" in faults[0]
    assert faults[1].startswith("train-000000.tar: at byte ")
    assert "cut off" in faults[1]


def test_a_folder_in_place_of_a_shard_is_told(shards):
    (shards / "val-000000.tar").unlink()
    (shards / "val-000000.tar").mkdir()
    assert "val-000000.tar: is no regular file; copy the file again from where it is whole" in faults_of(shards)


def test_one_changed_byte_is_told_with_the_samples_that_it_hurts(shards):
    path = shards / "train-000000.tar"
    offsets = np.load(shards / ".artkit/index/train/offset.npy")
    patch(path, int(offsets[3]) + 100, b"\x00\x00\x00\x00\x00\x00")
    key = f"{3:09d}"
    faults = faults_of(shards)
    assert faults[0].startswith("train-000000.tar: its sha256 is not that of the manifest")
    assert {fault.partition(": ")[0] for fault in faults[1:]} == {f"train-000000.tar, sample {key}"}


def test_a_shard_of_the_same_size_with_other_samples_is_told(indexed):
    members = indexed.samples(range(20, 26), cls=lambda number: number % 2)
    indexed.write("train-1.tar", members)
    faults = faults_of(indexed.folder)
    assert faults[0].startswith("train-1.tar: its sha256 is not that of the manifest")
    assert faults[1] == (
        "train-1.tar, sample 006: is in the index but not in the shard; "
        "index the tars again: artkit dataset index DIR --force"
    )


# --- index ----------------------------------------------------------------------------------------------------------

INDEX_FAULTS = {
    "width": (lambda c: c + np.uint32(1), r"its image is \d+x\d+, the index says \d+x\d+"),
    "crc32": (lambda c: c ^ np.uint32(1), "its image is another one than was indexed"),
    "size": (lambda c: c - np.uint32(1), "bytes, the index says"),
    "offset": (lambda c: c + np.uint64(512), r"the index places its image at byte \d+, where there is none"),
    "class.label": (lambda c: (c + 1) % 3, r"\.cls says class \d, the index says \d"),
}


@pytest.mark.parametrize(("name", "change", "text"), [(k, *v) for k, v in INDEX_FAULTS.items()], ids=INDEX_FAULTS)
def test_an_index_that_says_something_else_is_a_fault_of_every_sample(shards, name, change, text):
    change_column(shards, name, change)
    faults = [fault for fault in faults_of(shards) if re.search(text, fault)]
    assert len(faults) == 36
    assert all(re.match(r"train-000000\.tar, sample 0000000\d\d: ", fault) for fault in faults)
    assert faults[0].endswith("; convert the images again: artkit shard SRC DST --force")


def test_the_json_of_a_sample_must_agree_too(shards):
    def change(members):
        return [
            (name, content.replace(b'"class": "many"', b'"class": "some"').replace(b'"width": ', b'"width": 9'))
            if name == "000000001.json"
            else (name, content)
            for name, content in members
        ]

    rewrite(shards / "train-000000.tar", change)
    faults = [fault for fault in faults_of(shards) if "sample 000000001" in fault]
    assert any(".json says 9" in fault for fault in faults)


def test_a_json_too_large_to_be_one_is_told_and_not_read(shards, uneven_shards):
    def grown(members):
        last = members[-1][0]
        assert last.endswith(".json")  # so that the image stays where the index has it
        return [*members[:-1], (last, bytes((1 << 24) + 1))]

    rewrite(shards / "val-000000.tar", grown)
    key = open_dataset(uneven_shards).split("val").keys[-1]
    assert [fault for fault in faults_of(shards) if f"sample {key}: .json is too large: 16777217 bytes" in fault]


def test_labels_that_are_no_numbers_are_told(shards):
    rewrite(
        shards / "train-000000.tar",
        lambda members: [(name, b"\xff" if name == "000000002.cls" else data) for name, data in members],
    )
    assert any("sample 000000002: its class cannot be read: .cls is not UTF-8" in fault for fault in faults_of(shards))


@pytest.mark.parametrize("name", ["offset.npy", "key.text.npy", "class.label.npy"])
@pytest.mark.parametrize("damage", ["missing", "empty", "nonsense", "shorter"])
def test_an_index_file_that_cannot_be_read_is_a_fault(shards, name, damage):
    path = shards / ".artkit/index/train" / name
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"empty": b"", "nonsense": b"x" * 500, "shorter": content[:-1]}[damage])
    faults = faults_of(shards)
    assert len(faults) == 1
    assert faults[0].startswith(".artkit/index: ")
    assert name.removesuffix(".npy").partition(".")[0] in faults[0]


def test_keys_that_are_no_text_are_told(shards):
    change_column(shards, "key.text", lambda column: np.full_like(column, 255))
    faults = faults_of(shards)
    assert len(faults) == 36
    assert "is in the index but not in the shard" in faults[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "artkit-shards", "version": 1}', b"\xff\xfe"])
def test_a_damaged_manifest_is_the_only_fault(shards, content):
    (shards / ".artkit/manifest.json").write_bytes(content)
    (fault,) = verify_dataset(shards).faults
    assert fault.file == ".artkit/manifest.json"


def test_an_index_whose_labels_cannot_be_found_is_told(indexed):
    path = indexed.folder / ".artkit/manifest.json"
    content = json.loads(path.read_text())
    content["options"]["labels"] = ["=="]
    path.write_text(json.dumps(content))
    (fault,) = verify_dataset(indexed.folder).faults
    assert "names no field" in fault.text


# --- sidecars -------------------------------------------------------------------------------------------------------


SIDECAR_FAULTS = {
    "dali offset": (
        "train-000000.idx",
        lambda text: text.replace(b" 512 ", b" 1024 ", 1),
        "has other members in line 2 than sample",
    ),
    "dali count": (
        "train-000000.idx",
        lambda text: text.replace(b"v1.2 36", b"v1.2 35"),
        "does not begin with a version",
    ),
    "dali version": ("train-000000.idx", lambda text: text.replace(b"v1.2", b"v9"), "does not begin with a version"),
    "dali cut": ("train-000000.idx", lambda text: text[: len(text) // 2], "does not begin with a version"),
    "dali empty": ("train-000000.idx", lambda _: b"", "does not begin with a version"),
    "dali nonsense": ("train-000000.idx", lambda text: text + b"\xff\xff x\n", "does not begin with a version"),
    "energon": (
        "train-000000.tar.idx",
        lambda data: data[8:],
        "does not say where the samples of train-000000.tar begin",
    ),
    "energon counts": (".nv-meta/.info.json", lambda text: text.replace(b"36", b"37"), "does not have the numbers of"),
    "energon json": (".nv-meta/.info.json", lambda _: b"[" * 100_000, "does not have the numbers of samples"),
    "wids count": (
        "shardindex-train.json",
        lambda text: text.replace(b"36", b"37"),
        "does not list the shards of 'train'",
    ),
    "wids list": ("shardindex-train.json", lambda _: b'{"shardlist": [1]}', "does not list the shards of 'train'"),
    "wids cut": ("shardindex-train.json", lambda text: text[:20], "does not list the shards of 'train'"),
    "energon splits": (".nv-meta/split.yaml", lambda text: text.replace(b"val", b"vol"), "does not fit the shards"),
    "energon fields": (".nv-meta/dataset.yaml", lambda text: text + b"x: 1\n", "does not fit the shards"),
    "dali suffix": ("train-000000.idx", lambda text: text.replace(b"cls ", b"txt ", 1), "other members in line 2"),
    "dali name": ("train-000000.idx", lambda text: text.replace(b"0.cls", b"7.cls", 1), "other members in line 2"),
    "hugging face": (".huggingface.yaml", lambda text: text + b"more: 1\n", "does not list the shards that there are"),
}


@pytest.mark.parametrize(("name", "change", "text"), SIDECAR_FAULTS.values(), ids=SIDECAR_FAULTS)
def test_a_sidecar_that_does_not_fit_is_a_fault(shards, name, change, text):
    path = shards / name
    path.write_bytes(change(path.read_bytes()))
    (fault,) = verify_dataset(shards).faults
    assert (fault.file, fault.key) == (name, None)
    assert text in fault.text
    assert "artkit dataset index DIR --sidecars" in fault.advice


def test_a_dali_index_of_version_1_1_is_good_too(shards):
    path = shards / "train-000000.idx"
    head, *lines = path.read_text().splitlines()
    without_names = [" ".join(word for at, word in enumerate(line.split()) if at % 4 != 3) for line in lines]
    path.write_text("\n".join([head.replace("v1.2", "v1.1"), *without_names]) + "\n")
    assert faults_of(shards) == []


def test_sidecars_that_people_wrote_by_hand_are_not_judged(shards):
    (shards / ".huggingface.yaml").write_text("license: mit\n")
    assert faults_of(shards) == []


# --- other readers --------------------------------------------------------------------------------------------------


def test_what_keeps_other_readers_from_tars_of_others_is_told_and_is_no_fault(foreign_tars):
    members = {f"a b/{name}": data for name, data in foreign_tars.samples(range(6), cls=lambda n: n % 2).items()}
    foreign_tars.write("my.train-0.tar", members, tar_format=tarfile.PAX_FORMAT)
    index_tars(foreign_tars.folder)
    report = verify_dataset(foreign_tars.folder)
    assert report.is_good
    assert report.readers["webdataset"] == ()
    assert report.readers["DALI"] == ("my.train-0.tar: names have blanks ('a b/000.png' and 11 more)",)
    assert report.readers["Energon"] == ("my.train-0.tar: the name of the tar has a second dot",)


def test_of_a_converted_data_set_it_is_a_fault(shards):
    rewrite(
        shards / "train-000000.tar",
        lambda members: [(name.replace("000000003.", "x 3."), data) for name, data in members],
    )
    assert any("DALI: names have blanks ('x 3.jpg' and 2 more)" in fault for fault in faults_of(shards))


# --- anything -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_random_damage_is_a_named_fault_and_never_a_traceback(indexed, seed):
    rng = random.Random(seed)
    write_sidecars(indexed.folder, ["energon"])
    files = sorted(path for path in indexed.folder.rglob("*") if path.is_file() and path.name != "rejects.jsonl")
    path = rng.choice([path for path in files if path.suffix != ".yaml"])
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 20)):
        kind = rng.choice(["change", "cut", "insert"])
        at = rng.randrange(len(content)) if content else 0
        if kind == "change" and content:
            content[at] ^= rng.randint(1, 255)
        elif kind == "cut":
            del content[at : at + rng.randint(1, 600)]
        else:
            content[at:at] = rng.randbytes(rng.randint(1, 600))
    changed = bytes(content) != path.read_bytes()
    path.write_bytes(content)
    faults = verify_dataset(indexed.folder, threads=2).faults
    # The column `file` is for people, and nothing else says what it should be.
    if changed and "file." not in path.name:
        assert faults
    assert all(fault.file and fault.text and fault.advice for fault in faults)
