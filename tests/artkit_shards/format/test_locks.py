"""Locks keep others out, tell who holds them, and end with their process."""

import os
import signal
import subprocess
import sys

import pytest

from artkit_shards.format.locks import LockedError, hold_lock, read_lock

HOLDER = """
import sys, time
from pathlib import Path
from artkit_shards.format.locks import hold_lock
with hold_lock(Path(sys.argv[1]), b"mine"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds a lock, and the lock."""
    path = tmp_path / "lock"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process, path
    process.kill()
    process.wait()
    process.stdout.close()


def test_one_who_comes_in_vain_learns_who_holds_the_lock_and_changes_nothing(holder):
    _, path = holder
    for _ in range(2):
        with pytest.raises(LockedError) as caught, hold_lock(path, b"other"):
            pass
        assert caught.value.note == b"mine"
    assert read_lock(path) == b"mine"


def test_a_lock_ends_with_its_process_however_that_ends(holder):
    process, path = holder
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert path.exists()
    assert read_lock(path) is None
    with hold_lock(path, b"mine now") as keeps_out:
        assert keeps_out
        assert read_lock(path) == b"mine now"
    assert not path.exists()


def test_nobody_holds_a_lock_that_is_not_there(tmp_path):
    assert read_lock(tmp_path / "lock") is None


def test_looking_at_a_lock_does_not_take_it(tmp_path):
    with hold_lock(tmp_path / "lock"):
        assert read_lock(tmp_path / "lock") == b""
    assert read_lock(tmp_path / "lock") is None
