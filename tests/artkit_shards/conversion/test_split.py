import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit_shards import ConvertError, Record
from artkit_shards.conversion.split import assign_splits, check_fractions, share_out

FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}


def record(file, label="a", split=None, group=None):
    return Record(Path(file), file, {"class": label}, split, group)


def images(label, count):
    return [record(f"{label}/{number}.jpg", label) for number in range(count)]


def counts(records, splits):
    return Counter((record.label, splits[record.file]) for record in records)


@pytest.mark.parametrize(
    ("count", "shares"),
    [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (2, 0, 1)), (4, (3, 0, 1)), (5, (3, 1, 1)), (10, (7, 1, 2)), (30, (21, 3, 6))],
)
def test_shares_of_a_class_are_exact_by_largest_remainder(count, shares):
    assert tuple(share_out(count, FRACTIONS).values()) == shares


@given(st.integers(1, 10_000), st.lists(st.floats(0.01, 1), min_size=1, max_size=4))
def test_shares_add_up_and_are_within_one_of_exact(count, weights):
    names = ["train", "test", "val", "extra"][: len(weights)]
    fractions = {name: weight / sum(weights) for name, weight in zip(names, weights, strict=True)}
    shares = share_out(count, fractions)
    assert sum(shares.values()) == count
    assert shares["train"] >= 1
    # Giving train and test their first image may move one more than rounding does.
    assert all(abs(shares[name] - count * fraction) < 3 for name, fraction in fractions.items())
    if count >= 100:
        assert all(abs(shares[name] - count * fraction) < 1 + 1e-6 for name, fraction in fractions.items())


def test_every_class_with_two_images_has_one_to_train_and_one_to_test():
    fractions = {"train": 0.9, "val": 0.09, "test": 0.01}
    assert share_out(2, fractions) == {"train": 1, "val": 0, "test": 1}
    assert share_out(1, {"train": 0.1, "test": 0.9}) == {"train": 1, "test": 0}


def test_single_images_are_split_exactly_in_every_class():
    records = images("a", 1) + images("b", 2) + images("c", 10) + images("d", 103)
    found = counts(records, assign_splits(records, FRACTIONS, seed=0))
    for label, count in (("a", 1), ("b", 2), ("c", 10), ("d", 103)):
        assert {name: found[label, name] for name in FRACTIONS} == share_out(count, FRACTIONS)


def test_the_order_of_records_and_other_classes_have_no_say():
    records = images("a", 20) + images("b", 15)
    splits = assign_splits(records, FRACTIONS, seed=3)
    assert assign_splits(records[::-1], FRACTIONS, seed=3) == splits
    alone = assign_splits(images("a", 20), FRACTIONS, seed=3)
    assert alone == {file: split for file, split in splits.items() if file.startswith("a/")}


def test_a_seed_gives_the_same_split_for_ever_and_another_seed_another_one():
    records = images("a", 40)
    test = sorted(
        int(file[2:-4]) for file, split in assign_splits(records, FRACTIONS, seed=0).items() if split == "test"
    )
    assert test == [7, 9, 14, 16, 24, 25, 28, 39]
    assert assign_splits(records, FRACTIONS, seed=0) != assign_splits(records, FRACTIONS, seed=1)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=80), st.integers(0, 99))
def test_groups_are_never_torn_apart(members, seed):
    records = [record(f"{row}.jpg", label, group=f"g{group}") for row, (label, group) in enumerate(members)]
    splits = assign_splits(records, FRACTIONS, seed)
    assert set(splits) == {record.file for record in records}
    by_group = {}
    for item in records:
        by_group.setdefault(item.group, set()).add(splits[item.file])
    assert all(len(found) == 1 for found in by_group.values())


def test_groups_come_near_the_wanted_shares():
    records = [record(f"{row}.jpg", group=f"series {row // 3}") for row in range(300)]
    found = counts(records, assign_splits(records, FRACTIONS, seed=0))
    assert all(abs(found["a", name] - 300 * fraction) <= 3 for name, fraction in FRACTIONS.items())


def test_large_groups_do_not_leave_a_split_without_the_class():
    records = [record(f"large{row}.jpg", group="large") for row in range(15)]
    records += [record(f"{row}.jpg") for row in range(5)]
    splits = assign_splits(records, FRACTIONS, seed=0)
    assert {splits[f"large{row}.jpg"] for row in range(15)} == {"train"}
    assert set(splits.values()) == {"train", "val", "test"}
    two_groups = [record(f"{row}.jpg", group="large" if row < 9 else "small") for row in range(10)]
    assert len(set(assign_splits(two_groups, {"train": 0.5, "test": 0.5}, seed=0).values())) == 2


def test_a_class_of_one_group_is_for_training():
    records = [record(f"{row}.jpg", group="one") for row in range(10)] + images("b", 10)
    splits = assign_splits(records, {"train": 0.2, "test": 0.8}, seed=0)
    assert {splits[f"{row}.jpg"] for row in range(10)} == {"train"}


def test_records_keep_the_split_they_bring_and_take_their_group_along():
    records = [record("a.jpg", split="test", group="g"), record("b.jpg", group="g"), record("c.jpg", split="val")]
    records += images("z", 5)
    splits = assign_splits(records, FRACTIONS, seed=0)
    assert (splits["a.jpg"], splits["b.jpg"], splits["c.jpg"]) == ("test", "test", "val")
    assert counts(images("z", 5), splits) == {("z", "train"): 3, ("z", "val"): 1, ("z", "test"): 1}


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"val": 0.5, "test": 0.5}, "'val=0.5,test=0.5' has no 'train'; name the splits"),
        ({"train": 0.5, "test": 0.4}, "have a sum of 0.9; it must be 1, for example train=0.7"),
        ({"train": 1.0, "test": 0.0}, "gives 'test' no positive share; leave it out"),
        ({"train": 1.5, "test": -0.5}, "gives 'test' no positive share"),
        ({"train": math.nan, "test": 0.5}, "gives 'train' no positive share"),
    ],
)
def test_fractions_that_are_no_split_are_refused(fractions, message):
    with pytest.raises(ConvertError, match=message):
        check_fractions(fractions)


def test_fractions_may_be_inexact_in_binary():
    check_fractions({"train": 0.7, "val": 0.1, "test": 0.2})
    check_fractions({"train": 1 / 3, "val": 1 / 3, "test": 1 / 3})
    check_fractions({"train": 1.0})
