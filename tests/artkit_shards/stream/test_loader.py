"""The loader delivers exactly its plan, in order, whatever the threads, the batch size and the start."""

import hashlib
import shutil

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artkit_shards import Loader, SampleError, fit_image, open_dataset


@pytest.fixture(scope="module")
def split(uneven_shards):
    return open_dataset(uneven_shards).split("train")


def make(split, **options):
    return Loader(split, **{"image_size": 24, "batch_size": 5, **options})


def deliver(loader):
    """Position, key, label and pixel hash of every image delivered."""
    return [
        (position, key, label, hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest())
        for batch in loader
        for position, key, label, image in zip(
            batch.positions.tolist(), batch.keys, batch.labels.tolist(), batch.images, strict=True
        )
    ]


def test_batches_have_the_promised_shapes_and_types(split):
    batches = list(make(split))
    assert len(batches) == len(make(split)) == -(-len(split) // 5)
    for batch in batches[:-1]:
        assert batch.images.shape == (5, 3, 24, 24)
    first = batches[0]
    assert first.images.dtype == torch.uint8
    assert first.images.is_contiguous(memory_format=torch.channels_last)
    assert first.labels.dtype == first.positions.dtype == torch.int64
    assert first.labels.shape == first.positions.shape == (5,)
    assert len(batches[-1].labels) == len(split) - 5 * (len(batches) - 1)


def test_every_sample_comes_once_by_default_with_its_own_key_label_and_pixels(split):
    seen = set()
    for batch in make(split):
        for number, row in enumerate(batch.rows.tolist()):
            seen.add(row)
            assert batch.keys[number] == split.keys[row]
            assert batch.labels[number] == split.labels[row]
            pixels = fit_image(split.read(row), 24)
            assert (batch.images[number].permute(1, 2, 0).numpy() == pixels).all()
    assert seen == set(range(len(split)))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_threads_batch_size_and_start_deliver_the_same_plan_exactly_once(split, data):
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(split), max_size=len(split)).filter(any)))
    common = {"counts": counts, "seed": data.draw(st.integers(0, 9)), "epoch": data.draw(st.integers(0, 9))}
    whole = deliver(make(split, **common, threads=1, batch_size=7))
    assert [position for position, *_ in whole] == list(range(counts.sum()))
    stop = data.draw(st.integers(0, len(whole)))
    size = data.draw(st.integers(1, 9))
    before = deliver(make(split, **common, threads=data.draw(st.integers(1, 4)), batch_size=size))[:stop]
    after = deliver(make(split, **common, threads=data.draw(st.integers(1, 4)), start=stop))
    assert before + after == whole


def test_iterating_again_gives_the_same_again(split):
    loader = make(split)
    assert deliver(loader) == deliver(loader)


def test_a_loader_that_is_left_early_leaves_no_threads_behind(split):
    import threading

    for _ in make(split, batch_size=2, threads=3):
        break
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("artkit-loader")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "image_size=0 is out of bounds; it must be >= 1"),
        ({"batch_size": 0}, "batch_size=0 is out of bounds; it must be >= 1"),
        ({"threads": 0}, "threads=0 is out of bounds; it must be >= 1"),
        ({"fit": "crop"}, "fit='crop' is unknown; it is 'letterbox' or 'squash'"),
        ({"start": 37}, r"start=37 is outside \[0, 36\], the positions of this epoch's plan"),
        ({"start": -1}, r"start=-1 is outside"),
        ({"counts": np.ones(3, dtype=int)}, "one number for each sample"),
    ],
)
def test_values_out_of_bounds_are_refused_with_the_rule(split, options, message):
    with pytest.raises(ValueError, match=message):
        make(split, **options)


def test_the_end_of_the_plan_is_a_valid_start_without_batches(split):
    assert list(make(split, start=len(split))) == []


def test_a_sample_damaged_after_conversion_is_named_with_its_shard(uneven_shards, tmp_path):
    copy = tmp_path / "shards"
    shutil.copytree(uneven_shards, copy)
    split = open_dataset(copy).split("train")
    data = split.read(3)
    shard = copy / split.shard_of(3)
    damaged = shard.read_bytes().replace(data, bytes(len(data)))
    shard.write_bytes(damaged)
    message = f"sample {split.keys[3]} of {shard.name} .* cannot be decoded: .*; the shard was damaged"
    with pytest.raises(SampleError, match=message) as caught:
        list(make(open_dataset(copy).split("train")))
    assert caught.value.key == split.keys[3]
    assert caught.value.shard == shard.name
