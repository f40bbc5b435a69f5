"""The cache never changes a pixel, whatever its size and the threads; and it saves what it said it would."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit_shards.stream.cache import CacheForecast, DecodeCache

SHAPE = (4, 4, 3)
BYTES = 48


def draw_square(row):
    return np.random.default_rng(row).integers(0, 256, SHAPE, dtype=np.uint8)


class Decoder:
    """Fills squares as a loader does, and counts what it had to decode."""

    def __init__(self, cache):
        self.cache = cache
        self.decoded = 0
        self.lock = threading.Lock()

    def fill(self, rows, first):
        squares = np.full((len(rows), *SHAPE), 7, dtype=np.uint8)
        for number, row in enumerate(rows):
            if not self.cache.fetch(first + number, row, squares[number]):
                squares[number] = draw_square(row)
                with self.lock:
                    self.decoded += 1
                self.cache.store(first + number, row, squares[number])
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
    assert decoder.cache.taken_bytes <= images * BYTES


@settings(deadline=None, max_examples=100)
@given(
    epochs=st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=40), min_size=1, max_size=3),
    images=st.integers(1, 14),
)
def test_one_thread_decodes_exactly_as_often_as_foretold(epochs, images):
    decoder = Decoder(DecodeCache(images * BYTES, BYTES))
    for rows, following in zip(epochs, [*epochs[1:], None], strict=True):
        before = decoder.decoded
        forecast = decoder.epoch(rows, following)
        assert forecast == CacheForecast(draws=len(rows), decodes=decoder.decoded - before)


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


def test_a_sample_that_stands_in_for_a_bad_one_is_not_taken_for_it():
    cache = DecodeCache(9 * BYTES, BYTES)
    cache.plan(np.array([5, 5]))
    cache.store(0, 6, draw_square(6))
    square = np.empty(SHAPE, dtype=np.uint8)
    assert not cache.fetch(1, 5, square)
    cache.store(1, 5, draw_square(5))
    assert not cache.fetch(1, 6, square)
    assert cache.fetch(1, 5, square)
    assert (square == draw_square(5)).all()


def test_a_late_thread_does_not_overwrite_the_image_that_took_its_place():
    cache = DecodeCache(BYTES, BYTES)
    cache.plan(np.array([1, 1, 2, 2]))
    square = np.empty(SHAPE, dtype=np.uint8)
    cache.store(2, 2, draw_square(2))
    cache.store(0, 1, draw_square(1))
    assert not cache.fetch(1, 1, square)
    assert cache.fetch(3, 2, square)
    assert (square == draw_square(2)).all()


def test_a_budget_below_one_image_is_refused():
    with pytest.raises(ValueError, match="a cache of 47 bytes cannot hold one decoded image, which takes 48; give it"):
        DecodeCache(47, BYTES)
