"""The loader delivers exactly its plan, in order, whatever the threads, the batch size and the start."""

import copy
import gc
import hashlib
import json
import pickle
import shutil
import threading
import weakref
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artkit_shards import Loader, RandomResizedCrop, SampleError, fit_image, open_dataset
from artkit_shards.stream.decode import Fit


@pytest.fixture(scope="module")
def split(uneven_shards):
    return open_dataset(uneven_shards).split("train")


def make(split, **options):
    return Loader(split, **{"image_size": 24, "batch_size": 5, **options})


def deliver(batches):
    """Position, key, label and pixel hash of every image delivered, padding left out."""
    return [
        (position, key, label, hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest())
        for batch in batches
        for position, key, label, image, is_own in zip(
            batch.positions.tolist(), batch.keys, batch.labels.tolist(), batch.images, batch.mask, strict=True
        )
        if is_own
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


@dataclass
class Phase:
    """A part of an epoch: as many processes as there are ranks, with settings of their own."""

    batch_size: int
    world_size: int
    threads: int
    cache: int
    steps: int

    def run(self, split, state, **common):
        """Deliver some steps from a state; returns what was delivered and the new state."""
        delivered, states = [], []
        for rank in range(self.world_size):
            options = {"batch_size": self.batch_size, "threads": self.threads, "cache": self.cache}
            loader = make(split, **common, **options, rank=rank, world_size=self.world_size)
            loader.load_state_dict(state)
            delivered += deliver(islice(loader, self.steps))
            states.append(json.dumps(loader.state_dict()))
        assert len(set(states)) == 1, "every rank has the same state"
        return delivered, json.loads(states[0])


PHASES = st.builds(
    Phase,
    batch_size=st.integers(1, 9),
    world_size=st.integers(1, 3),
    threads=st.integers(1, 4),
    cache=st.sampled_from([0, 4000, 20_000, 10**6]),
    steps=st.integers(0, 6),
)


@pytest.fixture(scope="module")
def splits(uneven_shards, shape_shards):
    """Splits of some sizes and numbers of classes: photographs and drawings."""
    return [open_dataset(shards).split(name) for shards in (uneven_shards, shape_shards) for name in ("train", "val")]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_stopped_and_resumed_with_other_settings_the_plan_is_delivered_exactly_once(splits, data):
    split = data.draw(st.sampled_from(splits))
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(split), max_size=len(split)).filter(any)))
    common = {"counts": counts, "seed": data.draw(st.integers(0, 9)), "fit": data.draw(st.sampled_from(Fit.__args__))}
    epoch = data.draw(st.integers(0, 9))
    whole = deliver(make(split, **common, epoch=epoch, threads=1, batch_size=7))
    assert [position for position, *_ in whole] == list(range(counts.sum()))
    state = make(split, **common, epoch=epoch).state_dict()
    parts = []
    rest = Phase(batch_size=4, world_size=2, threads=2, cache=0, steps=len(whole) + 1)
    for phase in [*data.draw(st.lists(PHASES, max_size=3)), rest]:
        if state["epoch"] == epoch:
            delivered, state = phase.run(split, state, **common)
            parts += delivered
    assert sorted(parts) == whole
    assert (state["epoch"], state["consumed"]) == (epoch + 1, 0)


@pytest.mark.parametrize("world_size", [2, 3, 5])
def test_evaluation_shows_every_sample_once_in_steps_that_are_equal_on_all_ranks(split, world_size):
    rows, sizes = [], []
    for rank in range(world_size):
        batches = list(make(split, batch_size=7, order="rows", rank=rank, world_size=world_size))
        sizes.append([len(batch.rows) for batch in batches])
        rows += [row for batch in batches for row in batch.rows[batch.mask.numpy()].tolist()]
    assert sorted(rows) == list(range(len(split)))
    assert sizes == sizes[:1] * world_size


def test_the_order_of_rows_is_that_of_the_split_in_every_epoch(split):
    loader = make(split, order="rows")
    for _ in range(2):
        assert [row for batch in loader for row in batch.rows.tolist()] == list(range(len(split)))


def test_leaving_the_loop_and_coming_back_goes_on_behind_what_was_delivered(split):
    loader = make(split)
    first = deliver(islice(loader, 2))
    assert (loader.consumed, len(loader)) == (10, -(-(len(split) - 10) // 5))
    assert first + deliver(loader) == deliver(make(split))


def test_the_next_epoch_is_planned_while_one_is_delivered(split):
    asked = []

    def counts(epoch):
        asked.append(epoch)
        return np.ones(len(split), dtype=int)

    loader = make(split, counts=counts, epoch=4)
    assert asked == [4]
    next(iter(loader))
    assert asked == [4, 5]
    deliver(loader)
    loader.state_dict()
    assert asked == [4, 5], "the epoch that begins is the one that was planned"


def test_an_iterator_that_was_overtaken_says_so(split):
    loader = make(split)
    old = iter(loader)
    next(old)
    new = iter(loader)
    assert next(new).positions[0] == 5
    with pytest.raises(RuntimeError, match="the loader was begun anew or moved meanwhile; go on with its newest"):
        next(old)
    assert next(new).positions[0] == 10, "the old one disturbs nothing"
    loader.load_state_dict(make(split, epoch=1).state_dict())
    with pytest.raises(RuntimeError, match="begun anew or moved"):
        next(new)
    assert (loader.epoch, loader.consumed) == (1, 0)


def test_batches_stay_as_they_are_while_others_follow(split):
    kept = list(make(split, batch_size=3, threads=3))
    copies = [batch.images.clone() for batch in kept]
    later = list(make(split, batch_size=3, threads=3, epoch=1))
    assert later
    assert all((batch.images == copy).all() for batch, copy in zip(kept, copies, strict=True))


def test_a_batch_has_the_labels_of_every_target(split):
    for batch in make(split):
        assert list(batch.targets) == list(split.targets)
        assert batch.labels.tolist() == split.labels[batch.rows].tolist()
        for name, labels in batch.targets.items():
            assert labels.tolist() == split.targets[name][batch.rows].tolist()


def test_iterating_again_gives_the_next_epoch(split):
    loader = make(split, epoch=3)
    assert [deliver(loader), deliver(loader)] == [deliver(make(split, epoch=3)), deliver(make(split, epoch=4))]
    assert loader.epoch == 5


def test_a_loader_that_is_left_early_leaves_no_threads_behind(split):
    for _ in make(split, batch_size=2, threads=3):
        break
    assert not still_alive(loader_threads())


class CollectingCrop(RandomResizedCrop):
    """Collects garbage in the thread that draws the crops of the second batch, once it is told to."""

    begun, go_on = threading.Event(), threading.Event()

    def boxes(self, seed, epoch, positions, *sizes):
        if positions[0] >= 5:
            self.begun.set()
            self.go_on.wait(20)
            gc.collect()
        return super().boxes(seed, epoch, positions, *sizes)


def test_a_lost_loader_may_be_collected_in_one_of_its_own_threads(split):
    loader = make(split, threads=2, crop=CollectingCrop())
    loader.itself = loader  # only the garbage collector ends this
    next(iter(loader))
    assert CollectingCrop.begun.wait(20)
    threads, gone = loader_threads(), weakref.ref(loader)
    del loader
    CollectingCrop.go_on.set()
    assert not still_alive(threads)
    assert gone() is None


def loader_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("artkit-loader")]


def still_alive(threads):
    for thread in threads:
        thread.join(20)
    return [thread.name for thread in threads if thread.is_alive()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "image_size=0 is out of bounds; it must be >= 1"),
        ({"batch_size": 0}, "batch_size=0 is out of bounds; it must be >= 1"),
        ({"threads": 0}, "threads=0 is out of bounds; it must be >= 1"),
        ({"fit": "crop"}, "fit='crop' is unknown; it is 'letterbox' or 'squash'"),
        ({"start": 37}, r"start=37 is outside \[0, 36\], the positions of this epoch's plan"),
        ({"start": -1}, r"start=-1 is outside"),
        ({"epoch": -1}, r"epoch=-1 is out of bounds; it must be >= 0"),
        ({"order": 7}, "order=7 is unknown"),
        ({"order": "random"}, r"order='random' is unknown; it is 'plan', 'rows' or a planner, such as Win"),
        ({"max_bad": 1.5}, r"max_bad=1.5 is outside \[0, 1\]; it is a share of the samples, 0 for none"),
        ({"rank": 1}, r"rank=1 is outside \[0, 1\) for world_size=1"),
        ({"cache": "lots"}, r"'lots' is no size; write a number with a unit"),
        ({"cache": 100}, r"a cache of 100 bytes cannot hold one decoded image, which takes 1728"),
        ({"counts": np.ones(3, dtype=int)}, "one number for each sample"),
    ],
)
def test_values_out_of_bounds_are_refused_with_the_rule(split, options, message):
    with pytest.raises(ValueError, match=message):
        make(split, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": "24"}, "image_size='24' is no whole number; give one without quotes or fractions"),
        ({"batch_size": 2.0}, "batch_size=2.0 is no whole number"),
        ({"threads": True}, "threads=True is no whole number"),
        ({"seed": 0.5}, "seed=0.5 is no whole number"),
        ({"epoch": None}, "epoch=None is no whole number"),
        ({"rank": "0"}, "rank='0' is no whole number"),
        ({"crop": "random"}, r"crop='random' is no crop; give RandomResizedCrop\(\), or None for whole images"),
        ({"max_bad": None}, "max_bad=None is no number; it is a share of the samples, 0 for none"),
    ],
)
def test_values_of_a_wrong_kind_are_refused(split, options, message):
    with pytest.raises(TypeError, match=message):
        make(split, **options)


def test_a_loader_says_that_it_takes_a_split(uneven_shards):
    for mistaken, named in (
        ("shards", "'shards'"),
        (uneven_shards, "PosixPath"),
        (open_dataset(uneven_shards), "a Dataset"),
        (None, "a NoneType"),
    ):
        with pytest.raises(
            TypeError, match=rf"a Loader takes a split, not {named}.*; give it open_dataset\(PATH\)\.spl"
        ):
            make(mistaken)


@pytest.mark.parametrize("send", [pickle.dumps, copy.deepcopy])
def test_a_loader_that_is_sent_elsewhere_says_what_to_do_instead(split, send):
    with pytest.raises(TypeError, match=r"cannot be pickled or copied; make one where it is needed, and hand over its"):
        send(make(split))


@pytest.mark.parametrize("begun", [False, True])
def test_a_forked_process_can_go_on_loading(split, begun, exit_code_of_fork):
    loader = make(split)
    if begun:
        next(iter(loader))
    assert exit_code_of_fork(lambda: sum(len(batch.rows) for batch in loader)) == len(split) - 5 * begun


def test_numbers_of_numpy_are_numbers(split):
    loader = make(split, image_size=np.int32(24), batch_size=np.int64(5), seed=np.int64(3), epoch=np.uint8(1))
    assert len(next(iter(loader)).images) == 5
    assert json.dumps(loader.state_dict()) == json.dumps(make(split, seed=3, epoch=1, start=5).state_dict())


def test_the_end_of_the_plan_is_a_valid_start_without_batches(split):
    assert list(make(split, start=len(split))) == []


def test_a_sample_damaged_after_conversion_is_named_with_its_shard(uneven_shards, tmp_path):
    folder = tmp_path / "shards"
    shutil.copytree(uneven_shards, folder)
    split = open_dataset(folder).split("train")
    data = split.read(3)
    shard = folder / split.shard_of(3)
    damaged = shard.read_bytes().replace(data, bytes(len(data)))
    shard.write_bytes(damaged)
    message = f"sample {split.keys[3]} of {shard.name} has other bytes than the index says: the shard was damaged"
    with pytest.raises(SampleError, match=message) as caught:
        list(make(open_dataset(folder).split("train"), max_bad=0))
    assert caught.value.key == split.keys[3]
    assert caught.value.shard == shard.name
