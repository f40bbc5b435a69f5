"""calibration.png: probabilities against the truth, before and after the temperature, and strangers."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artkit_plugins.reporters import calibration
from artkit_plugins.reporters.calibration_figure import draw_calibration

NAMES = ["a", "b"]
STRANGERS = np.linspace(0.2, 0.6, 5)


@pytest.fixture
def stage(reporter_stage):
    reporter_stage.add(calibration(reporter_stage.context))
    return reporter_stage


def panels(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def panel(figure, start):
    (found,) = [axes for title, axes in panels(figure).items() if title.startswith(start)]
    return found


def said(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_each_bar_is_the_share_of_right_answers_with_their_number(predictions_from):
    # Ten images; the probability of the predicted class is 0.9 to 0.6, in even steps.
    figure = draw_calibration(predictions_from([[6, 0], [4, 0]], NAMES), bins=10)
    axes = panel(figure, "As the model says: error ")
    bars = {round(bar.get_x() + bar.get_width() / 2, 2): bar.get_height() for bar in axes.patches}
    counts = [int(text.get_text()) for text in axes.texts]
    assert sum(counts) == 10
    assert sum(height * count for height, count in zip(bars.values(), counts, strict=True)) == pytest.approx(6)
    assert set(bars) <= {0.65, 0.75, 0.85, 0.95}


def test_a_temperature_is_drawn_beside_what_the_model_says(predictions_from):
    figure = draw_calibration(predictions_from([[6, 0], [4, 0]], NAMES, temperature=1.5), bins=10)
    titles = list(panels(figure))
    assert [title.partition(":")[0] for title in titles] == ["As the model says", "With temperature 1.50"]


def test_without_a_temperature_there_is_the_accuracy_of_the_least_strange(predictions_from):
    scores = np.array([0.4, 0.1, 0.3, 0.2])
    predictions = predictions_from([[2, 1], [1, 0]], NAMES, unknown_score="energy", unknown_scores=scores)
    axes = panels(draw_calibration(predictions, bins=10))["Right answers among the least strange (energy)"]
    (line,) = axes.lines
    assert line.get_xdata().tolist() == [0.25, 0.5, 0.75, 1.0]
    # Rows are two right ones and then two wrong ones; row 1 is the least strange, then 3, 2 and 0.
    assert line.get_ydata().tolist() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 2])


def test_strangers_have_a_histogram_with_the_threshold_and_a_curve(predictions_from):
    predictions = predictions_from(
        [[2, 1], [1, 0]],
        NAMES,
        unknown_score="energy",
        unknown_scores=np.array([0.1, 0.2, 0.3, 0.4]),
        unknown_threshold=0.35,
        stranger_scores=STRANGERS,
    )
    figure = draw_calibration(predictions, bins=10)
    labels = said(panels(figure)["How strange images are (energy)"])
    assert {"4 known images", "5 images of unknown classes"} <= set(labels)
    assert "threshold: 60.0 % of these are called unknown,\nand 25.0 % of the known" in labels
    wins = np.mean([(s > k) + 0.5 * (s == k) for s in STRANGERS for k in predictions.unknown_scores])
    assert f"Taken for known: AUROC {wins:.3f}" in panels(figure)


def test_a_threshold_that_nobody_fitted_is_not_drawn(predictions_from):
    figure = draw_calibration(predictions_from([[2, 1], [1, 0]], NAMES, stranger_scores=STRANGERS), bins=10)
    assert len(said(panels(figure)["How strange images are (msp)"])) == 2


@pytest.mark.parametrize("confusion", [[[1, 0], [0, 0]], [[3, 0], [0, 0]]], ids=["one image", "one class"])
def test_few_images_are_drawn(predictions_from, confusion):
    strangers = np.array([0.5])
    draw_calibration(predictions_from(confusion, NAMES, temperature=2.0, stranger_scores=strangers), bins=15)


def test_the_picture_and_the_table_of_strangers_are_published(stage, predictions_from):
    stage.start(NAMES)
    (stage.folder / "unknown.csv").write_text("key\n")
    stage.send("artkit_predictions", predictions=predictions_from([[2, 1], [1, 3]], NAMES, stranger_scores=STRANGERS))
    stage.end()
    assert stage.published == [
        ("calibration.png", "How far probabilities can be believed", "figure"),
        ("unknown.csv", "What was said of unknown classes", "table"),
    ]
    with Image.open(stage.folder / "calibration.png") as picture:
        assert picture.width > 1000


def test_each_target_has_a_picture_of_its_own(stage, predictions_from):
    stage.start(NAMES)
    predictions = predictions_from([[2, 1], [1, 3]], NAMES, folder=Path("style"), target="style")
    stage.send("artkit_predictions", predictions=predictions)
    assert stage.published == [("style/calibration.png", "How far probabilities can be believed: style", "figure")]
