from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from artkit_shards import ConvertError, Record, Settings
from artkit_shards.conversion.selection import limit_images, select_classes

COUNTS = {"Monet": 40, "Manet": 30, "Klee": 30, "Dürer": 9, "Bosch": 2}


def select(counts=COUNTS, **choices):
    return select_classes(counts, Settings(**choices))


def record(file, label="a", group=None):
    return Record(b"", file, {"class": label}, None, group)


# --- classes --------------------------------------------------------------------------------------------------------


def test_without_choices_all_classes_are_kept_in_the_order_of_their_names():
    found = select()
    assert found.classes == ("Bosch", "Dürer", "Klee", "Manet", "Monet")
    assert (found.held_out, found.notes) == ((), ())


def test_the_largest_classes_are_kept_and_of_equal_ones_the_first_by_name():
    found = select(top=2)
    assert found.classes == ("Klee", "Monet")
    assert found.notes == ("classes that are not among the 2 largest left out: 'Bosch' (2), 'Dürer' (9), 'Manet' (30)",)


def test_named_classes_are_kept_and_the_others_are_told():
    found = select(classes=("Monet", "Dürer"))
    assert found.classes == ("Dürer", "Monet")
    assert found.notes == ("classes that were not asked for left out: 'Bosch' (2), 'Klee' (30), 'Manet' (30)",)


def test_choices_are_made_one_after_the_other():
    found = select(classes=("Monet", "Klee", "Dürer", "Bosch"), min_count=3, top=2)
    assert found.classes == ("Klee", "Monet")
    assert [note.partition(" left out")[0] for note in found.notes] == [
        "classes that were not asked for",
        "classes with fewer than 3 usable images",
        "classes that are not among the 2 largest",
    ]


def test_classes_are_held_out_by_name_whatever_else_is_chosen():
    found = select(top=2, min_count=5, classes=("Monet", "Klee", "Manet"), hold_out=("Bosch", "Monet"))
    assert found.held_out == ("Bosch", "Monet")
    assert found.classes == ("Klee", "Manet")
    assert found.notes[-1] == "held out for the split 'unknown': 'Bosch' (2), 'Monet' (40)"


def test_classes_are_held_out_by_the_seed_from_those_that_are_left():
    drawn = {select(hold_out=1, top=4, seed=seed).held_out for seed in range(40)}
    assert drawn == {("Monet",), ("Manet",), ("Klee",), ("Dürer",)}
    assert select(hold_out=2, seed=3) == select(hold_out=2, seed=3)
    assert len(select(hold_out=3).classes) == 2


def test_which_classes_are_held_out_does_not_depend_on_how_many_images_they_have():
    more = {name: count + 5 for name, count in COUNTS.items()}
    assert select(hold_out=2, seed=1).held_out == select(more, hold_out=2, seed=1).held_out


def test_a_class_that_is_too_small_may_be_another_in_another_spelling():
    message = r"'KLEE' \(1\): too few usable .* Some may be one class in two spellings: 'KLEE' and 'Klee'$"
    with pytest.raises(ConvertError, match=message):
        select_classes({"Klee": 9, "KLEE": 1, "Monet": 5, "monet": 4}, Settings())


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"classes": ("Monett",)}, "classes names 'Monett', but there is no such class; did you mean 'Monet'"),
        ({"hold_out": ("Durer",)}, "hold_out names 'Durer', but there is no such class; did you mean 'Dürer'?"),
        ({"classes": ("zzz",)}, "no such class; there is Bosch, Dürer, Klee, Manet, Monet"),
        ({"classes": ("Monet",)}, "1 of 5 classes would be left, and a data set needs at least two"),
        ({"min_count": 35}, "1 of 5 classes have 35 or more usable images, and a data set needs at least two"),
        ({"hold_out": 4}, "only 1 of 5 classes are not held out, and a data set needs at least two; hold out fewer"),
    ],
)
def test_choices_that_leave_nothing_to_learn_are_refused(choices, message):
    with pytest.raises(ConvertError, match=message.replace("(", r"\(").replace("?", r"\?")):
        select(**choices)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"top": 1}, "top=1 is out of bounds; it must be at least 2"),
        ({"max_count": 0}, "max_count=0 is out of bounds; it must be at least 1"),
        ({"augment_copies": 1001}, "augment_copies=1001 is out of bounds; it must be from 0 to 1000"),
        ({"hold_out": 0}, "hold_out=0 names no class; give names of classes, or how many to draw"),
        ({"hold_out": ()}, r"hold_out=\(\) names no class"),
        (
            {"hold_out": 1, "fractions": {"train": 0.5, "unknown": 0.5}},
            "the split 'unknown' is for the classes that are held out; give the other split another name",
        ),
        ({"duplicates": "remove"}, "the treatment of duplicates 'remove' is unknown; use group, keep, drop"),
        ({"verify": "no"}, "the verification 'no' is unknown; use full, header"),
    ],
)
def test_settings_out_of_bounds_are_refused(choices, message):
    with pytest.raises(ConvertError, match=message):
        Settings(**choices).check()


# --- at most so many images -----------------------------------------------------------------------------------------

LISTINGS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from([None, "g1", "g2", "g3"])), max_size=60
).map(lambda entries: [record(f"{row}.jpg", label, group) for row, (label, group) in enumerate(entries)])


@hypothesis_settings(max_examples=150)
@given(LISTINGS, st.integers(1, 20), st.integers(0, 5))
def test_each_class_has_exactly_as_many_as_allowed_and_groups_are_whole_but_for_one(records, most, seed):
    taken = limit_images(records, most, seed)
    before = Counter(item.label for item in records)
    after = Counter(item.label for item in records if item.file in taken)
    for label, count in before.items():
        assert after[label] == (count if label is None else min(count, most))
    members = defaultdict(list)
    for item in records:
        if item.group is not None and item.label is not None:
            members[item.label, item.group].append(item.file in taken)
    torn = Counter(label for (label, _), kept in members.items() if 0 < sum(kept) < len(kept))
    assert max(torn.values(), default=0) <= 1


@given(LISTINGS, st.integers(1, 20))
def test_the_order_of_the_images_has_no_say_in_which_are_taken(records, most):
    assert limit_images(records, most, 0) == limit_images(records[::-1], most, 0)


def test_few_other_images_are_taken_when_one_comes_or_goes():
    records = [record(f"{number}.jpg") for number in range(200)]
    taken = limit_images(records, 50, seed=0)
    assert len(taken - limit_images(records[:-1], 50, seed=0)) <= 1
    assert len(limit_images([*records, record("new.jpg")], 50, seed=0) - taken) <= 1
    assert limit_images(records, 50, seed=1) != taken
