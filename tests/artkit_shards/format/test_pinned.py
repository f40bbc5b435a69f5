import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from artkit_shards import DatasetError
from artkit_shards.format.interest import Interest, UnwantedError, sleep
from artkit_shards.format.pinned import PinnedImages
from artkit_shards.format.reading import PinnedImage

DATA = {(0, 512): b"first", (1, 512): b"second", (1, 2048): b"third"}
KNOWN = {place: PinnedImage(len(data), zlib.crc32(data)) for place, data in DATA.items()}


def images(fetch=None, calls=None):
    def record(place, size):
        if calls is not None:
            calls.append((place, size))
        return DATA[place] if fetch is None else fetch(place)

    return PinnedImages(record, lambda place: f"shard {place[0]}")


def test_images_are_fetched_once_and_only_if_they_are_wanted():
    calls = []
    pinned = images(calls=calls)
    assert pinned.read((0, 512)) is None
    pinned.want(KNOWN)
    for _ in range(3):
        assert pinned.read((1, 512)) == b"second"
    assert calls == [((1, 512), 6)]
    assert pinned.read((7, 512)) is None


def test_images_that_stay_wanted_are_kept_and_the_others_forgotten():
    calls = []
    pinned = images(calls=calls)
    pinned.want(KNOWN)
    pinned.read((0, 512))
    pinned.read((1, 512))
    pinned.want({(0, 512): KNOWN[(0, 512)]})
    assert pinned.read((0, 512)) == b"first"
    assert pinned.read((1, 512)) is None
    pinned.want(KNOWN)
    assert pinned.read((1, 512)) == b"second"
    assert [place for place, _ in calls] == [(0, 512), (1, 512), (1, 512)]


def test_threads_wait_for_one_fetch():
    calls, read = [], []
    start = threading.Barrier(6)
    slow = threading.Event()
    pinned = images(fetch=lambda place: slow.wait(0.2) or DATA[place], calls=calls)
    pinned.want(KNOWN)

    def use():
        start.wait()
        read.append(pinned.read((0, 512)))

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(calls), read) == (1, [b"first"] * 6)


def test_a_failure_is_raised_and_tried_again_next_time():
    answers = [OSError("gone"), b"first"]

    def fetch(_place):
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    pinned = images(fetch=fetch)
    pinned.want(KNOWN)
    with pytest.raises(OSError, match="gone"):
        pinned.read((0, 512))
    assert pinned.read((0, 512)) == b"first"


def test_other_bytes_than_the_index_promises_are_refused_with_the_byte():
    pinned = images(fetch=lambda _place: b"other")
    pinned.want(KNOWN)
    told = (
        r"shard 1 holds another image at byte 2048 than the index says \(crc32 \d+, \d+ expected\): .*upload the whole"
    )
    with pytest.raises(DatasetError, match=told):
        pinned.read((1, 2048))


def test_a_thread_that_gives_up_leaves_the_fetch_to_one_that_still_waits():
    interest, began = Interest(), threading.Event()
    attempts = iter([lambda: began.set() or sleep(1000), lambda: DATA[(0, 512)]])
    pinned = images(fetch=lambda _: next(attempts)())
    pinned.want(KNOWN)
    with ThreadPoolExecutor(1, initializer=interest.join) as leaving, ThreadPoolExecutor(1) as staying:
        left = leaving.submit(pinned.read, (0, 512))
        assert began.wait(10)
        stays = staying.submit(pinned.read, (0, 512))
        interest.end()
        assert stays.result(10) == b"first"
        with pytest.raises(UnwantedError, match="nobody waits"):
            left.result(10)
