import os
import threading

import pytest

from artkit_shards.format.reading import OpenFiles, local_files, open_file


@pytest.fixture
def paths(tmp_path):
    made = [tmp_path / str(number) for number in range(6)]
    for path in made:
        path.write_bytes(path.name.encode() * 100)
    return made


def open_descriptors(paths):
    """Which of the files this process has open."""
    targets = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            targets.append(os.readlink(f"/proc/self/fd/{entry}"))
        except FileNotFoundError:
            continue
    return sorted(path.name for path in paths if str(path) in targets)


def no_check(_number, _file):
    pass


def make_files(paths, check, limit=128):
    return OpenFiles(lambda number: open_file(paths[number]), check, limit)


def test_only_the_files_used_last_stay_open(paths):
    files = make_files(paths, no_check, limit=2)
    for number in (0, 1, 0, 2):
        assert files.get(number).read(10, 3) == str(number).encode() * 3
    assert open_descriptors(paths) == ["0", "2"]
    del files
    assert open_descriptors(paths) == []


def test_a_file_in_use_stays_open_when_it_drops_out(paths):
    files = make_files(paths, no_check, limit=1)
    held = files.get(0)
    files.get(1)
    assert held.read(0, 2) == b"00"
    del held
    assert open_descriptors(paths) == ["1"]


def test_each_file_is_checked_whenever_it_is_opened(paths):
    checked = []
    files = make_files(paths, lambda number, file: checked.append((number, file.read(0, 1))), limit=1)
    for number in (0, 0, 1, 0):
        files.get(number)
    assert checked == [(0, b"0"), (1, b"1"), (0, b"0")]


def test_a_file_that_fails_its_check_is_not_kept(paths):
    def refuse(number, _file):
        raise ValueError(f"file {number} is bad")

    files = make_files(paths, refuse)
    for _ in range(2):
        with pytest.raises(ValueError, match="file 3 is bad"):
            files.get(3)
    assert open_descriptors(paths) == []


def test_a_missing_file_is_an_os_error(paths, tmp_path):
    files = local_files([tmp_path / "gone"], no_check)
    with pytest.raises(FileNotFoundError, match="gone"):
        files.get(0)


def test_threads_that_fight_for_few_files_read_the_right_bytes(paths):
    files = make_files(paths, no_check, limit=1)
    wrong = []

    def read(step):
        for turn in range(500):
            number = (turn * step) % len(paths)
            if files.get(number).read(50, 1) != str(number).encode():
                wrong.append(number)

    threads = [threading.Thread(target=read, args=(step,)) for step in (1, 2, 3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
