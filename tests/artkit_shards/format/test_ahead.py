import threading

from artkit_shards import DatasetError
from artkit_shards.format.ahead import Ahead


class Fetches:
    """Records what is fetched, and lets fetches wait for a signal."""

    def __init__(self, *, wait=False):
        self.done = []
        self.go = threading.Event()
        if not wait:
            self.go.set()
        self.running = 0
        self.most_running = 0
        self.changed = threading.Condition()

    def __call__(self, item):
        with self.changed:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.changed.notify_all()
        assert self.go.wait(60)
        with self.changed:
            self.running -= 1
            self.done.append(item)
            self.changed.notify_all()

    def wait_for(self, number):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.done) >= number and not self.running, 60)


def test_things_are_fetched_in_order_and_no_more_than_asked_for():
    fetches = Fetches()
    ahead = Ahead(list("abcdefgh"), fetches, most=3, threads=1)
    ahead.start()
    fetches.wait_for(3)
    assert fetches.done == ["a", "b", "c"]
    ahead.reached("a")
    fetches.wait_for(4)
    ahead.reached("a")
    ahead.reached("elsewhere")
    ahead.reached("b")
    fetches.wait_for(5)
    assert fetches.done == ["a", "b", "c", "d", "e"]


def test_what_was_overtaken_is_not_fetched():
    fetches = Fetches()
    ahead = Ahead(list("abcdefgh"), fetches, most=2, threads=1)
    ahead.reached("e")
    fetches.wait_for(2)
    assert fetches.done == ["f", "g"]
    ahead.reached("c")
    ahead.reached("h")
    assert fetches.done == ["f", "g"]


def test_only_so_many_threads_fetch_at_a_time():
    fetches = Fetches(wait=True)
    ahead = Ahead(list(range(20)), fetches, most=20, threads=3)
    ahead.start()
    for item in range(3):
        ahead.reached(item)
    with fetches.changed:
        assert fetches.changed.wait_for(lambda: fetches.running == 3, 60)
    fetches.go.set()
    fetches.wait_for(20)
    assert fetches.most_running == 3
    assert sorted(fetches.done) == list(range(20))


def test_nothing_is_begun_after_a_stop():
    fetches = Fetches(wait=True)
    ahead = Ahead(list("abcd"), fetches, most=4, threads=1)
    ahead.start()
    with fetches.changed:
        assert fetches.changed.wait_for(lambda: fetches.running == 1, 60)
    ahead.stop()
    fetches.go.set()
    fetches.wait_for(1)
    ahead.reached("b")
    assert fetches.done == ["a"]


def test_a_failure_ends_fetching_ahead_and_is_left_to_whoever_needs_the_thing():
    asked = []

    def fail(item):
        asked.append(item)
        raise DatasetError("gone")

    others = set(threading.enumerate())
    ahead = Ahead(list("abc"), fail, most=3, threads=1)
    ahead.start()
    for thread in set(threading.enumerate()) - others:
        thread.join(60)
    ahead.reached("a")
    assert asked == ["a"]


def test_threads_end_when_there_is_nothing_to_do():
    fetches = Fetches()
    others = set(threading.enumerate())  # such as threads that still wait for the silent servers of other tests
    Ahead(list("abc"), fetches, most=3, threads=3).start()
    fetches.wait_for(3)
    for thread in set(threading.enumerate()) - others:
        thread.join(60)
        assert not thread.is_alive()
