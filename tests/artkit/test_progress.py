"""Progress: which epoch is the best, how long there was no gain, and a round trip through plain values."""

import json

import pytest

from artkit.engine.progress import EpochSums, Progress


def after(**values):
    """Progress after epochs with these validation values."""
    progress = Progress()
    for row in zip(*values.values(), strict=True):
        progress.finish_epoch(dict(zip((f"val_{name}" for name in values), row, strict=True)))
    return progress


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("loss", [3.0, 1.0, 2.0], 1),
        ("accuracy", [0.3, 0.1, 0.2], 0),
        ("macro_recall", [0.1, 0.3, 0.3], 1),
    ],
    ids=["lowest-loss", "highest-accuracy", "first-of-equals"],
)
def test_the_best_epoch_is_the_first_with_the_best_value(name, values, best):
    progress = after(**{name: values})
    assert progress.best_epoch(f"val_{name}") == best
    assert progress.epochs_without_gain(name) == len(values) - 1 - best


def test_rows_are_marked_when_they_are_the_best_so_far():
    progress = after(loss=[2.5, 2.0, 3.0, 1.0], accuracy=[0.5, 0.5, 0.4, 0.6])
    assert [row["best_loss"] for row in progress.history] == [1.0, 1.0, 0.0, 1.0]
    assert [row["best_accuracy"] for row in progress.history] == [1.0, 0.0, 0.0, 1.0]


def test_without_validation_there_is_no_best_epoch_and_nothing_to_wait_for():
    progress = Progress()
    row = progress.finish_epoch({"train_loss": 1.0})
    assert row == {"epoch": 0.0, "train_loss": 1.0}
    assert progress.best_epoch("val_loss") is None
    assert progress.epochs_without_gain("loss") == 0


def test_progress_comes_back_from_plain_values_as_it_was():
    progress = after(loss=[2.0, 1.0])
    progress.trained, progress.step, progress.schedule = True, 9, {"best": None}
    progress.sums = EpochSums(images=5, loss=2.5, correct=[3], labelled=[4], seconds=0.25)
    assert Progress.from_plain(json.loads(json.dumps(progress.to_plain()))) == progress
