"""The time budget: what is foreseen, and runs that end in time with a schedule that has ended too."""

import time

import pytest

from artkit.engine.budget import TimeBudget
from artkit.engine.progress import EpochSums, Progress


def started(used, **sums):
    """Progress of a run that took so many seconds, in the middle of an epoch with these sums."""
    return Progress(seconds=used, sums=EpochSums(**sums))


def test_without_a_limit_no_time_is_used():
    progress = started(1e9, images=10, seconds=1e9, steps=1)
    budget = TimeBudget(0, judged_images=10)
    assert budget.share(progress) == 0
    assert not budget.is_spent(progress)


def test_the_last_validation_is_kept_free():
    progress = started(30.0)
    progress.validation_seconds = 20.0
    budget = TimeBudget(1, judged_images=10)
    assert budget.share(progress) == pytest.approx(30 / 40, abs=1e-3)
    assert not budget.is_spent(progress)
    progress.seconds = 39.99
    progress.sums = EpochSums(steps=2, seconds=1.0)
    assert budget.is_spent(progress), "half a second for a step is not left"


def test_before_the_first_validation_its_time_is_guessed_from_that_of_training():
    progress = started(30.0, images=100, seconds=20.0, steps=10)
    # A tenth of a second an image in judging: 10 seconds for a hundred.
    assert TimeBudget(1, judged_images=100).share(progress) == pytest.approx(30 / 50, abs=1e-3)


def test_a_validation_that_takes_all_the_time_leaves_none_for_training():
    progress = started(1.0)
    progress.validation_seconds = 100.0
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
