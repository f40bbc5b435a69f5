"""Sidecars are what readers ask for: parsed here by the published rules, and by those readers that are installed."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from artkit_shards import DatasetError, index_tars, open_dataset, write_sidecars
from artkit_shards.format.sidecars import SIDECARS, sidecar_names

# Readers that do not go with our own packages can be put into an environment of their own.
READER_PYTHON = "ARTKIT_{}_PYTHON"


@pytest.fixture
def shards(uneven_shards, tmp_path):
    """A copy of a data set, to do anything to."""
    return Path(shutil.copytree(uneven_shards, tmp_path / "shards"))


def tar_names(directory):
    return sorted(path.name for path in directory.glob("*.tar"))


def expected_members(path):
    """What tarfile says of a tar: its members in order."""
    with tarfile.open(path) as tar:
        return [(info.name, info.offset, info.offset_data, info.size, tar.extractfile(info).read()) for info in tar]


# --- DALI -----------------------------------------------------------------------------------------------------------


def parse_dali_index(text):
    """Samples of a DALI index, version 1.2: fields `suffix offset size name` for each member, a line a sample."""
    version, number = text.splitlines()[0].split()
    lines = [line.split() for line in text.splitlines()[1:]]
    assert (version, int(number)) == ("v1.2", len(lines))
    return [[tuple(line[at : at + 4]) for at in range(0, len(line), 4)] for line in lines]


def test_a_dali_index_says_where_the_data_of_each_member_is(shards):
    write_sidecars(shards, ["dali"])
    for name in tar_names(shards):
        samples = parse_dali_index((shards / name.replace(".tar", ".idx")).read_text())
        data = (shards / name).read_bytes()
        found = []
        for sample in samples:
            assert len({member.partition(".")[0] for _, _, _, member in sample}) == 1
            for suffix, offset, size, member in sample:
                assert int(offset) % 512 == 0
                assert member.endswith(f".{suffix}")
                found.append((member, data[int(offset) : int(offset) + int(size)]))
        assert found == [(member, content) for member, _, _, _, content in expected_members(shards / name)]


def test_suffixes_keep_their_capitals_for_dali_which_compares_exactly(foreign_tars):
    foreign_tars.write("train-0.tar", foreign_tars.samples(range(4), suffix="Left.PNG", cls=lambda n: n % 2))
    index_tars(foreign_tars.folder)
    write_sidecars(foreign_tars.folder, ["dali"])
    samples = parse_dali_index((foreign_tars.folder / "train-0.idx").read_text())
    assert [member[0] for member in samples[0]] == ["Left.PNG", "cls"]


def test_names_with_blanks_cannot_stand_in_a_dali_index(foreign_tars):
    members = {
        f"my {name}": content for name, content in foreign_tars.samples(range(4), cls=lambda number: number % 2).items()
    }
    foreign_tars.write("train-0.tar", members)
    index_tars(foreign_tars.folder)
    with pytest.raises(DatasetError, match=r"train-0\.tar cannot have an index for DALI: the name 'my 000\.png' has"):
        write_sidecars(foreign_tars.folder, ["dali"])
    assert write_sidecars(foreign_tars.folder, ["energon"]).written


DALI_PROGRAM = """
import glob, sys
import numpy as np
from nvidia.dali import fn, pipeline_def

paths = sorted(glob.glob(sys.argv[1] + "/train-*.tar"))

@pipeline_def(batch_size=4, num_threads=1, device_id=None)
def pipeline():
    indexes = [path[:-4] + ".idx" for path in paths]
    images, labels = fn.readers.webdataset(
        paths=paths, index_paths=indexes, ext=["jpg", "cls"], missing_component_behavior="error", name="reader"
    )
    return images, labels

reader = pipeline()
reader.build()
number, found = reader.epoch_size("reader"), []
while len(found) < number:
    images, labels = reader.run()
    found += [(bytes(np.array(i)).hex(), bytes(np.array(l)).decode()) for i, l in zip(images, labels)]
for image, label in found[:number]:
    print(label, image)
"""


def python_with(module):
    """An interpreter that can import a module: this one, or the one that a variable names; else the test is skipped."""
    variable = READER_PYTHON.format(module.rpartition(".")[2].upper())
    python = os.environ.get(variable, sys.executable)
    done = subprocess.run([python, "-c", f"import {module}"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{module} is not installed; {variable} can name an interpreter that has it")
    return python


def output_of(python, program, *arguments):
    done = subprocess.run([python, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_dali_reads_equal_bytes_by_the_index(shards):
    python = python_with("nvidia.dali")
    write_sidecars(shards, ["dali"])
    split = open_dataset(shards).split("train")
    expected = [f"{split.labels[row]} {split.read(row).hex()}" for row in range(len(split))]
    assert output_of(python, DALI_PROGRAM, shards) == expected


# --- Energon --------------------------------------------------------------------------------------------------------


def test_an_energon_index_says_where_each_sample_begins_and_the_last_one_ends(shards):
    write_sidecars(shards, ["energon"])
    for name in tar_names(shards):
        offsets = np.fromfile(shards / f"{name}.idx", dtype="<u8")
        members = expected_members(shards / name)
        starts = [header for member, header, _, _, _ in members if member.endswith(".jpg")]
        assert offsets[:-1].tolist() == starts
        with tarfile.open(shards / name) as tar:
            tar.getmembers()
            assert offsets[-1] == tar.offset


def test_energon_is_told_counts_splits_and_fields(shards):
    write_sidecars(shards, ["energon"])
    dataset = open_dataset(shards)
    info = json.loads((shards / ".nv-meta/.info.json").read_text())
    assert list(info["shard_counts"]) == [f"{split}-000000.tar" for split in dataset.split_names]
    assert sum(info["shard_counts"].values()) == sum(len(dataset.split(name)) for name in dataset.split_names)
    assert (shards / ".nv-meta/split.yaml").read_text().splitlines()[1:] == [
        "split_parts:",
        '  train: ["train-000000.tar"]',
        '  val: ["val-000000.tar"]',
        '  test: ["test-000000.tar"]',
        "exclude: []",
    ]
    assert (shards / ".nv-meta/dataset.yaml").read_text().splitlines()[1:] == [
        "sample_type:",
        "  __module__: megatron.energon",
        "  __class__: ImageClassificationSample",
        "field_map:",
        '  image: "jpg"',
        "  label: cls",
    ]


def test_energon_is_told_all_suffixes_of_images_and_no_class_where_there_is_none(foreign_tars):
    members = foreign_tars.samples(range(4), txt=lambda number: "ab"[number % 2])
    members |= foreign_tars.samples(range(4, 6), suffix="jpeg", kind="JPEG", txt=lambda number: "ab"[number % 2])
    foreign_tars.write("train-0.tar", members)
    index_tars(foreign_tars.folder, labels=["txt"])
    write_sidecars(foreign_tars.folder, ["energon"])
    lines = (foreign_tars.folder / ".nv-meta/dataset.yaml").read_text().splitlines()
    assert lines[-1] == '  image: "jpeg,png"'


ENERGON_PROGRAM = """
import sys
from megatron.energon import WorkerConfig, get_loader, get_train_dataset

dataset = get_train_dataset(
    sys.argv[1], batch_size=1, shuffle_buffer_size=None, max_samples_per_sequence=None, repeat=False,
    worker_config=WorkerConfig(rank=0, world_size=1, num_workers=0),
)
for batch in get_loader(dataset):
    print(*batch.__key__, *batch.label, *batch.image.shape)
"""


@pytest.mark.slow
def test_energon_reads_every_training_sample_with_its_class(shards):
    python = python_with("megatron.energon")
    write_sidecars(shards, ["energon"])
    split = open_dataset(shards).split("train")
    expected = {
        f"{split.keys[row]} {split.labels[row]} 1 3 {split.heights[row]} {split.widths[row]}"
        for row in range(len(split))
    }
    assert set(output_of(python, ENERGON_PROGRAM, shards)) == expected


# --- wids -----------------------------------------------------------------------------------------------------------


def test_wids_finds_the_shards_of_a_split_beside_its_list(shards):
    write_sidecars(shards, ["wids"])
    for split in open_dataset(shards).split_names:
        content = json.loads((shards / f"shardindex-{split}.json").read_text())
        assert (content["wids_version"], content["name"]) == (1, split)
        for entry in content["shardlist"]:
            path = shards / entry["url"]
            assert path.name.startswith(split)
            assert entry["filesize"] == path.stat().st_size
            assert entry["nsamples"] == len(expected_members(path)) // 3


WIDS_PROGRAM = """
import sys, wids
dataset = wids.ShardListDataset(sys.argv[1], cache_dir=sys.argv[2])
for row in range(len(dataset)):
    print("sample", dataset.shards[0]["url"].endswith(".tar"), dataset[row]["__key__"], dataset[row][".cls"])
"""


@pytest.mark.slow
def test_wids_reads_every_training_sample_with_its_class(shards, tmp_path):
    python = python_with("wids")
    write_sidecars(shards, ["wids"])
    split = open_dataset(shards).split("train")
    lines = output_of(python, WIDS_PROGRAM, shards / "shardindex-train.json", tmp_path / "cache")
    expected = [f"sample True {split.keys[row]} {split.labels[row]}" for row in range(len(split))]
    assert [line for line in lines if line.startswith("sample")] == expected


# --- Hugging Face ---------------------------------------------------------------------------------------------------

HUGGING_FACE_PROGRAM = """
import os, sys
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HOME=sys.argv[2])
import datasets
datasets.disable_progress_bars()
for name, split in datasets.load_dataset(sys.argv[1], cache_dir=sys.argv[2]).items():
    for sample in split:
        print(name, sample["__key__"], sample["cls"], *sample["jpg"].size)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [[], list(SIDECARS)], ids=["without", "with"])
def test_hugging_face_datasets_reads_the_same_with_and_without_sidecars(shards, tmp_path, kinds):
    pytest.importorskip("datasets")
    write_sidecars(shards, kinds)
    dataset = open_dataset(shards)
    expected = []
    for name in dataset.split_names:
        split = dataset.split(name)
        known = {"val": "validation"}.get(name, name)
        expected += [
            f"{known} {split.keys[row]} {split.labels[row]} {split.widths[row]} {split.heights[row]}"
            for row in range(len(split))
        ]
    assert output_of(sys.executable, HUGGING_FACE_PROGRAM, shards, tmp_path / "cache") == expected


@pytest.mark.slow
def test_hugging_face_datasets_needs_the_file_that_tells_it_what_is_data(shards, tmp_path):
    pytest.importorskip("datasets")
    write_sidecars(shards, ["energon"])
    (shards / ".huggingface.yaml").unlink()
    arguments = [sys.executable, "-c", HUGGING_FACE_PROGRAM, str(shards), str(tmp_path / "cache")]
    assert subprocess.run(arguments, capture_output=True).returncode != 0


# --- writing --------------------------------------------------------------------------------------------------------


def test_what_was_written_is_told_and_nothing_else_is_left(shards):
    before = {path.relative_to(shards).as_posix() for path in shards.rglob("*")}
    written = write_sidecars(shards, SIDECARS).written
    after = {path.relative_to(shards).as_posix() for path in shards.rglob("*")}
    assert after - before == {*written, ".nv-meta"}
    assert before <= after


def test_all_names_of_sidecars_are_known(shards):
    from artkit_shards.format.manifest_reader import read_manifest

    written = write_sidecars(shards, SIDECARS).written
    assert sidecar_names(read_manifest(shards)) == set(written)


def test_the_same_shards_give_the_same_sidecars(shards):
    first = {name: (shards / name).read_bytes() for name in write_sidecars(shards, SIDECARS).written}
    again = {name: (shards / name).read_bytes() for name in write_sidecars(shards, SIDECARS).written}
    assert first == again


def test_files_that_people_wrote_by_hand_stay(shards):
    (shards / ".nv-meta").mkdir()
    (shards / ".nv-meta/dataset.yaml").write_text("mine: true\n")
    (shards / ".huggingface.yaml").write_text("license: mit\n")
    done = write_sidecars(shards, ["energon"])
    assert done.kept == (".nv-meta/dataset.yaml", ".huggingface.yaml")
    assert (shards / ".nv-meta/dataset.yaml").read_text() == "mine: true\n"
    assert (shards / ".huggingface.yaml").read_text() == "license: mit\n"


def test_an_unknown_kind_is_refused_before_anything_is_written(shards):
    with pytest.raises(DatasetError, match="the sidecar 'dally' is unknown; there are dali, energon, wids"):
        write_sidecars(shards, ["wids", "dally"])
    assert not list(shards.glob("shardindex*"))


def test_a_damaged_shard_gets_no_sidecar(shards):
    path = shards / "val-000000.tar"
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DatasetError, match=r"val-000000\.tar cannot be read at byte 0: .*cut off"):
        write_sidecars(shards, ["energon"])
    assert not (shards / "val-000000.tar.idx").exists()


def test_no_sidecar_is_written_for_what_is_no_data_set(tmp_path):
    with pytest.raises(DatasetError, match=re.escape("manifest.json cannot be read: No such file or directory")):
        write_sidecars(tmp_path, ["dali"])


def test_an_address_is_refused_without_its_secrets():
    with pytest.raises(DatasetError, match="sidecars are written into folders only, and https://host/set is none; wri"):
        write_sidecars("https://user:secret@host/set", ["dali"])
