import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest

from artkit_shards import DatasetError
from artkit_shards.format.file_cache import FileCache, default_cache_folder


def writer(data, calls=None):
    """Fetches by writing data, and counts how often."""

    def fetch(file):
        if calls is not None:
            calls.append(file.seek(0, os.SEEK_END))
        file.seek(0)
        file.write(data)

    return fetch


def put(cache, name, num_bytes, used=None):
    """Fetch a shard of zeros, used at a time in seconds."""
    path = cache.shard_path("f", name)
    cache.ensure(path, num_bytes, writer(bytes(num_bytes)))
    if used is not None:
        os.utime(path, (used, used))
    return path


def names(cache):
    return sorted(path.name for path in cache.directory.glob("shards/*/*"))


def total(cache):
    return sum(path.stat().st_size for path in cache.directory.rglob("*") if path.is_file())


def test_a_file_is_fetched_once_and_then_found(tmp_path):
    cache, calls = FileCache(tmp_path / "cache", 100), []
    path = cache.shard_path("f", "a.tar")
    for _ in range(3):
        assert cache.open(path, 4, writer(b"data", calls)).read(1, 2) == b"at"
    assert calls == [0]
    assert names(cache) == ["a.tar"]
    assert FileCache(tmp_path / "cache", 100).open(path, 4, writer(b"new!", calls)).read(0, 9) == b"data"


def test_a_fetch_that_fails_leaves_its_beginning_for_the_next_one(tmp_path):
    cache, calls = FileCache(tmp_path, 100), []
    path = cache.shard_path("f", "a.tar")

    def fail(file):
        file.write(b"da")
        raise DatasetError("gone")

    with pytest.raises(DatasetError, match="gone"):
        cache.ensure(path, 4, fail)
    assert names(cache) == [".a.tar.4.part"]
    cache.ensure(path, 4, writer(b"data", calls))
    assert (calls, names(cache)) == ([2], ["a.tar"])


def test_a_file_of_another_size_is_fetched_again(tmp_path):
    cache, calls = FileCache(tmp_path, 100), []
    path = put(cache, "a.tar", 10)
    os.truncate(path, 3)
    assert cache.open(path, 4, writer(b"data", calls)).read(0, 9) == b"data"
    assert calls == [0]


def test_the_files_used_longest_ago_go_first(tmp_path):
    cache = FileCache(tmp_path, 100)
    for name, used in (("a.tar", 300), ("b.tar", 100), ("c.tar", 200)):
        put(cache, name, 30, used)
    put(cache, "d.tar", 35)
    assert names(cache) == ["a.tar", "c.tar", "d.tar"]
    put(cache, "e.tar", 70)
    assert names(cache) == ["e.tar"]
    assert total(cache) <= 100


def test_opening_a_file_is_using_it(tmp_path):
    cache = FileCache(tmp_path, 100)
    old = put(cache, "a.tar", 40, 100)
    put(cache, "b.tar", 40, 200)
    cache.open(old, 40, writer(b""))
    put(cache, "c.tar", 40)
    assert names(cache) == ["a.tar", "c.tar"]


def test_open_files_stay_whatever_the_budget(tmp_path):
    cache = FileCache(tmp_path, 100)
    held = cache.open(put(cache, "a.tar", 60, 100), 60, writer(b""))
    put(cache, "b.tar", 30)
    put(cache, "c.tar", 60)
    assert names(cache) == ["a.tar", "c.tar"]
    assert held.read(0, 60) == bytes(60)
    del held
    put(cache, "d.tar", 40)
    assert names(cache) == ["c.tar", "d.tar"]


def test_parts_count_in_full_and_go_when_nobody_fetches_them(tmp_path):
    cache = FileCache(tmp_path, 100)

    def fail(file):
        raise DatasetError("gone")

    with pytest.raises(DatasetError, match="gone"):
        cache.ensure(cache.shard_path("f", "a.tar"), 60, fail)
    put(cache, "b.tar", 50)
    assert names(cache) == ["b.tar"]


def test_an_index_goes_as_a_whole_unless_it_is_held(tmp_path):
    cache = FileCache(tmp_path, 100)
    for digest in ("old", "held"):
        cache.ensure(cache.index_folder(digest) / ".artkit" / "index" / "x.npy", 30, writer(bytes(30)))
    held = cache.hold(cache.index_folder("held"))
    for folder in cache.directory.glob("indexes/*"):
        os.utime(folder, (100, 100))
    put(cache, "a.tar", 60)
    assert [folder.name for folder in cache.directory.glob("indexes/*")] == ["held"]
    del held
    put(cache, "b.tar", 90)
    assert names(cache) == ["b.tar"]
    assert list(cache.directory.glob("indexes/*")) == []


def test_threads_that_want_one_file_fetch_it_once(tmp_path):
    cache, calls, read = FileCache(tmp_path, 100), [], []
    path = cache.shard_path("f", "a.tar")
    start = threading.Barrier(8)

    def use():
        start.wait()
        read.append(cache.open(path, 4, writer(b"data", calls)).read(0, 4))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (calls, read) == ([0], [b"data"] * 8)


def test_threads_that_fight_for_little_room_read_the_right_bytes(tmp_path):
    cache, wrong = FileCache(tmp_path, 250), []

    def use(step):
        for turn in range(60):
            number = (turn * step) % 7
            data = bytes([number]) * 100
            file = cache.open(cache.shard_path("f", f"{number}.tar"), 100, writer(data))
            if file.read(0, 100) != data:
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(step,)) for step in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    # At most one file a thread is open, and open files aside the budget holds.
    assert total(cache) <= 250 + 3 * 100
    put(cache, "last.tar", 100)
    assert total(cache) <= 250


CHILD = dedent("""
    import os, sys, time
    from pathlib import Path
    from artkit_shards.format.file_cache import FileCache

    folder, log, number = sys.argv[1:]

    def fetch(file):
        start = file.seek(0, os.SEEK_END)
        with open(log, "a") as lines:
            print(number, start, file=lines, flush=True)
        file.write(b"half" if start == 0 else b"")
        file.flush()
        if number == "victim":
            print("ready", flush=True)
            time.sleep(60)
        time.sleep(0.2)
        file.write(b"half")

    cache = FileCache(Path(folder), 100)
    print(cache.open(cache.shard_path("f", "a.tar"), 8, fetch).read(0, 8))
""")


def child(folder, log, number):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(log), str(number)], stdout=subprocess.PIPE, text=True
    )


def test_processes_that_share_a_folder_fetch_a_file_once(tmp_path):
    children = [child(tmp_path / "cache", tmp_path / "log", number) for number in range(3)]
    assert [process.communicate(timeout=60)[0] for process in children] == ["b'halfhalf'\n"] * 3
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_a_process_killed_while_it_fetches_leaves_its_beginning_and_no_lock(tmp_path):
    victim = child(tmp_path / "cache", tmp_path / "log", "victim")
    assert victim.stdout.readline() == "ready\n"
    waiting = child(tmp_path / "cache", tmp_path / "log", "second")
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    assert waiting.communicate(timeout=60)[0] == "b'halfhalf'\n"
    assert (tmp_path / "log").read_text().splitlines() == ["victim 0", "second 4"]


def test_a_full_disk_is_told_with_what_to_do(tmp_path):
    cache = FileCache(tmp_path, 100)

    def full(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DatasetError, match=rf"the cache in {tmp_path} cannot be used: the disk is full; free some"):
        cache.ensure(cache.shard_path("f", "a.tar"), 4, full)


def test_a_folder_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="cannot be used: Not a directory; give another cache_dir on a local disk"):
        FileCache(tmp_path / "file" / "cache", 100)


def test_the_folder_is_for_this_user_alone(tmp_path):
    FileCache(tmp_path / "a" / "cache", 100)
    assert (tmp_path / "a" / "cache").stat().st_mode & 0o777 == 0o700


def test_where_files_are_kept_by_default(monkeypatch):
    for name in ("ARTKIT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/x")
    assert default_cache_folder() == Path("/home/x/.cache/artkit")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/x")
    assert default_cache_folder() == Path("/var/x/artkit")
    monkeypatch.setenv("ARTKIT_CACHE", "~/mine")
    assert default_cache_folder() == Path("/home/x/mine")
