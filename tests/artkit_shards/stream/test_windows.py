import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit_shards import demo_path, open_dataset
from artkit_shards.stream.plan import plan_epoch
from artkit_shards.stream.windows import WindowPlanner, choose_pinned, plan_windows


def plan(labels, counts, starts, *, pinned=(), seed=0, epoch=0, window=2):
    return plan_windows(
        np.asarray(labels),
        np.asarray(counts),
        shard_starts=np.asarray(starts),
        pinned=np.asarray(pinned, dtype=np.int64),
        seed=seed,
        epoch=epoch,
        window=window,
    )


def shard_of(rows, starts):
    return np.searchsorted(starts, rows, side="right") - 1


def spans(numbers):
    """First and last position of each shard that is used."""
    return [(int(places[0]), int(places[-1])) for places in (np.flatnonzero(numbers == n) for n in np.unique(numbers))]


def most_at_a_time(numbers):
    """How many shards are needed at one time: begun, and not yet done with."""
    found = spans(numbers)
    return max(sum(first <= place <= last for first, last in found) for place in range(len(numbers)))


GOLDEN_LABELS = np.array([0, 1, 2, 0, 1, 0, 0, 1, 2, 0, 1, 0])
GOLDEN_COUNTS = np.array([1, 1, 3, 1, 1, 0, 1, 1, 2, 1, 1, 1])
GOLDEN_STARTS = np.array([0, 3, 6, 9, 12])


def test_golden_plans():
    golden = {
        0: [4, 2, 3, 0, 8, 1, 9, 2, 7, 8, 6, 10, 2, 11],
        1: [4, 2, 0, 1, 8, 3, 6, 2, 7, 8, 9, 11, 2, 10],
    }
    for epoch, rows in golden.items():
        made = plan(GOLDEN_LABELS, GOLDEN_COUNTS, GOLDEN_STARTS, pinned=[2, 8], seed=7, epoch=epoch)
        assert made.tolist() == rows


def test_golden_plan_of_many_samples():
    labels = np.arange(5000) % 17
    counts = 1 + (labels == 3) * 2
    starts = np.arange(0, 5001, 100)
    made = plan(labels, counts, starts, pinned=np.flatnonzero(counts > 1), seed=3, epoch=2, window=4)
    assert (
        hashlib.sha256(made.astype("<i8").tobytes()).hexdigest()
        == "00024632556df2245ff5fa36c9e8554eb48ed7443a63ef1f02218626d74892c6"
    )


@st.composite
def cases(draw):
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=12))
    number = sum(sizes)
    labels = np.array(draw(st.lists(st.integers(-1, 4), min_size=number, max_size=number)))
    counts = np.array(draw(st.lists(st.sampled_from([0, 1, 1, 1, 2, 5]), min_size=number, max_size=number)))
    counts[draw(st.integers(0, number - 1))] += 1
    return {
        "labels": labels,
        "counts": counts,
        "starts": np.concatenate([[0], np.cumsum(sizes)]),
        "pinned": choose_pinned(counts, np.full(number, 10, dtype=np.uint32), draw(st.integers(0, 200))),
        "seed": draw(st.integers(0, 3)),
        "epoch": draw(st.integers(0, 3)),
        "window": draw(st.integers(1, 5)),
    }


@settings(max_examples=200, deadline=None)
@given(cases())
def test_each_sample_appears_as_often_as_it_is_counted_and_few_shards_are_needed_at_a_time(case):
    made = plan(**case)
    assert np.bincount(made, minlength=len(case["counts"])).tolist() == case["counts"].tolist()
    bound = made[~np.isin(made, case["pinned"])]
    if len(bound):
        numbers = shard_of(bound, case["starts"])
        assert most_at_a_time(numbers) <= case["window"]
    assert made.tolist() == plan(**case).tolist()


def test_a_window_is_all_of_its_shards_before_the_next_begins():
    starts = np.arange(0, 97, 8)
    made = plan(np.zeros(96, dtype=np.int64), np.ones(96, dtype=np.int64), starts, window=3)
    numbers = shard_of(made, starts).reshape(4, 24)
    assert [len(np.unique(window)) for window in numbers] == [3, 3, 3, 3]
    assert len(np.unique(numbers)) == 12
    # Samples are mixed within a window, not read shard by shard.
    assert all(np.count_nonzero(np.diff(window)) > 8 for window in numbers)


def test_windows_are_about_equally_large():
    starts = np.arange(0, 18)
    made = plan(np.zeros(17, dtype=np.int64), np.ones(17, dtype=np.int64), starts, window=16)
    again = plan(np.zeros(17, dtype=np.int64), np.ones(17, dtype=np.int64), starts, window=16, epoch=1)
    assert sorted(made.tolist()) == sorted(again.tolist()) == list(range(17))
    first = {tuple(sorted(order[:8])) for order in (made.tolist(), again.tolist())}
    assert len(first) == 2


def test_shards_that_an_epoch_does_not_show_take_no_place_in_a_window():
    starts = np.arange(0, 81, 10)
    counts = np.zeros(80, dtype=np.int64)
    counts[np.r_[0:10, 30:40, 60:70]] = 1
    made = plan(np.zeros(80, dtype=np.int64), counts, starts, window=3)
    assert np.count_nonzero(np.diff(shard_of(made, starts))) > 8


def test_epochs_and_seeds_differ_in_windows_and_within():
    labels, counts, starts = np.arange(400) % 5, np.ones(400, dtype=np.int64), np.arange(0, 401, 10)
    plans = [plan(labels, counts, starts, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)]
    for number, one in enumerate(plans):
        for other in plans[:number]:
            assert np.count_nonzero(one == other) < 40
            assert set(shard_of(one[:20], starts).tolist()) != set(shard_of(other[:20], starts).tolist())


def test_one_window_is_the_local_plan_of_the_same_samples_but_for_its_random_numbers():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    counts = np.ones(100, dtype=np.int64)
    made = plan(labels, counts, [0, 40, 100], window=2)
    local = plan_epoch(labels, counts, seed=0, epoch=0)
    for order in (made, local):
        for begin in range(0, 100, 20):
            shares = np.bincount(labels[order[begin : begin + 20]], minlength=3)
            assert np.abs(shares - [10, 6, 4]).max() < 2


def test_classes_are_even_within_windows_and_pinned_samples_over_the_epoch():
    generator = np.random.default_rng(0)
    labels = generator.permutation(np.repeat([0, 1, 2, 3], [3000, 1800, 1160, 40]))
    counts = np.where(labels == 3, 45, 1)
    starts = np.arange(0, 6001, 250)
    made = plan(labels, counts, starts, pinned=np.flatnonzero(labels == 3), window=6)
    shown = labels[made]
    rare = [np.count_nonzero(part == 3) for part in np.array_split(shown, 60)]
    assert max(rare) - min(rare) <= 4
    for window in np.array_split(shown[shown != 3], 4):
        whole = np.bincount(window, minlength=3) / len(window)
        for part in np.array_split(window, 10):
            assert np.abs(np.bincount(part, minlength=3) - whole * len(part)).max() < 3


def test_copies_of_a_pinned_sample_are_spread_over_the_whole_epoch():
    labels = np.repeat([0, 1], [990, 10])
    counts = np.where(labels == 1, 50, 1)
    made = plan(labels, counts, np.arange(0, 1001, 50), pinned=np.arange(990, 1000), window=2)
    for row in range(990, 1000):
        places = np.flatnonzero(made == row)
        # In passes: any two copies have most of a pass of the class between them.
        assert np.diff(places).min() > 5
        assert places[0] < 60
        assert places[-1] > len(made) - 60


def test_those_that_appear_most_often_are_pinned_as_many_as_fit():
    counts = np.array([1, 2, 5, 3, 0, 5, 2])
    sizes = np.array([1, 10, 10, 10, 10, 10, 10], dtype=np.uint32)
    for budget, rows in (
        (0, []),
        (9, []),
        (10, [2]),
        (29, [2, 5]),
        (30, [2, 3, 5]),
        (40, [1, 2, 3, 5]),
        (99, [1, 2, 3, 5, 6]),
    ):
        assert choose_pinned(counts, sizes, budget).tolist() == rows


@pytest.fixture(scope="module")
def split():
    """The bundled training split: six shards."""
    return open_dataset(demo_path()).split("train")


def test_a_planner_names_all_that_its_plans_depend_on(split):
    fields = WindowPlanner(split, seed=1, window=2, pinned_bytes="1 kB").fields()
    assert fields == {
        "kind": "remote-1",
        "seed": 1,
        "window": 2,
        "pinned_bytes": 1000,
        "shards": hashlib.sha256(split.shard_starts.astype("<i8").tobytes()).hexdigest(),
    }
    other = open_dataset(demo_path()).split("test")
    assert WindowPlanner(other, seed=1).fields()["shards"] != fields["shards"]


def test_a_planner_plans_with_what_fits_into_its_budget(split):
    counts = np.where(split.labels == split.class_counts.argmin(), 4, 1)
    rare = np.flatnonzero(counts > 1)
    budget = int(split.image_bytes[rare[:5]].sum())
    planner = WindowPlanner(split, seed=1, window=2, pinned_bytes=budget)
    assert planner.pinned(counts).tolist() == rare[:5].tolist()
    made = planner.order(counts, 3)
    starts = split.shard_starts
    assert made.tolist() == plan(split.labels, counts, starts, pinned=rare[:5], seed=1, epoch=3, window=2).tolist()
    bound = made[~np.isin(made, rare[:5])]
    assert most_at_a_time(shard_of(bound, starts)) == 2


def test_a_window_without_shards_is_refused(split):
    with pytest.raises(ValueError, match="window=0 is out of bounds; it must be >= 1"):
        WindowPlanner(split, window=0)
    with pytest.raises(ValueError, match="'much' is no size"):
        WindowPlanner(split, pinned_bytes="much")


def test_counts_that_are_none_are_refused():
    with pytest.raises(ValueError, match="counts are all zero"):
        plan([0, 0], [0, 0], [0, 2])
