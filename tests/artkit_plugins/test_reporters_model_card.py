"""The model card: its sections, its figures, and names that Markdown would misread."""

import json
from pathlib import Path

import numpy as np
import pytest

from artkit.testing import FakeRun
from artkit_plugins.reporters import model_card
from artkit_plugins.reporters.card_text import plain

SECTIONS = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Training data",
    "Evaluation data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]
NAMES = ["Monet", "AC|DC", "unseen"]
CONFUSION = [[30, 10, 0], [1, 1, 0], [0, 0, 0]]


@pytest.fixture
def stage(reporter_stage):
    reporter_stage.add(model_card(reporter_stage.context))
    return reporter_stage


def card(stage):
    return (stage.folder / "model_card.md").read_text(encoding="utf-8")


def written(stage, predictions_from, *, recipe=None, **changes):
    """The card of a run of two epochs with these predictions."""
    stage.start(NAMES, **({"recipe": recipe} if recipe else {}))
    stage.epoch(0)
    stage.epoch(1)
    stage.send("artkit_predictions", predictions=predictions_from(CONFUSION, NAMES, **changes))
    return card(stage)


def test_it_has_the_sections_of_a_model_card(stage, predictions_from):
    text = written(stage, predictions_from)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == SECTIONS
    assert stage.published == [("model_card.md", "Model card", "file")]


def test_figures_have_their_interval_and_classes_their_support(stage, predictions_from):
    text = written(stage, predictions_from)
    assert "| accuracy | 73.8 % | 58.9 to 84.7 % |" in text
    assert "| macro recall | 40.0 % |  |" in text
    assert "| AC\\|DC | 50.0 % | 9.5 to 90.5 % | 2 | 20 |" in text
    assert "| Monet | AC\\|DC | 10 of 40 | 25.0 % |" in text
    assert "42 images of the split `test`, of 2 of the 3 classes" in text


def test_figures_have_the_intervals_that_the_run_computed(stage, predictions_from):
    intervals = {"accuracy": (0.1, 0.2), "macro_recall": (0.31, 0.52), "loss": (1.1, 1.4)}
    text = written(stage, predictions_from, intervals=intervals)
    assert "| macro recall | 40.0 % | 31.0 to 52.0 % |" in text
    assert "| macro F1 | 30.0 % |  |" in text
    assert "| loss | 1.2500 | 1.1000 to 1.4000 |" in text


def test_what_becomes_of_unknown_classes_is_told(stage, predictions_from):
    strangers = np.array([0.2, 0.4, 0.6, 0.7])
    text = written(stage, predictions_from, unknown_threshold=0.5, stranger_scores=strangers)
    assert "Of 4 images of classes that were held out of training, 50.0 % are called unknown" in text
    assert "than most of validation is called unknown" in text
    assert "Every answer is one of the classes" not in text


def test_without_a_threshold_every_image_is_named_a_class(stage, predictions_from):
    text = written(stage, predictions_from)
    assert "Every answer is one of the classes that were learnt" in text
    assert "called unknown" not in text


def test_limits_are_told(stage, predictions_from):
    text = written(stage, predictions_from)
    assert "1 class with fewer than 20 test images" in text
    assert "1 class without a test image" in text
    assert "Probabilities were not calibrated" in text
    assert "*To be filled in by whoever publishes the model.*" in text


def test_what_made_the_model_is_told(stage, predictions_from):
    made = {"started": "2026-01-31T10:00:00+00:00", "versions": {"torch": "2.5"}, "data": {"fingerprint": "abc"}}
    stage.folder.joinpath("run.json").write_text(json.dumps(made))
    text = written(stage, predictions_from)
    assert "- Model: vit, 1,234,567 trainable parameters." in text
    assert "- Trained: 2026-01-31, 2 epochs of 3." in text
    assert "- Weights: `best_accuracy.safetensors`, those of epoch 2, the best in validation by accuracy." in text
    assert "- Made with torch 2.5." in text
    assert "`abc`" in text
    assert "| loss | artkit-focal/focal@2 (artkit-focal 0.3.1) |" in text


def test_a_calibration_that_the_run_left_is_told(stage, predictions_from):
    found = {"artist": {"temperature": 1.5, "ece": {"before": 0.12, "after": 0.034}}}
    stage.folder.joinpath("calibration.json").write_text(json.dumps({"targets": found}))
    text = written(stage, predictions_from)
    assert "miss the share of right answers by 12.0 % on average" in text
    assert "by 3.4 % with logits divided by the temperature 1.5." in text
    assert "Probabilities were not calibrated" not in text


def test_copies_in_the_data_set_are_told(stage, predictions_from, shape_shards):
    text = written(stage, predictions_from, recipe={"data": {"path": str(shape_shards), "image_size": 16}})
    assert "- Copies: no two images have the same bytes." in text
    assert "for images of 16 x 16 pixels" in text


@pytest.mark.parametrize("path", ["", "gone/away", "https://127.0.0.1:1/nothing"])
def test_a_data_set_that_is_not_here_is_no_trouble(stage, predictions_from, path):
    text = written(stage, predictions_from, recipe={"data": {"path": path}})
    assert "- Copies: not looked for when this card was written" in text


def test_figures_of_validation_say_that_they_chose_the_weights(stage, predictions_from):
    assert "There was no test split" in written(stage, predictions_from, split="val")


def test_each_target_has_its_results(tmp_path: Path):
    run = FakeRun(tmp_path, targets=("artist", "style"))
    run.replay(model_card(run.context))
    text = (tmp_path / "model_card.md").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("### ")] == ["### artist", "### style"]
    assert "4 classes of artist, 4 classes of style" in text


def test_a_run_that_was_not_tested_has_no_card(tmp_path: Path):
    run = FakeRun(tmp_path, status="failed")
    run.replay(model_card(run.context))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a_b*c", r"a\_b\*c"),
        ("<script>", r"\<script\>"),
        ("two\nlines", "two lines"),
        ("[x](y)", r"\[x\](y)"),
        ("#1 & co", r"\#1 \& co"),
    ],
)
def test_names_mean_nothing_to_markdown(name, shown):
    assert plain(name) == shown
