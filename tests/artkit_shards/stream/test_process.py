"""A loader's process gives the same bytes as threads do, tells what goes wrong, and never outlives its parent."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from artkit_shards import DatasetError, Loader, RandomResizedCrop, ShardsError, open_dataset

PARENT = """
import sys
from artkit_shards import Loader, open_dataset

if __name__ == "__main__":
    loader = Loader(open_dataset(sys.argv[1]).split("train"), image_size=16, batch_size=4, subprocess=True)
    next(iter(loader))
    print(loader._pixels._child.pid, flush=True)
    sys.stdin.read()
"""

LEFT_OPEN = """
import sys
from artkit_shards import Loader, open_dataset

iterator = iter(Loader(open_dataset(sys.argv[1]).split("train"), image_size=16, batch_size=4))
next(iterator)
"""


@pytest.fixture(scope="module")
def split(uneven_shards):
    return open_dataset(uneven_shards).split("train")


def make(split, **options):
    return Loader(split, **{"image_size": 16, "batch_size": 5, **options})


def deliver(loader, num_epochs=2):
    return [
        (batch.positions.tolist(), batch.rows.tolist(), batch.images.numpy().tobytes())
        for _ in range(num_epochs)
        for batch in loader
    ]


def is_alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_end(number):
    deadline = time.monotonic() + 20
    while is_alive(number) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_alive(number)


def test_the_same_bytes_come_out_of_a_process_and_of_threads(split):
    counts = np.arange(len(split)) % 4
    options = {"counts": counts, "crop": RandomResizedCrop(), "cache": "12kB", "seed": 5}
    plain, process = make(split, **options, threads=1), make(split, **options, threads=3, subprocess=True)
    assert deliver(process) == deliver(plain)
    assert process.forecast == plain.forecast
    assert process.cache.hits > 0
    assert process.cache.hits + process.cache.misses == 2 * counts.sum()


@pytest.mark.slow
def test_the_process_ends_with_its_loader(split):
    loader = make(split, subprocess=True)
    next(iter(loader))
    child = loader._pixels._child
    del loader
    assert child.wait(20) == 0


@pytest.fixture
def damaged(uneven_shards, tmp_path):
    """A split of which sample 3 is zeros."""
    copy = tmp_path / "shards"
    shutil.copytree(uneven_shards, copy)
    split = open_dataset(copy).split("train")
    shard, data = copy / split.shard_of(3), split.read(3)
    shard.write_bytes(shard.read_bytes().replace(data, bytes(len(data))))
    return open_dataset(copy).split("train")


@pytest.mark.slow
def test_bad_samples_are_replaced_or_told_as_in_threads(damaged):
    plain, process = make(damaged, max_bad=0.5), make(damaged, max_bad=0.5, subprocess=True)
    assert deliver(process) == deliver(plain)
    assert process.replaced == plain.replaced
    assert len(process.replaced) == 2


@pytest.mark.slow
def test_a_process_that_was_killed_is_named_with_what_to_do(split):
    loader = make(split, subprocess=True)
    iterator = iter(loader)
    next(iterator)
    os.kill(loader._pixels._child.pid, signal.SIGKILL)
    with pytest.raises(ShardsError, match=r"was ended by signal 9; if that was for lack of memory, .* subprocess=True"):
        list(iterator)


@pytest.mark.slow
def test_a_data_set_replaced_meanwhile_is_refused_by_the_process_as_it_is_here(uneven_shards, shape_shards, tmp_path):
    copy = tmp_path / "shards"
    shutil.copytree(uneven_shards, copy)
    split = open_dataset(copy).split("train")
    shutil.rmtree(copy)
    shutil.copytree(shape_shards, copy)
    with pytest.raises(DatasetError, match=r"^the data set in .* was replaced while it was used; open it again$"):
        next(iter(make(split, subprocess=True)))


def test_a_cache_that_holds_nothing_is_refused_before_a_process_is_started(split):
    with pytest.raises(ValueError, match="a cache of 5 bytes cannot hold one decoded image"):
        make(split, subprocess=True, cache=5)


def test_data_sets_with_an_address_are_refused(uneven_shards, unreliable_server, tmp_path):
    shutil.copytree(uneven_shards, unreliable_server.folder, dirs_exist_ok=True)
    split = open_dataset(unreliable_server.address, cache_dir=tmp_path / "cache").split("train")
    with pytest.raises(ValueError, match="reads data sets of this machine only; leave out subprocess=True"):
        make(split, subprocess=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])  # others end it as one or the other of these
def test_the_process_does_not_outlive_its_parent(uneven_shards, tmp_path, number):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(uneven_shards)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    child = int(parent.stdout.readline())
    assert is_alive(child)
    os.killpg(parent.pid, number)
    errors = parent.communicate(timeout=20)[1]
    assert wait_for_end(child)
    assert errors.count("Traceback") == (1 if number == signal.SIGINT else 0)
    assert "artkit_shards/stream/child" not in errors


@pytest.mark.slow
def test_a_loader_that_is_left_open_when_the_program_ends_says_nothing(uneven_shards, tmp_path):
    script = tmp_path / "left_open.py"
    script.write_text(LEFT_OPEN)
    done = subprocess.run(
        [sys.executable, str(script), str(uneven_shards)], input="", capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_modules_in_the_folder_where_the_program_runs_are_not_taken_for_those_it_finds(uneven_shards, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "json.py").write_text("raise SystemExit('this is another json')")
    script = tmp_path / "script.py"
    script.write_text(PARENT.replace("sys.stdin.read()", "pass"))
    done = subprocess.run(
        [sys.executable, str(script), str(uneven_shards)],
        cwd=tmp_path / "here",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
