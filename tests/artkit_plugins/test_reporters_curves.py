"""Curves: all epochs of a run, best ones marked, drawn seldom enough."""

import numpy as np
import pytest
from PIL import Image

from artkit_plugins.reporters import curves
from artkit_plugins.reporters.curve_figure import CurvesReporter, draw_curves
from artkit_plugins.reporters.epochs import best_epoch, past_epochs

EPOCHS = [
    {"epoch": 0.0, "train_loss": 2.0, "val_loss": 1.5, "val_accuracy": 0.3, "val_macro_recall": 0.2},
    {"epoch": 1.0, "train_loss": 1.0, "val_loss": 0.8, "val_accuracy": 0.6, "val_macro_recall": 0.5},
    {"epoch": 2.0, "train_loss": 0.5, "val_loss": 0.9, "val_accuracy": 0.6, "val_macro_recall": 0.55},
]


def panels(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def lines(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) > 1}


@pytest.fixture
def stage(reporter_stage):
    reporter_stage.add(curves(reporter_stage.context, every_s=1000.0))
    return reporter_stage


def test_losses_are_drawn_over_epochs_that_count_from_one():
    loss = panels(draw_curves(EPOCHS))["Loss"]
    assert lines(loss) == {
        "training": [[1, 2.0], [2, 1.0], [3, 0.5]],
        "validation, best 0.800 in epoch 2": [[1, 1.5], [2, 0.8], [3, 0.9]],
    }


def test_the_best_epoch_of_each_value_has_a_star():
    accuracy = panels(draw_curves(EPOCHS))["Accuracy"]
    stars = [line.get_xydata().tolist() for line in accuracy.lines if line.get_marker() == "*"]
    assert stars == [[[2, 0.6]], [[3, 0.55]]]
    said = [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert said == ["validation, best 60.0 % in epoch 2", "macro recall in validation, best 55.0 % in epoch 3"]


def test_lines_of_several_targets_say_what_they_are_of():
    epochs = [{**epoch, "train_accuracy": 0.5, "val_style_loss": 0.4, "val_style_accuracy": 0.7} for epoch in EPOCHS]
    drawn = panels(draw_curves(epochs, ["artist", "style"]))
    best = "validation of artist, best 0.800 in epoch 2"
    assert set(lines(drawn["Loss"])) == {"training, all targets together", best, "validation of style"}
    assert lines(drawn["Loss"])["validation of style"] == [[1, 0.4], [2, 0.4], [3, 0.4]]
    assert set(lines(drawn["Accuracy"])) == {
        "training of artist",
        "validation of artist, best 60.0 % in epoch 2",
        "macro recall of artist in validation, best 55.0 % in epoch 3",
        "validation of style",
    }


def test_each_of_several_targets_has_a_line_of_its_training_loss():
    epochs = [{**epoch, "train_artist_loss": 1.2, "train_style_loss": 0.6, "val_style_loss": 0.4} for epoch in EPOCHS]
    drawn = lines(panels(draw_curves(epochs, ["artist", "style"]))["Loss"])
    assert drawn["training of artist"] == [[1, 1.2], [2, 1.2], [3, 1.2]]
    assert drawn["training of style"] == [[1, 0.6], [2, 0.6], [3, 0.6]]
    assert not any("together" in label for label in drawn)


def test_a_run_without_validation_has_its_training_drawn():
    figure = draw_curves([{"epoch": 0.0, "train_loss": 2.0}, {"epoch": 1.0, "train_loss": 1.0}])
    assert lines(panels(figure)["Loss"]) == {"training": [[1, 2.0], [2, 1.0]]}
    assert panels(figure)["Accuracy"].get_legend() is None


def test_a_value_that_was_not_finite_leaves_a_gap():
    figure = draw_curves([EPOCHS[0], {**EPOCHS[1], "val_loss": float("nan")}, EPOCHS[2]])
    values = lines(panels(figure)["Loss"])["validation, best 0.900 in epoch 3"]
    assert np.isnan(values[1][1])


def test_the_figure_is_there_after_the_first_epoch(stage):
    stage.start("ab")
    stage.epoch(0)
    with Image.open(stage.folder / "curves.png") as picture:
        assert picture.width > 900
    assert stage.published == [("curves.png", "Curves", "figure")]


def test_it_is_not_drawn_at_every_epoch_but_again_at_the_end(stage):
    stage.start("ab")
    path = stage.folder / "curves.png"
    stage.epoch(0)
    first = path.read_bytes()
    stage.epoch(1)
    assert path.read_bytes() == first
    stage.end("interrupted")
    assert path.read_bytes() != first


def test_drawing_waits_until_it_costs_two_percent_of_the_time(reporter_stage):
    # The clock is read before and after each drawing, and once more when an epoch ends: the first drawing takes 1 s.
    times = iter([0.0, 0.0, 1.0, 50.9, 51.1, 51.1, 52.1])
    reporter_stage.add(CurvesReporter(reporter_stage.context, every_s=0.1, clock=lambda: next(times)))
    reporter_stage.start("ab")
    path = reporter_stage.folder / "curves.png"
    reporter_stage.epoch(0)
    first = path.read_bytes()
    reporter_stage.epoch(1)
    assert path.read_bytes() == first
    reporter_stage.epoch(2)
    assert path.read_bytes() != first


def test_a_resumed_run_shows_the_epochs_before_it(stage):
    stage.start("ab")
    history = [stage.epoch(0), stage.epoch(1), stage.epoch(2)]
    stage.end()
    whole = (stage.folder / "curves.png").read_bytes()
    stage.reporters = [curves(stage.context)]
    stage.start("ab", first_epoch=2, first_step=20, history=history[:2])
    stage.epoch(2)
    assert (stage.folder / "curves.png").read_bytes() == whole


def test_a_run_resumed_after_its_last_epoch_is_drawn_all_the_same(stage, predictions_from):
    stage.start("ab", first_epoch=2, first_step=20, history=EPOCHS[:2])
    stage.send("artkit_predictions", predictions=predictions_from([[1, 0], [0, 1]]))
    assert stage.published == [("curves.png", "Curves", "figure")]
    assert (stage.folder / "curves.png").is_file()


def test_a_run_that_failed_before_its_first_epoch_leaves_no_figure(stage):
    stage.start("ab")
    stage.end("failed")
    assert list(stage.folder.iterdir()) == []


@pytest.mark.parametrize(("measure", "epoch"), [("accuracy", 1), ("macro_recall", 2), ("loss", 1)])
def test_the_best_epoch_is_the_earliest_of_equals(measure, epoch):
    assert best_epoch(EPOCHS, measure) == epoch


def test_without_validation_no_epoch_is_the_best():
    assert best_epoch([{"epoch": 0.0, "train_loss": 1.0}], "accuracy") is None


def test_epochs_that_a_resumed_run_does_again_are_not_in_its_past(stage):
    stage.start("ab", first_epoch=2, history=EPOCHS)
    assert [epoch["epoch"] for epoch in past_epochs(stage.run)] == [0, 1]
