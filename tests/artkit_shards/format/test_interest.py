"""Whatever threads wait for, they stop waiting when nobody is interested any more; other threads go on."""

import fcntl
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from artkit_shards import Patience
from artkit_shards.format.addresses import parse_address
from artkit_shards.format.file_cache import FileCache
from artkit_shards.format.interest import (
    Interest,
    UnwantedError,
    check_wanted,
    holding,
    result_of,
    sleep,
    threads_while_wanted,
)
from artkit_shards.format.remote import RemoteFolder

PATIENT = Patience(attempts=100, first_wait_s=100, longest_wait_s=100, silence_s=1000)


def hold_lock():
    lock = threading.Lock()
    lock.acquire()
    return lock


def acquire(lock):
    with holding(lock):
        raise AssertionError("nobody let go of it")


def fail_forever():
    raise OSError


def fetch_what_another_fetches(folder):
    cache = FileCache(folder, 1000)
    path = cache.shard_path("x", "a.tar")
    path.parent.mkdir(parents=True)
    with open(path.parent / ".a.tar.10.part", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        cache.ensure(path, 10, lambda part: part.write(b"0123456789"))


@pytest.fixture
def silent_folder(unreliable_server):
    """A folder on a server that does not answer."""
    (unreliable_server.folder / "a.bin").write_bytes(bytes(5000))
    unreliable_server.faults_forever["/a.bin"] = ("slow", 1000)
    return RemoteFolder(parse_address(unreliable_server.address), PATIENT)


@pytest.mark.parametrize("what", ["sleep", "future", "lock", "patience", "cache", "server"])
def test_no_thread_waits_for_what_nobody_wants(what, tmp_path, silent_folder):
    wait = {
        "sleep": lambda: sleep(1000),
        "future": lambda: result_of(Future()),
        "lock": lambda: acquire(hold_lock()),
        "patience": lambda: PATIENT.insist(fail_forever, lambda _: False),
        "cache": lambda: fetch_what_another_fetches(tmp_path / "cache"),
        "server": lambda: silent_folder.read("a.bin", most=5000),
    }[what]
    interest = Interest()
    with ThreadPoolExecutor(1, initializer=interest.join) as pool:
        waiting = pool.submit(wait)
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        interest.end()
        with pytest.raises(UnwantedError, match="nobody waits for this any more"):
            waiting.result(10)


def test_threads_end_with_their_block_whatever_they_wait_for():
    with threads_while_wanted(2, "test") as pool:
        waiting = [pool.submit(sleep, 1000) for _ in range(5)]
    assert all(future.done() for future in waiting)


def test_a_thread_that_works_for_nobody_in_particular_waits_to_the_end():
    Interest().end()
    check_wanted()
    sleep(0.01)
    assert PATIENT.insist(lambda: 7, lambda _: False) == 7
