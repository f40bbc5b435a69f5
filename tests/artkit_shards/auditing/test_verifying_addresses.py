"""Verifying a data set at an address finds what it finds in a folder, with few shards on this machine at a time."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from artkit_shards import ClassFolders, DatasetError, Settings, convert, verify_dataset, write_sidecars
from artkit_shards.format.sidecars import SIDECARS


@pytest.fixture(scope="module")
def ten_shards(tmp_path_factory):
    """A data set of more than ten small shards with all sidecars. Do not change it."""
    folder = tmp_path_factory.mktemp("ten")
    generator = np.random.default_rng(2)
    for number in range(60):
        path = folder / "src" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(path)
    convert(ClassFolders(folder / "src"), folder / "dst", Settings(shard_bytes=12_000), workers=1)
    write_sidecars(folder / "dst", SIDECARS)
    assert len(list((folder / "dst").glob("*.tar"))) > 10
    return folder / "dst"


@pytest.fixture
def served(ten_shards, unreliable_server):
    """The server, with the data set in its folder `set`."""
    shutil.copytree(ten_shards, unreliable_server.folder / "set")
    return unreliable_server


def patch(path, position, data):
    content = bytearray(path.read_bytes())
    content[position : position + len(data)] = data
    path.write_bytes(content)


def test_a_good_data_set_is_good_at_any_address(served, ten_shards):
    near = verify_dataset(ten_shards)
    far = verify_dataset(f"{served.address}/set")
    system = fsspec.filesystem("memory")
    system.put(f"{ten_shards}/", "/verify/set", recursive=True)
    in_memory = verify_dataset("memory://verify/set")
    system.rm("/verify", recursive=True)
    for report in (far, in_memory):
        assert (report.faults, report.sidecars) == ((), SIDECARS)
        assert (report.num_shards, report.num_samples, report.readers) == (near.num_shards, 60, near.readers)
    assert far.directory == f"{served.address}/set"
    assert verify_dataset(f"file://{ten_shards}").directory == ten_shards


def test_damage_is_named_as_it_is_in_a_folder(served):
    folder = served.folder / "set"
    patch(folder / "train-000001.tar", 1100, bytes(40))
    (folder / "train-000002.tar").unlink()
    (folder / ".artkit/index/val/width.npy").write_bytes(b"no array")
    (folder / "train-000000.tar.idx").write_bytes(b"no index")
    near = [str(fault) for fault in verify_dataset(folder).faults]
    far = [str(fault) for fault in verify_dataset(f"{served.address}/set").faults]
    assert len(near) > 4
    assert far == [fault.replace(str(folder), f"{served.address}/set") for fault in near]


def test_a_shard_of_another_size_is_told_and_not_fetched(served):
    (served.folder / "set/val-000000.tar").write_bytes(bytes(1_000_000))
    faults = [str(fault) for fault in verify_dataset(f"{served.address}/set").faults]
    assert any("val-000000.tar: has 1000000 bytes, the manifest says" in fault for fault in faults)
    assert served.asked_for("val-000000.tar") == ["bytes=0-0"]


def test_what_cannot_be_fetched_is_a_fault_and_the_rest_is_checked(served):
    served.faults_forever["/set/val-000000.tar"] = 403
    served.faults_forever["/set/shardindex-train.json"] = 403
    faults = [str(fault) for fault in verify_dataset(f"{served.address}/set").faults]
    assert [fault.partition(":")[0] for fault in faults[:1]] == ["shardindex-train.json"]
    assert any("val-000000.tar" in fault and "HTTP 403 Forbidden; check the credentials" in fault for fault in faults)


def test_few_shards_are_on_this_machine_at_a_time_and_none_afterwards(served, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    most = []

    def look(_phase, _done, _total):
        most.append(len(list(Path(tmp_path).glob("artkit-*/*.tar"))))

    assert verify_dataset(f"{served.address}/set", threads=1, progress=look).is_good
    assert 1 <= max(most) <= 4
    assert os.listdir(tmp_path) == ["served"]


def test_a_shard_that_does_not_fit_on_the_disk_ends_the_verification(served):
    manifest = served.folder / "set/.artkit/manifest.json"
    content = json.loads(manifest.read_text())
    shard = content["splits"]["train"]["shards"][0]
    shard["bytes"] = 10**15
    manifest.write_text(json.dumps(content))
    served.faults_forever[f"/set/{shard['name']}"] = ("claims", 10**15)
    with pytest.raises(
        DatasetError, match=rf"{shard['name']} of http.* has {10**15} bytes, and the disk .* set TMPDIR"
    ):
        verify_dataset(f"{served.address}/set")


def test_what_is_no_data_set_is_an_error(unreliable_server):
    with pytest.raises(DatasetError, match=r"http://.* is not a data set, it has no \.artkit/manifest\.json"):
        verify_dataset(unreliable_server.address)
