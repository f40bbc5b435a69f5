"""Plans of epochs: made ahead in the background, with counts asked for where the caller is."""

import threading

import numpy as np
import pytest

from artkit_shards.stream.epochs import Epochs
from artkit_shards.stream.planner import LocalPlanner, RowPlanner

LABELS = np.array([0, 0, 1, 2])


def test_counts_default_to_each_sample_once():
    epochs = Epochs(LocalPlanner(LABELS, seed=1), None, 4)
    assert epochs.plan(0).length == 4
    assert sorted(epochs.plan(0).order.tolist()) == [0, 1, 2, 3]


def test_a_function_of_the_epoch_is_called_once_an_epoch_in_the_callers_thread():
    calls = []

    def counts(epoch):
        calls.append((epoch, threading.current_thread()))
        return np.array([epoch, 1, 1, 1])

    epochs = Epochs(LocalPlanner(LABELS, seed=1), counts, 4)
    for epoch in (0, 1, 2):
        assert epochs.plan(epoch).length == 3 + epoch
        epochs.prepare(epoch + 1)
        assert np.bincount(epochs.plan(epoch).order).tolist() == [epoch, 1, 1, 1]
    assert calls == [(epoch, threading.current_thread()) for epoch in (0, 1, 2, 3)]


def test_an_order_that_cannot_be_made_fails_when_it_is_asked_for_and_not_before():
    def counts(epoch):
        return np.array([1, 1, 1, 1 if epoch == 0 else 2**62])

    epochs = Epochs(LocalPlanner(LABELS, seed=1), counts, 4)
    epochs.prepare(0)
    epochs.prepare(1)
    assert len(epochs.order_if_any(0)) == 4
    assert epochs.order_if_any(1) is None
    with pytest.raises(ValueError, match="more than a plan holds"):
        _ = epochs.plan(1).order


class SlowPlanner(RowPlanner):
    """Waits with each order until it is let go."""

    def __init__(self):
        self.begun, self.release = threading.Event(), threading.Event()

    def order(self, counts, epoch):
        self.begun.set()
        assert self.release.wait(10)
        return super().order(counts, epoch)


def test_preparing_goes_on_in_the_background():
    planner = SlowPlanner()
    epochs = Epochs(planner, None, 4)
    epochs.prepare(5)
    assert planner.begun.wait(10)
    planner.release.set()
    assert epochs.plan(5).order.tolist() == [0, 1, 2, 3]


def test_an_epoch_that_cannot_be_planned_fails_when_it_is_asked_for_and_not_before():
    def counts(epoch):
        return np.ones(4, dtype=int) if epoch == 0 else np.zeros(4, dtype=int)

    epochs = Epochs(LocalPlanner(LABELS, seed=1), counts, 4)
    assert epochs.plan(0).length == 4
    epochs.prepare(1)
    assert epochs.order_if_any(1) is None
    with pytest.raises(ValueError, match="counts are all zero"):
        epochs.plan(1)


def test_equal_counts_have_equal_digests_whatever_their_integer_type():
    digests = {
        Epochs(RowPlanner(), np.array([1, 2, 0], dtype=dtype), 3).plan(0).counts_digest
        for dtype in ("int8", "uint64", ">i4")
    }
    assert len(digests) == 1
    assert digests != {Epochs(RowPlanner(), np.array([1, 2, 1]), 3).plan(0).counts_digest}


def test_the_order_of_rows_repeats_what_is_counted_more_than_once():
    assert Epochs(RowPlanner(), np.array([1, 0, 2]), 3).plan(7).order.tolist() == [0, 2, 2]
