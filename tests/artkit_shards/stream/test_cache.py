"""The cache never changes a pixel, whatever its size and the threads; and it saves what it said it would."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit_shards.format.interest import Interest, UnwantedError
from artkit_shards.stream.cache import CacheForecast, DecodeCache

SHAPE = (4, 4, 3)
BYTES = 48


def draw_square(row):
    return np.random.default_rng(row).integers(0, 256, SHAPE, dtype=np.uint8)


class Decoder:
    """Fills squares as a loader does, and counts what it had to decode."""

    def __init__(self, cache, bad=()):
        self.cache = cache
        self.bad = bad
        self.decoded = 0
        self.lock = threading.Lock()

    def fill(self, rows, first):
        squares = np.full((len(rows), *SHAPE), 7, dtype=np.uint8)
        for number, row in enumerate(rows):
            if not self.cache.fetch(first + number, squares[number]):
                squares[number] = draw_square(row)
                with self.lock:
                    self.decoded += 1
                self.cache.store(first + number, None if row in self.bad else squares[number])
        return squares

    def epoch(self, rows, following=None, threads=1, chunk=4):
        forecast = self.cache.plan(np.array(rows), None if following is None else np.array(following))
        with ThreadPoolExecutor(threads) as pool:
            starts = range(0, len(rows), chunk)
            parts = list(pool.map(lambda start: self.fill(rows[start : start + chunk], start), starts))
        assert (np.concatenate(parts) == np.stack([draw_square(row) for row in rows])).all()
        return forecast


@settings(deadline=None, max_examples=150)
@given(
    epochs=st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=40), min_size=1, max_size=3),
    images=st.integers(1, 14),
    threads=st.integers(1, 4),
    knows=st.booleans(),
)
def test_hits_and_misses_have_the_same_pixels_whatever_budget_and_threads(epochs, images, threads, knows):
    decoder = Decoder(DecodeCache(images * BYTES, BYTES))
    for rows, following in zip(epochs, [*epochs[1:], None], strict=True):
        decoder.epoch(rows, following if knows else None, threads=threads)
    assert decoder.cache.misses == decoder.decoded
    assert decoder.cache.hits + decoder.cache.misses == sum(len(rows) for rows in epochs)


@settings(deadline=None, max_examples=200)
@given(
    epochs=st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=60), min_size=1, max_size=3),
    images=st.integers(1, 14),
    threads=st.integers(1, 5),
    chunk=st.integers(1, 5),
)
def test_images_are_decoded_exactly_as_often_as_foretold_whatever_the_threads(epochs, images, threads, chunk):
    decoder = Decoder(DecodeCache(images * BYTES, BYTES))
    for rows, following in zip(epochs, [*epochs[1:], None], strict=True):
        before = decoder.decoded
        forecast = decoder.epoch(rows, following, threads, chunk)
        assert forecast == CacheForecast(draws=len(rows), decodes=decoder.decoded - before)


@settings(deadline=None, max_examples=100)
@given(
    epochs=st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=40), min_size=2, max_size=2),
    images=st.integers(1, 5),
    bad=st.sets(st.integers(0, 8)),
)
def test_bad_images_are_tried_each_time_and_keep_nobody_waiting(epochs, images, bad):
    decoder = Decoder(DecodeCache(images * BYTES, BYTES), bad)
    for rows in epochs:
        before = decoder.decoded
        forecast = decoder.epoch(rows, None, threads=3, chunk=2)
        assert decoder.decoded - before >= max(sum(row in bad for row in rows), forecast.decodes)


def test_when_everything_fits_later_epochs_decode_nothing():
    decoder = Decoder(DecodeCache(30 * BYTES, BYTES))
    rows = list(range(30))
    assert decoder.epoch(rows, rows[::-1], threads=3).decodes == 30
    assert decoder.epoch(rows[::-1], rows, threads=3).decodes == 0
    assert decoder.decoded == 30


def test_an_image_is_kept_for_an_epoch_that_is_not_known_yet_if_there_is_room():
    decoder = Decoder(DecodeCache(2 * BYTES, BYTES))
    decoder.epoch([1, 2, 3])
    assert decoder.epoch([2, 1]).decodes == 0


def test_an_epoch_that_was_left_early_leaves_only_what_was_really_decoded():
    cache = DecodeCache(9 * BYTES, BYTES)
    decoder = Decoder(cache)
    rows = [1, 2, 3, 4, 5, 6]
    cache.plan(np.array(rows), np.array(rows))
    decoder.fill(rows[:2], 0)
    assert decoder.epoch(rows).decodes == 4


def test_a_draw_waits_for_the_thread_that_decodes_its_image():
    cache = DecodeCache(BYTES, BYTES)
    cache.plan(np.array([1, 1]))
    square = np.empty(SHAPE, dtype=np.uint8)
    assert not cache.fetch(0, square)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache.fetch, 1, square)
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        cache.store(0, draw_square(1))
        assert waiting.result(10)
    assert (square == draw_square(1)).all()


def test_an_image_waits_for_those_who_still_read_the_one_before():
    cache = DecodeCache(BYTES, BYTES)
    cache.plan(np.array([1, 1, 2, 2]))
    square = np.empty(SHAPE, dtype=np.uint8)
    cache.fetch(0, square)
    cache.store(0, draw_square(1))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache.store, 2, draw_square(2))
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        assert cache.fetch(1, square)
        waiting.result(10)
    assert (square == draw_square(1)).all()
    assert cache.fetch(3, square)
    assert (square == draw_square(2)).all()


@pytest.mark.parametrize("end", ["give up", "no interest"])
def test_nobody_waits_for_a_draw_that_will_never_be_done(end):
    cache, interest = DecodeCache(BYTES, BYTES), Interest()
    cache.plan(np.array([1, 1, 2, 2]))
    squares = np.empty((2, *SHAPE), dtype=np.uint8)
    with ThreadPoolExecutor(2, initializer=interest.join) as pool:
        waiting = [pool.submit(cache.fetch, 1, squares[0]), pool.submit(cache.store, 2, draw_square(2))]
        if end == "give up":
            cache.give_up()
            assert [future.result(10) for future in waiting] == [False, None]
        else:
            interest.end()
            for future in waiting:
                with pytest.raises(UnwantedError, match="nobody waits"):
                    future.result(10)
    assert cache.plan(np.array([1, 2])).decodes == 2


def test_a_budget_below_one_image_is_refused():
    with pytest.raises(ValueError, match="a cache of 47 bytes cannot hold one decoded image, which takes 48; give it"):
        DecodeCache(47, BYTES)
