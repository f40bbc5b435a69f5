"""The time budget: what is foreseen, and runs that end in time with a schedule that has ended too."""

import time
from itertools import count

import pytest

from artkit.engine.budget import TimeBudget
from artkit.engine.early_ends import ending_notes
from artkit.engine.progress import Progress
from artkit.engine.step import Stepper


@pytest.fixture
def slow_step(monkeypatch):
    """A function that makes one of a run's steps, counted from 1, take so many seconds longer."""

    def slow_down(number, seconds):
        take, numbers = Stepper.take, count(1)

        def take_slowly(stepper):
            if next(numbers) == number:
                time.sleep(seconds)
            return take(stepper)

        monkeypatch.setattr(Stepper, "take", take_slowly)

    return slow_down


def warm(budget, *seconds, images=10):
    """The budget behind a first step, and others of so many seconds."""
    for each in (1000.0, *seconds):
        budget.note_step(each, images)
    return budget


def test_without_a_limit_no_time_is_used():
    progress = Progress(seconds=1e9)
    budget = warm(TimeBudget(0, judged_images=10), 1e9)
    assert budget.share(progress) == 0
    assert not budget.is_spent(progress)


def test_the_last_validation_is_kept_free():
    progress = Progress(seconds=30.0, validation_seconds=20.0)
    budget = TimeBudget(1, judged_images=10)
    assert budget.share(progress) == pytest.approx(30 / 40, abs=1e-3)
    assert not budget.is_spent(progress)
    progress.seconds = 39.7
    assert not budget.is_spent(progress)
    assert warm(budget, 0.5).is_spent(progress), "half a second for a step is not left"


def test_before_the_first_validation_its_time_is_guessed_from_that_of_training():
    # A tenth of a second an image in judging: 10 seconds for a hundred.
    budget = warm(TimeBudget(1, judged_images=100), 2.0, images=10)
    assert budget.share(Progress(seconds=30.0)) == pytest.approx(30 / 50, abs=1e-3)


def test_neither_the_first_step_nor_a_single_slow_one_is_taken_for_usual():
    budget, progress = TimeBudget(1, judged_images=1000), Progress(seconds=30.0)
    budget.note_step(25.0, 10)
    assert not budget.is_spent(progress), "the first step compiled the model"
    for seconds in (0.1, 0.1, 25.0):
        budget.note_step(seconds, 10)
    assert not budget.is_spent(progress)
    assert budget.share(progress) == pytest.approx(30 / 55, abs=1e-3)


def test_a_validation_that_takes_all_the_time_leaves_none_for_training():
    progress = Progress(seconds=1.0, validation_seconds=100.0)
    budget = TimeBudget(1, judged_images=10)
    assert budget.share(progress) == 1
    assert budget.is_spent(progress)


def test_the_longest_validation_counts():
    progress, budget = Progress(), TimeBudget(1, judged_images=10)
    with budget.validation(progress):
        time.sleep(0.02)
    longest = progress.validation_seconds
    assert longest >= 0.02
    with budget.validation(progress):
        pass
    assert progress.validation_seconds == longest


def test_a_run_ends_when_its_time_is_over_in_the_middle_of_an_epoch_with_its_validation(training_bench):
    training_bench.train(training_bench.recipe("train.epochs=1"))  # what is imported once takes its time here
    folder = training_bench.run_folder()
    recipe = training_bench.recipe("train.max_minutes=0.02", "train.epochs=100000", "optimizer.lr=0.1")
    trainer = training_bench.train(recipe, folder)
    progress = trainer.progress
    assert trainer.finished
    assert not progress.is_in_epoch
    assert all("val_loss" in row for row in progress.history)
    assert progress.seconds > 0.5
    assert trainer.logged[-1]["learning_rate"] < 0.01, "the cosine is at its end"
    assert folder.best("loss").is_file()
    resumed = training_bench.train(recipe, folder, resumed=True)
    assert resumed.logged == []
    assert resumed.progress.history == progress.history


def test_why_a_run_has_fewer_epochs_than_it_was_given_is_told(training_bench):
    options = ("train.max_minutes=30", "train.epochs=9", "train.patience=1", "train.select=loss")
    train = training_bench.recipe(*options).train
    assert list(ending_notes(train, Progress(epoch=9, out_of_time=True, seconds=1795.0))) == []
    over = "the time is over (train.max_minutes=30): training ends with epoch 4 of 9"
    assert list(ending_notes(train, Progress(epoch=4, out_of_time=True))) == [over]
    stuck = "no gain in validation loss for 1 epoch (train.patience=1): training ends with epoch 4 of 9"
    assert list(ending_notes(train, Progress(epoch=4))) == [stuck]


def test_time_that_was_not_used_is_told(training_bench):
    train = training_bench.recipe("train.max_minutes=30", "train.epochs=9").train
    left = "9 epochs took 3 of the 30 minutes of train.max_minutes; about 90 would take all of them"
    assert list(ending_notes(train, Progress(epoch=9, seconds=180.0))) == [left]
    assert list(ending_notes(train, Progress(epoch=9, seconds=1700.0))) == []
    endless = training_bench.recipe("train.epochs=9").train
    assert list(ending_notes(endless, Progress(epoch=9, seconds=180.0))) == []


def test_time_before_a_resumption_counts(training_bench):
    folder = training_bench.run_folder()
    recipe = training_bench.recipe("train.max_minutes=60", "train.epochs=2")
    stopped = training_bench.train(recipe, folder, stop_at=2)
    used = stopped.progress.seconds
    assert used > 0
    assert training_bench.train(recipe, folder, resumed=True).progress.seconds > used


def test_a_budget_for_less_than_a_step_still_gives_a_model(training_bench):
    folder = training_bench.run_folder()
    trainer = training_bench.train(training_bench.recipe("train.max_minutes=1e-9"), folder)
    assert len(trainer.logged) == 1
    assert len(trainer.progress.history) == 1
    assert folder.best("accuracy").is_file()


def test_a_slow_first_step_does_not_end_a_run_by_the_clock(training_bench, slow_step):
    slow_step(1, 2.4)
    trainer = training_bench.train(training_bench.recipe("train.max_minutes=0.1", "train.epochs=2"))
    assert len(trainer.logged) == 6, "two epochs of three steps"


@pytest.mark.parametrize("step", [2, 3])
def test_a_run_never_goes_on_behind_an_epoch_that_the_clock_cut_off(training_bench, monkeypatch, step):
    recipe = training_bench.recipe("train.max_minutes=60", "train.epochs=4")
    # As if so much time had seemed to be over, and then had not, for the validation was quicker than foreseen.
    monkeypatch.setattr(TimeBudget, "is_spent", lambda _, progress: progress.sums.steps == step)
    folder = training_bench.run_folder()
    trainer = training_bench.train(recipe, folder)
    assert (len(trainer.logged), len(trainer.progress.history)) == (step, 1)
    assert training_bench.train(recipe, folder, resumed=True).logged == []
