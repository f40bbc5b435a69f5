"""Bad samples in training: another of the class stands in, the same one everywhere, never silently, not too often."""

import shutil
import zlib

import numpy as np
import pytest

from artkit_shards import Loader, SampleError, open_dataset
from artkit_shards.format.index import write_checksums


@pytest.fixture
def damage(uneven_shards, tmp_path):
    """A function that opens the training split with the images of some rows zeroed; the index knows of it, or not."""

    def open_damaged(rows, *, index_knows=True):
        copy = tmp_path / "damaged"
        shutil.copytree(uneven_shards, copy)
        split = open_dataset(copy).split("train")
        for row in rows:
            data = split.read(row)
            shard = copy / split.shard_of(row)
            content = shard.read_bytes()
            assert content.count(data) == 1
            shard.write_bytes(content.replace(data, bytes(len(data))))
        column = copy / ".artkit" / "index" / "train" / "crc32.npy"
        if index_knows:
            checksums = np.load(column)
            checksums[list(rows)] = [zlib.crc32(bytes(len(split.read(row)))) for row in rows]
            np.save(column, checksums)
            write_checksums(column.parent)
        return open_dataset(copy).split("train")

    return open_damaged


@pytest.fixture(scope="module")
def labels(uneven_shards):
    return open_dataset(uneven_shards).split("train").labels


def make(split, **options):
    return Loader(split, **{"image_size": 24, "batch_size": 5, "max_bad": 0.5, "seed": 3, **options})


def shown(batches):
    """What is shown at each position: row and pixels."""
    return {
        position: (row, image.numpy().tobytes())
        for batch in batches
        for position, row, image, is_own in zip(
            batch.positions.tolist(), batch.rows.tolist(), batch.images, batch.mask, strict=True
        )
        if is_own
    }


def test_another_sample_of_the_class_stands_in_and_is_recorded(damage, labels):
    bad = [int(np.flatnonzero(labels == label)[0]) for label in range(3)]
    split = damage(bad)
    loader = make(split, epoch=2)
    order = loader.plan
    batches = list(loader)
    rows = np.concatenate([batch.rows for batch in batches])
    assert (split.labels[rows] == split.labels[order]).all()
    assert (rows != order).nonzero()[0].tolist() == sorted(each.position for each in loader.replaced)
    assert not set(bad) & set(rows.tolist())
    for each in loader.replaced:
        row = order[each.position]
        assert (each.epoch, each.key, each.shard) == (2, split.keys[row], split.shard_of(row))
        assert each.shown == split.keys[rows[each.position]]
        assert each.reason == "not an image"
    assert [key for batch in batches for key in batch.keys] == [split.keys[row] for row in rows]


def test_every_rank_number_of_threads_cache_and_restart_shows_the_same(damage, labels):
    split = damage(np.flatnonzero(labels == 1)[:12].tolist())
    counts = np.full(len(split), 2)
    whole = make(split, counts=counts)
    expected = shown(whole)
    assert len(whole.replaced) == 24
    for world_size, threads, cache in ((2, 3, 0), (3, 1, 10_000), (4, 2, 10**6)):
        loaders = [
            make(split, counts=counts, rank=rank, world_size=world_size, threads=threads, cache=cache)
            for rank in range(world_size)
        ]
        assert {place: one for loader in loaders for place, one in shown(loader).items()} == expected
        replaced = [each for loader in loaders for each in loader.replaced]
        assert sorted(replaced, key=lambda each: each.position) == whole.replaced, "padding is not counted"
    assert shown(make(split, counts=counts, start=31)).items() <= expected.items()


def test_a_bad_sample_that_is_repeated_as_padding_is_counted_once(damage, uneven_shards):
    order = make(open_dataset(uneven_shards).split("train")).plan
    last = 25  # two steps of 25 positions for five ranks; the second is padded with its first positions
    split = damage([int(order[last])])
    loaders = [make(split, rank=rank, world_size=5) for rank in range(5)]
    padding = [
        batch.rows[number]
        for loader in loaders
        for batch in loader
        for number in range(len(batch.rows))
        if batch.positions[number] == last and not batch.mask[number]
    ]
    assert padding == [split.keys.index(loaders[0].replaced[0].shown)]
    assert [len(loader.replaced) for loader in loaders] == [1, 0, 0, 0, 0]


def test_the_last_good_sample_of_a_class_is_found(damage, labels):
    good, *bad = np.flatnonzero(labels == 1).tolist()
    loader = make(damage(bad), max_bad=1, epoch=1)
    assert list(loader)
    assert {each.shown for each in loader.replaced} == {loader.split.keys[good]}
    assert len(loader.replaced) == len(bad)


def test_stand_ins_change_from_epoch_to_epoch(damage, labels):
    split = damage([int(np.flatnonzero(labels == 1)[0])])
    loader = make(split)
    for _ in range(6):
        assert list(loader)
    assert [each.epoch for each in loader.replaced] == list(range(6))
    assert len({each.shown for each in loader.replaced}) > 2


def test_what_the_epoch_leaves_out_does_not_stand_in(damage, labels):
    bad, good, *left_out = np.flatnonzero(labels == 0).tolist()
    split = damage([bad])
    counts = np.ones(len(split), dtype=int)
    counts[left_out] = 0
    loader = make(split, counts=counts)
    assert list(loader)
    assert [each.shown for each in loader.replaced] == [split.keys[good]]


def test_more_than_the_allowed_share_stop_the_epoch_and_are_named(damage, labels):
    split = damage(np.flatnonzero(labels == 1)[:6].tolist())
    loader = make(split, max_bad=0.1)  # of 36, three may be bad
    keys = [split.keys[row] for row in loader.plan.tolist() if row in set(np.flatnonzero(labels == 1)[:6])]
    message = (
        rf"4 of the 36 samples of epoch 0 so far cannot be used, more than max_bad=0.1 allows: {keys[0]} of train-.*, "
        rf"{keys[1]} of .*, {keys[2]} of .* and 1 more; convert the images again, or raise max_bad to go on without"
    )
    with pytest.raises(SampleError, match=message) as caught:
        list(loader)
    assert caught.value.key == keys[0]
    assert loader.consumed == 5 * (loader.replaced[-1].position // 5), "the batch with the fourth is not delivered"


def test_the_share_is_counted_anew_in_every_epoch(damage, labels):
    split = damage(np.flatnonzero(labels == 1)[:3].tolist())
    loader = make(split, max_bad=0.1)
    for _ in range(3):
        assert list(loader)
    assert len(loader.replaced) == 9


def test_a_rank_of_many_may_replace_a_sample_too(damage):
    split = damage([7])
    loaders = [make(split, max_bad=0.03, rank=rank, world_size=4) for rank in range(4)]  # one of 36 may be bad
    assert all(list(loader) for loader in loaders)
    assert [each.key for loader in loaders for each in loader.replaced] == [split.keys[7]]


def test_a_sample_with_other_bytes_than_the_index_says_is_bad_too(damage):
    loader = make(damage([7], index_knows=False))
    assert list(loader)
    fault = "has other bytes than the index says: the shard was damaged or changed"
    assert [(each.key, each.reason) for each in loader.replaced] == [(loader.split.keys[7], fault)]
    with pytest.raises(SampleError, match=f"sample {loader.split.keys[7]} of train-000000.tar {fault}; convert"):
        list(make(loader.split, max_bad=0))


@pytest.mark.parametrize("options", [{"max_bad": 0}, {"order": "rows"}])
def test_where_none_may_be_replaced_the_first_bad_sample_is_an_error(damage, options):
    split = damage([7])
    loader = make(split, **options)
    message = f"sample {split.keys[7]} of {split.shard_of(7)} .* cannot be decoded: .*; the shard was damaged"
    with pytest.raises(SampleError, match=message):
        list(loader)
    assert loader.replaced == []


def test_a_single_bad_sample_is_not_too_many_however_small_the_share_and_the_epoch(damage):
    loader = make(damage([7]), max_bad=0.001)
    assert sum(len(batch.rows) for batch in loader) == len(loader.split)
    assert [each.key for each in loader.replaced] == [loader.split.keys[7]]


def test_two_bad_samples_are_too_many_for_a_share_of_less_than_one(damage):
    with pytest.raises(SampleError, match=r"2 of the 36 samples of epoch 0 so far cannot be used, more than max_bad="):
        list(make(damage([7, 8]), max_bad=0.001))


def test_a_class_of_which_every_sample_is_bad_is_an_error(damage, labels):
    split = damage(np.flatnonzero(labels == 2).tolist())
    message = r"sample \d+ of train-.* cannot be decoded: .*\. No sample of its class can be used in its place"
    with pytest.raises(SampleError, match=message):
        list(make(split))
