"""What a loader shows is a function of sample, settings and position, whatever is cached, split up or restarted."""

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artkit_shards import Loader, RandomResizedCrop, StateError, open_dataset
from artkit_shards.stream.decode import crop_into

SQUARE = 3 * 16 * 16
KEPT_SQUARE = 3 * 20 * 20
CROP = RandomResizedCrop()


@pytest.fixture(scope="module")
def split(uneven_shards):
    return open_dataset(uneven_shards).split("train")


def make(split, **options):
    return Loader(split, **{"image_size": 16, "batch_size": 5, **options})


def seen(batch, epoch):
    """Epoch, position, row and pixels of every image of a batch."""
    images = [hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest() for image in batch.images]
    return list(zip([epoch] * len(images), batch.positions.tolist(), batch.rows.tolist(), images, strict=True))


def deliver(loader, num_epochs=1):
    return [
        each for _ in range(num_epochs) for epoch in [loader.epoch] for batch in loader for each in seen(batch, epoch)
    ]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cache_of_any_size_changes_no_pixel_and_saves_what_was_foretold(split, data):
    counts = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(split), max_size=len(split)).filter(any)))
    plain = deliver(make(split, counts=counts), 3)
    loader = make(
        split,
        counts=counts,
        cache=data.draw(st.integers(1, 40)) * SQUARE,
        threads=data.draw(st.integers(1, 4)),
        batch_size=data.draw(st.integers(1, 9)),
    )
    seen_so_far, decoded = [], []
    for _ in range(3):
        misses = loader.cache.misses
        seen_so_far += deliver(loader)
        decoded.append(loader.cache.misses - misses)
        assert decoded[-1] == loader.forecast.decodes
    assert seen_so_far == plain
    assert loader.cache.hits + sum(decoded) == len(plain)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_crops_are_the_same_with_a_cache_of_any_size_and_after_a_restart(split, data):
    whole = deliver(make(split, crop=CROP, cache=40 * KEPT_SQUARE, seed=3), 2)
    options = {"crop": CROP, "seed": 3, "cache": data.draw(st.integers(1, 40)) * KEPT_SQUARE}
    first = make(split, **options, threads=data.draw(st.integers(1, 4)), batch_size=data.draw(st.integers(1, 9)))
    before = []
    for batch in itertools.islice(first, data.draw(st.integers(0, 4))):
        before += seen(batch, 0)
    second = make(split, **options, threads=data.draw(st.integers(1, 4)))
    second.load_state_dict(first.state_dict())
    assert before + deliver(second, 2 - second.epoch) == whole


def test_with_room_for_everything_later_epochs_decode_nothing(split):
    loader = make(split, cache=len(split) * SQUARE, threads=3)
    deliver(loader)
    assert (loader.forecast.draws, loader.forecast.decodes) == (len(split), len(split))
    deliver(loader)
    assert loader.forecast.decodes == 0
    assert loader.cache.misses == loader.cache.hits == len(split)


def test_crops_are_taken_from_the_file_if_nothing_is_cached(split):
    boxes = CROP.boxes(7, 0, np.arange(len(split)), split.heights, split.widths)
    for batch in make(split, crop=CROP, seed=7, order="rows"):
        for position, image in zip(batch.positions.tolist(), batch.images, strict=True):
            expected = np.empty((16, 16, 3), dtype=np.uint8)
            crop_into(split.read(position), expected, tuple(boxes[position]))
            assert (image.permute(1, 2, 0).numpy() == expected).all()


def test_crops_change_from_epoch_to_epoch(split):
    loader = make(split, crop=CROP, order="rows")
    first, second = deliver(loader), deliver(loader)
    assert [each[1:3] for each in first] == [each[1:3] for each in second]
    # Images so long that no draw fits show their middle, always.
    assert sum(a[3] != b[3] for a, b in zip(first, second, strict=True)) > 0.6 * len(split)


def test_crops_of_kept_images_look_like_those_from_the_file(split):
    kept = next(iter(make(split, crop=CROP, cache="9MB", image_size=64, batch_size=36))).images.float()
    direct = next(iter(make(split, crop=CROP, image_size=64, batch_size=36))).images.float()
    assert (kept - direct).abs().mean() < 4
    assert (kept - direct.flip(3)).abs().mean() > 12


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ({}, {"crop": CROP}, "its fit was 'letterbox', that of this Loader is 'crop'"),
        ({"crop": CROP}, {"crop": CROP, "cache": "1MB"}, "its crop_of was 'file', that of this Loader is '20 px'"),
        ({"crop": CROP}, {"crop": RandomResizedCrop((0.5, 1.0))}, r"its crop_scale was \[0.35, 1.0\], that of"),
    ],
)
def test_a_state_does_not_fit_a_loader_that_shows_images_in_another_way(split, before, after, message):
    with pytest.raises(StateError, match=message):
        make(split, **after).load_state_dict(make(split, **before).state_dict())


def test_a_cache_may_come_and_go_where_it_changes_no_pixel(split):
    state = make(split, cache="1MB").state_dict()
    make(split).load_state_dict(state)
    assert len(repr(make(split, crop=CROP, cache="1MB").state_dict())) < 1000


@pytest.mark.parametrize(
    ("cache", "message"),
    [("1B", "a cache of 1 bytes cannot hold one decoded image, which takes 768"), ("much", "'much' is no size")],
)
def test_a_cache_that_makes_no_sense_is_refused(split, cache, message):
    with pytest.raises(ValueError, match=message):
        make(split, cache=cache)


def test_a_batch_that_is_kept_stays_as_it_was(split):
    loader = make(split, batch_size=3)
    kept = [(batch.images, batch.images.clone()) for _ in range(3) for batch in loader]
    assert all((images == copy).all() for images, copy in kept)
