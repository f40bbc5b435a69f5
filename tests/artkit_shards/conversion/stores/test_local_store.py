import fcntl
import os

import pytest

from artkit_shards import ConvertError
from artkit_shards.conversion.settling import settle_beside
from artkit_shards.conversion.stores.local_store import LocalStore


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "a/b")


def test_holding_a_folder_for_nothing_leaves_nothing(store, tmp_path):
    with store.hold() as hold:
        hold.check()
        assert (tmp_path / "a/b/.artkit/lock").exists()
    assert not (tmp_path / "a").exists()


def test_folders_that_were_there_stay(store, tmp_path):
    (tmp_path / "a").mkdir()
    with store.hold():
        pass
    assert (tmp_path / "a").exists()
    assert not (tmp_path / "a/b").exists()


def test_two_cannot_hold_a_folder(store):
    with store.hold(), pytest.raises(ConvertError, match="another conversion is writing to"), store.hold():
        pass


def test_a_lock_that_was_removed_keeps_nobody_out_and_lets_nobody_in_twice(store, tmp_path):
    # Someone else opened the lock before its holder removed it, and locked it after: it has no name any more.
    (tmp_path / "a/b/.artkit").mkdir(parents=True)
    orphan = os.open(tmp_path / "a/b/.artkit/lock", os.O_CREAT | os.O_WRONLY)
    (tmp_path / "a/b/.artkit/lock").unlink()
    fcntl.flock(orphan, fcntl.LOCK_EX)
    with store.hold(), pytest.raises(ConvertError, match="another conversion"), store.hold():
        pass
    os.close(orphan)


def test_what_a_killed_conversion_was_writing_is_swept_away(store, tmp_path):
    waste = tmp_path / "a/b/.artkit/tmp/x.part"
    waste.parent.mkdir(parents=True)
    waste.write_bytes(b"half")
    with store.hold():
        assert not waste.exists()


def test_files_are_whole_or_not_there(store, tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    store.write("x", b"old")
    with pytest.raises(TypeError, match="bytes-like"), store.new_file("x") as file:
        file.write("text, which no file takes")
    assert store.read("x") == b"old"
    with store.new_file("x") as file:
        file.write(b"new")
    assert (store.read("x"), store.size("x"), store.read("y"), store.size("y")) == (b"new", 3, None, None)
    assert not list((tmp_path / "a/b/.artkit/tmp").iterdir())


def test_names_are_those_of_files_right_in_a_folder(store):
    for name in ("f/b", "f/a", "f/deep/c", "g"):
        store.write(name, b"")
    assert store.names("f") == ["a", "b"]
    assert store.names("nowhere") == []
    store.remove("f/a")
    store.remove("f/a")
    store.remove_folder("f/deep")
    assert store.names("f") == ["b"]


def test_a_file_that_cannot_be_seen_onto_the_disk_is_an_error(store):
    store.write("x", b"")
    with settle_beside(store) as settling:
        settling.add("x")
        settling.finish()
        settling.add("gone")
        with pytest.raises(FileNotFoundError, match="gone"):
            settling.finish()
