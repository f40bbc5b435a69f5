"""Schedules at the places that matter, and plateau's memory."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit import RecipeError, ScheduleContext
from artkit_plugins.schedules import constant, cosine, plateau

CONTEXT = ScheduleContext(num_epochs=10, steps_per_epoch=10)  # a step is 0.01 of training


def observe(schedule, values, metric="val_loss"):
    multipliers = []
    for value in values:
        schedule.observe({"epoch": 0, metric: value})
        multipliers.append(schedule(0.5))
    return multipliers


@pytest.mark.parametrize("factory", [constant, cosine, plateau])
@given(progress=st.floats(0, 1), warmup=st.floats(0, 0.99))
def test_multipliers_lie_between_0_and_1_everywhere(factory, progress, warmup):
    assert 0 <= factory(CONTEXT, warmup=warmup)(progress) <= 1


@pytest.mark.parametrize("factory", [constant, cosine, plateau])
def test_warm_up_rises_in_a_straight_line_from_the_first_step_to_the_full_rate(factory):
    schedule = factory(CONTEXT, warmup=0.1)
    assert schedule(0.0) == pytest.approx(0.1)  # one of ten steps
    assert schedule(0.04) == pytest.approx(0.5)
    assert schedule(0.09) == pytest.approx(1.0)
    assert schedule(0.1) == pytest.approx(1.0)


@pytest.mark.parametrize("factory", [constant, cosine, plateau])
def test_without_warm_up_the_first_step_has_the_full_rate(factory):
    assert factory(CONTEXT, warmup=0.0)(0.0) == 1.0


def test_a_warm_up_shorter_than_a_step_has_the_full_rate_from_the_start():
    assert cosine(CONTEXT, warmup=0.005)(0.0) == 1.0


def test_constant_stays():
    schedule = constant(CONTEXT)
    assert [schedule(progress) for progress in (0.0, 0.3, 1.0)] == [1.0, 1.0, 1.0]


def test_cosine_falls_to_the_floor():
    schedule = cosine(CONTEXT, warmup=0.2, floor=0.1)
    assert schedule(0.2) == pytest.approx(1.0)
    assert schedule(0.4) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)
    assert schedule(0.6) == pytest.approx(0.55)
    assert schedule(1.0) == pytest.approx(0.1)


def test_cosine_ends_at_nothing_by_default():
    assert cosine(CONTEXT)(1.0) == pytest.approx(0.0, abs=1e-12)


def test_plateau_falls_after_patience_epochs_without_a_new_best_and_counts_anew():
    schedule = plateau(CONTEXT, patience=2, factor=0.1, floor=0.0)
    multipliers = observe(schedule, [1.0, 0.9, 0.9, 0.95, 0.8, 0.85, 0.82, 0.81, 0.83])
    assert multipliers == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001])


def test_plateau_wants_accuracy_to_rise():
    schedule = plateau(CONTEXT, metric="val_accuracy", patience=1, floor=0.0)
    assert observe(schedule, [0.5, 0.6, 0.55, 0.7], "val_accuracy") == pytest.approx([1, 1, 0.1, 0.1])


def test_plateau_stops_at_its_floor():
    schedule = plateau(CONTEXT, patience=1, floor=0.05)
    assert observe(schedule, [1.0] * 5) == pytest.approx([1, 0.1, 0.05, 0.05, 0.05])


def test_plateau_takes_what_is_not_a_number_for_no_improvement():
    schedule = plateau(CONTEXT, patience=1, floor=0.0)
    assert observe(schedule, [math.nan, 1.0, math.nan, 0.5]) == pytest.approx([0.1, 0.1, 0.01, 0.01])


def test_plateau_without_its_metric_says_what_to_do():
    text = "watches val_loss, but this run has no such value. Give the data set a validation split"
    with pytest.raises(RecipeError, match=text):
        plateau(CONTEXT).observe({"train_loss": 1.0})


@pytest.mark.parametrize("stop", range(6))
def test_plateau_goes_on_from_any_epoch_as_if_nothing_had_happened(stop):
    values = [1.0, 0.9, 0.95, 0.92, 0.8, 0.85]
    whole = observe(plateau(CONTEXT, patience=2), values)
    first = plateau(CONTEXT, patience=2)
    before = observe(first, values[:stop])
    second = plateau(CONTEXT, patience=2)
    second.load_state_dict(json.loads(json.dumps(first.state_dict(), allow_nan=False)))
    assert before + observe(second, values[stop:]) == whole
