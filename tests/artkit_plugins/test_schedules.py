"""Schedules at the places that matter, and plateau's memory."""

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artkit import RecipeError, ScheduleContext
from artkit.registry import load_registry
from artkit_plugins.schedules import constant, cosine, linear, one_cycle, plateau, steps

CONTEXT = ScheduleContext(num_epochs=10, steps_per_epoch=10, learning_rate=0.1)  # a step is 0.01 of training
SCHEDULES = {each.name: each for each in load_registry().components("schedule") if each.plugin.is_builtin}
WARMED_UP = [name for name, each in SCHEDULES.items() if "warmup" in each.options.options]


def observe(schedule, values, metric="val_loss"):
    multipliers = []
    for value in values:
        schedule.observe({"epoch": 0, metric: value})
        multipliers.append(schedule(0.5))
    return multipliers


@pytest.mark.parametrize("name", SCHEDULES)
@given(progress=st.floats(0, 1), share=st.floats(0.01, 0.99))
def test_multipliers_lie_between_0_and_1_everywhere(name, progress, share):
    component = SCHEDULES[name]
    used = {option: share for option in ("warmup", "rise", "floor") if option in component.options.options}
    for options in ({}, used):
        assert 0 <= component.build(CONTEXT, options)(progress) <= 1 + 1e-12


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_reaches_the_full_rate_and_does_not_jump_up(name):
    multipliers = [SCHEDULES[name].build(CONTEXT)(number / 100) for number in range(101)]
    assert max(multipliers) == pytest.approx(1.0)
    assert max(after - before for before, after in pairwise(multipliers)) <= 0.11


@pytest.mark.parametrize("name", WARMED_UP)
def test_warm_up_rises_in_a_straight_line_from_the_first_step_to_the_full_rate(name):
    schedule = SCHEDULES[name].build(CONTEXT, {"warmup": 0.1})
    assert schedule(0.0) == pytest.approx(0.1)  # one of ten steps
    assert schedule(0.04) == pytest.approx(0.5)
    assert schedule(0.09) == pytest.approx(1.0)
    assert schedule(0.1) == pytest.approx(1.0)


@pytest.mark.parametrize("name", WARMED_UP)
def test_without_warm_up_the_first_step_has_the_full_rate(name):
    assert SCHEDULES[name].build(CONTEXT, {"warmup": 0.0})(0.0) == 1.0


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


def test_linear_falls_in_a_straight_line_to_the_floor():
    schedule = linear(CONTEXT, warmup=0.2, floor=0.1)
    assert [schedule(progress) for progress in (0.2, 0.4, 0.6, 1.0)] == pytest.approx([1.0, 0.775, 0.55, 0.1])


def test_one_cycle_rises_from_its_start_and_falls_to_nearly_nothing():
    schedule = one_cycle(CONTEXT, rise=0.4, start=0.2)
    assert [schedule(progress) for progress in (0.0, 0.2, 0.4)] == pytest.approx([0.2, 0.6, 1.0])
    assert [schedule(progress) for progress in (0.7, 1.0)] == pytest.approx([0.5, 4e-6], rel=1e-4)


def test_steps_fall_where_they_are_set():
    schedule = steps(CONTEXT, at=(0.3, 0.6, 0.9), factor=0.5)
    shares = (0.0, 0.29, 0.3, 0.59, 0.6, 0.9, 1.0)
    assert [schedule(progress) for progress in shares] == pytest.approx([1, 1, 0.5, 0.5, 0.25, 0.125, 0.125])


@pytest.mark.parametrize("at", [(), (0.6, 0.3), (0.3, 0.3)])
def test_steps_out_of_order_are_refused(at):
    with pytest.raises(RecipeError, match=r"schedule\.at=\[.*\] must be one or more shares of training, each above"):
        steps(CONTEXT, at=at)


@pytest.mark.parametrize("share", ["0.0,0.5", "0.5,1.0"])
def test_steps_outside_of_training_are_refused(share):
    with pytest.raises(RecipeError, match=r"at\[[01]\]=[01]\.0 is out of bounds; it must be > 0 and < 1"):
        SCHEDULES["step"].resolve({"at": tuple(map(float, share.split(",")))})


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


def test_plateau_stops_at_its_lowest_rate_by_a_tenth_at_a_time():
    schedule = plateau(CONTEXT, patience=1, lowest_rate=1e-6)
    rates = [0.1 * multiplier for multiplier in observe(schedule, [1.0] * 8)]
    assert rates == pytest.approx([0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-6, 1e-6])


def test_plateau_has_a_floor_of_a_thousandth_by_default():
    assert min(observe(plateau(CONTEXT, patience=1), [1.0] * 9)) == pytest.approx(1e-3)


def test_plateau_with_two_floors_is_refused():
    with pytest.raises(RecipeError, match=r"schedule\.floor and schedule\.lowest_rate say the same in two ways"):
        plateau(CONTEXT, floor=0.1, lowest_rate=1e-6)


def test_plateau_with_a_lowest_rate_above_the_rate_is_refused():
    text = r"schedule\.lowest_rate=0\.5 is above the optimizer's learning rate 0\.1, so the rate could never fall"
    with pytest.raises(RecipeError, match=text):
        plateau(CONTEXT, lowest_rate=0.5)


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
