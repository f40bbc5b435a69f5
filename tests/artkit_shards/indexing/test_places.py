"""Tars at an address: they are fetched one after the other, and the index goes beside them or to a folder."""

import re

import fsspec
import pytest

from artkit_shards import DatasetError, index_tars, open_dataset


@pytest.fixture
def bucket(foreign_tars):
    """The address of a folder in memory with two tars and class names, and the same in a folder of this machine."""
    foreign_tars.write("train-0.tar", foreign_tars.samples(range(4), cls=lambda number: number % 2))
    foreign_tars.write("train-1.tar", foreign_tars.samples(range(4, 7), cls=lambda number: number % 2))
    foreign_tars.write("test-0.tar", foreign_tars.samples(range(7, 9), cls=lambda number: number % 2))
    (foreign_tars.folder / "classes.txt").write_text("even\nodd\n")
    system = fsspec.filesystem("memory")
    system.put(f"{foreign_tars.folder}/", "/bucket/art", recursive=True)
    yield "memory://bucket/art", foreign_tars.folder
    system.rm("/bucket", recursive=True)


def index_files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / ".artkit").rglob("*")
        if path.is_file()
    }


def test_the_index_of_tars_at_an_address_is_that_of_a_folder_and_lies_beside_them(bucket, tmp_path):
    address, folder = bucket
    phases = []
    report = index_tars(address, progress=lambda *call: phases.append(call))
    index_tars(folder)
    system = fsspec.filesystem("memory")
    system.get("/bucket/art/.artkit", f"{tmp_path}/found/.artkit", recursive=True)
    assert index_files(tmp_path / "found") == index_files(folder)
    assert (report.location, dict(report.split_counts)) == (address, {"train": 7, "test": 2})
    assert report.notes == (f"class names are those of {address}/classes.txt",)
    assert report.rejects_file == f"{address}/.artkit/rejects.jsonl"
    assert phases == [("tars", done, 3) for done in range(4)]


def test_an_indexed_data_set_at_an_address_opens(bucket, tmp_path):
    address, folder = bucket
    index_tars(address)
    split = open_dataset(address, cache_dir=tmp_path / "cache").split("train")
    index_tars(folder)
    local = open_dataset(folder).split("train")
    assert [split.read(row) for row in range(7)] == [local.read(row) for row in range(7)]


def test_the_index_can_go_to_a_folder_instead(bucket, tmp_path):
    address, folder = bucket
    index_tars(address, out=tmp_path / "new" / "index")
    index_tars(folder)
    assert index_files(tmp_path / "new" / "index") == index_files(folder)
    assert not fsspec.filesystem("memory").exists("/bucket/art/.artkit")
    with pytest.raises(DatasetError, match="has an index already; to replace it, add --force"):
        index_tars(address, out=tmp_path / "new" / "index")


def test_an_index_at_an_address_is_replaced_only_by_force(bucket):
    address, _ = bucket
    index_tars(address)
    with pytest.raises(DatasetError, match=re.escape(f"{address} has an index already; to replace it, add --force")):
        index_tars(address)
    fsspec.filesystem("memory").pipe_file("/bucket/art/classes.txt", b"a\nb\n")
    assert list(index_tars(address, force=True).class_counts) == ["a", "b"]


def test_the_index_of_a_conversion_at_an_address_is_known_to_know_more_than_its_tars(uneven_shards):
    system = fsspec.filesystem("memory")
    system.put(f"{uneven_shards}/", "/converted", recursive=True)
    with pytest.raises(DatasetError, match="knows more than its tars: `artkit shard` wrote it; to replace it, add --f"):
        index_tars("memory://converted")
    system.rm("/converted", recursive=True)


def test_a_damaged_tar_at_an_address_is_named_and_nothing_is_written(bucket):
    address, folder = bucket
    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/art/train-1.tar", (folder / "train-1.tar").read_bytes()[:700])
    with pytest.raises(DatasetError, match=r"train-1\.tar cannot be read at byte 0: .*cut off"):
        index_tars(address)
    assert not system.exists("/bucket/art/.artkit")
    report = index_tars(address, skip_bad=True, max_rejects=0.5)
    assert dict(report.split_counts) == {"train": 4, "test": 2}


def test_an_address_that_cannot_be_written_to_needs_a_folder(tmp_path):
    with pytest.raises(
        DatasetError, match=r"nothing can be written to https://host/art; have the index written to a folder with --out"
    ):
        index_tars("https://user:secret@host/art")


def test_a_tar_that_does_not_fit_on_the_disk_is_refused_before_it_is_fetched(foreign_tars, unreliable_server, tmp_path):
    tar = foreign_tars.write("train-0.tar", foreign_tars.samples(range(4), cls=lambda number: number % 2))
    (unreliable_server.folder / tar.name).write_bytes(tar.read_bytes())
    unreliable_server.faults_forever["/train-0.tar"] = ("claims", 10**15)
    with pytest.raises(
        DatasetError, match=rf"/train-0\.tar has {10**15} bytes, and the disk has room for \d+ in .*TMPDIR"
    ):
        index_tars(unreliable_server.address, out=tmp_path / "out")
    assert unreliable_server.asked_for("train-0.tar") == ["bytes=0-0"]


def test_a_tar_is_not_fetched_beyond_its_size(foreign_tars, unreliable_server, tmp_path):
    tar = foreign_tars.write("train-0.tar", foreign_tars.samples(range(4), cls=lambda number: number % 2))
    (unreliable_server.folder / tar.name).write_bytes(tar.read_bytes())
    unreliable_server.faults["/train-0.tar"] = ["", ("bytes", tar.read_bytes() + bytes(1 << 20))]
    unreliable_server.knows_ranges = False
    assert index_tars(unreliable_server.address, out=tmp_path / "out").split_counts == {"train": 4}


def test_a_folder_at_an_address_without_tars_is_told(bucket):
    with pytest.raises(DatasetError, match=r"memory://bucket/none/ cannot be fetched: there is no such file"):
        index_tars("memory://bucket/none")


def test_a_file_address_is_a_folder_of_this_machine(bucket):
    _, folder = bucket
    index_tars(f"file://{folder}")
    assert open_dataset(folder).split_names == ("train", "test")


def test_other_addresses_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="begins with ftp://, which is not read"):
        index_tars("ftp://host/art")
    with pytest.raises(DatasetError, match="is no address that can be read"):
        index_tars("pipe:cat a.tar")
