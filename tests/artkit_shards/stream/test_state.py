"""The state of a loader: small, plain, and refused by a loader with another plan."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from artkit_shards import Loader, StateError, open_dataset
from artkit_shards.stream.state import check_plan, make_state, plan_id, read_place

FIELDS = {"kind": "local-2", "seed": 7, "data": "ab" * 32, "split": "train"}


def test_the_id_of_a_plan_is_pinned_because_states_are_kept():
    assert plan_id(FIELDS) == "1a7da65d6fc995ffcb750ee9da27ddb4d6fe15c4800dcffcd0e3a60bf0b8c174"
    assert plan_id(dict(reversed(FIELDS.items()))) == plan_id(FIELDS)


def test_a_state_tells_its_place():
    state = json.loads(json.dumps(make_state(FIELDS, epoch=3, consumed=40)))
    assert read_place(state) == (3, 40)
    check_plan(state, FIELDS, length=40)


@pytest.mark.parametrize("state", [None, [], {}, {"epoch": 1, "consumed": 2}, {"format": "artkit-loader-1"}])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(StateError, match="this is not the state of a Loader; give load_state_dict\\(\\) what"):
        read_place(state)


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": -1},
        {"epoch": True},
        {"consumed": 1.0},
        {"consumed": "1"},
        {"fields": []},
        {"fields": {**FIELDS, "seed": 8}},
        {"plan": "0" * 64},
    ],
)
def test_a_damaged_state_is_refused(change):
    with pytest.raises(StateError, match="the state of the Loader was damaged or changed; begin without it"):
        read_place({**make_state(FIELDS, 1, 2), **change})


def test_a_state_behind_the_end_of_its_plan_is_refused():
    with pytest.raises(StateError, match="the state stands at position 41 of a plan with 40; begin the epoch without"):
        check_plan(make_state(FIELDS, epoch=3, consumed=41), FIELDS, length=40)


@pytest.fixture(scope="module")
def split(uneven_shards):
    return open_dataset(uneven_shards).split("train")


def make(split, **options):
    return Loader(split, **{"image_size": 24, "batch_size": 5, "seed": 7, **options})


def test_a_state_is_plain_and_small_and_counts_what_was_delivered(split):
    loader = make(split, epoch=2)
    for number, _ in enumerate(loader, start=1):
        state = loader.state_dict()
        assert (state["epoch"], state["consumed"]) == (2, min(5 * number, len(split)))
        text = json.dumps(state)
        assert json.loads(text) == state
        assert len(text) < 1000
    state = loader.state_dict()
    assert (state["epoch"], state["consumed"]) == (3, 0)
    assert state["plan"] == plan_id(state["fields"])


def test_what_may_change_between_stop_and_resume_is_not_in_the_state(split):
    loader = make(split)
    other = make(split, batch_size=3, threads=1, rank=1, world_size=2, cache="1MB", max_bad=0)
    assert loader.state_dict() == other.state_dict()


@dataclass
class OtherPlanner:
    """Some other order."""

    window: int

    def fields(self):
        return {"kind": "other-1", "window": self.window}

    def order(self, counts, epoch):
        return np.repeat(np.arange(len(counts)), counts)

    def pinned(self, counts):
        return np.empty(0, dtype=np.int64)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 8}, "its seed was 7, that of this Loader is 8"),
        ({"counts": np.full(36, 2)}, r"its counts was '[0-9a-f]{16}...', that of this Loader is '[0-9a-f]{16}...'"),
        ({"image_size": 25}, "its image_size was 24, that of this Loader is 25"),
        ({"fit": "squash"}, "its fit was 'letterbox', that of this Loader is 'squash'"),
        ({"order": "rows"}, "its kind was 'local-2', that of this Loader is 'rows-1'"),
        ({"order": OtherPlanner(3)}, "its kind was 'local-2', that of this Loader is 'other-1'"),
    ],
)
def test_the_state_of_another_plan_is_refused_with_the_field_that_differs(split, changes, message):
    state = make(split, epoch=4).state_dict()
    advice = r"make the Loader as it was, or leave out the rest of epoch 4 and begin with Loader\(..., epoch=5\)"
    with pytest.raises(StateError, match=f"the state belongs to another plan: {message}; {advice}"):
        make(split, **changes).load_state_dict(state)


def test_a_field_that_only_one_side_has_differs(split):
    state = make(split, order=OtherPlanner(3)).state_dict()
    state["fields"].pop("window")
    state["plan"] = plan_id(state["fields"])
    with pytest.raises(StateError, match="its window was 'not set', that of this Loader is 3"):
        make(split, order=OtherPlanner(3)).load_state_dict(state)


def test_the_state_of_other_data_is_refused(split, uneven_shards, shape_shards):
    state = make(split).state_dict()
    with pytest.raises(StateError, match=r"its data was '[0-9a-f]{16}...', that of this Loader is"):
        make(open_dataset(shape_shards).split("train")).load_state_dict(state)
    with pytest.raises(StateError, match="its split was 'train', that of this Loader is 'val'"):
        make(open_dataset(uneven_shards).split("val")).load_state_dict(state)


def test_counts_that_change_from_epoch_to_epoch_are_compared_for_the_epoch_of_the_state(split):
    def counts(epoch):
        return np.full(len(split), 1 + epoch)

    state = make(split, counts=counts, epoch=1).state_dict()
    loader = make(split, counts=counts, epoch=0)
    loader.load_state_dict(state)
    assert (loader.epoch, loader.num_positions) == (1, 2 * len(split))
    make(split, counts=np.full(len(split), 2)).load_state_dict(state)
    with pytest.raises(StateError, match="its counts was"):
        make(split).load_state_dict(state)
