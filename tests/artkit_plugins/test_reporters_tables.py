"""The tables that reporters write: metrics, predictions, confused pairs, highest losses."""

import csv
import json
import math

import numpy as np
import pytest

from artkit_plugins.reporters import confused_pairs, metrics, predictions, top_losses


def read_table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def stage(reporter_stage):
    reporter_stage.add(metrics(reporter_stage.context))
    return reporter_stage


def log(stage, step, loss, epoch=0, split="train"):
    stage.send("artkit_log", step=step, epoch=epoch, split=split, values={"loss": loss, "learning_rate": 0.1 / 3})


def test_an_epoch_is_a_row_with_every_digit(stage):
    stage.start("ab")
    values = [stage.epoch(0), stage.epoch(1)]
    stage.end()
    rows = read_table(stage.folder / "metrics.csv")
    assert [{name: float(text) for name, text in row.items()} for row in rows] == values
    assert [row["epoch"] for row in rows] == ["0", "1"]


def test_metrics_grow_a_column_when_a_value_first_appears(stage):
    stage.start("ab")
    stage.epoch(0)
    stage.epoch(1, best_loss=1.0)
    stage.end()
    assert [row["best_loss"] for row in read_table(stage.folder / "metrics.csv")] == ["", "1.0"]


def test_a_resumed_run_has_each_epoch_once_and_one_header(stage):
    stage.start("ab")
    history = [stage.epoch(0), stage.epoch(1), stage.epoch(2)]
    stage.end("interrupted")
    stage.start("ab", first_epoch=2, first_step=20, history=history)
    assert [row["epoch"] for row in read_table(stage.folder / "metrics.csv")] == ["0", "1"]
    stage.epoch(2, train_loss=0.25)
    stage.end()
    rows = read_table(stage.folder / "metrics.csv")
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert rows[2]["train_loss"] == "0.25"


def test_steps_are_on_disk_before_the_run_ends_and_keep_every_bit(stage):
    stage.start("ab")
    losses = [math.pi, 1 / 3, 5e-324, 0.1 + 0.2]
    for step, loss in enumerate(losses):
        log(stage, step, loss)
    rows = read_table(stage.folder / "steps.csv")
    stage.end()
    assert [float(row["loss"]) for row in rows] == losses
    assert [row["step"] for row in rows] == ["0", "1", "2", "3"]
    assert {float(row["learning_rate"]) for row in rows} == {0.1 / 3}


def test_only_training_steps_are_rows(stage):
    stage.start("ab")
    log(stage, 0, 1.0)
    log(stage, 0, 2.0, split="val")
    stage.end()
    assert [row["loss"] for row in read_table(stage.folder / "steps.csv")] == ["1.0"]


def test_a_resumed_run_drops_later_steps_and_a_torn_line(stage):
    stage.start("ab")
    for step in range(5):
        log(stage, step, float(step))
    stage.end("interrupted")
    path = stage.folder / "steps.csv"
    path.write_text(path.read_text() + "2,0,9.5,0.")  # a killed run may leave half a line, here one that looks early
    stage.start("ab", first_step=3)
    for step in range(3, 6):
        log(stage, step, 10.0 + step)
    stage.end()
    losses = [(row["step"], row["loss"]) for row in read_table(path)]
    assert losses == [("0", "0.0"), ("1", "1.0"), ("2", "2.0"), ("3", "13.0"), ("4", "14.0"), ("5", "15.0")]


def test_a_new_run_in_an_old_folder_starts_its_steps_anew(stage):
    stage.start("ab")
    log(stage, 0, 1.0)
    stage.end()
    stage.start("ab")
    log(stage, 0, 2.0)
    stage.end()
    assert [row["loss"] for row in read_table(stage.folder / "steps.csv")] == ["2.0"]


def test_a_resumed_run_that_had_no_table_of_steps_starts_one(stage):
    stage.start("ab", first_step=7)
    log(stage, 7, 1.0)
    stage.end()
    assert [row["step"] for row in read_table(stage.folder / "steps.csv")] == ["7"]


def test_a_run_that_fails_at_once_leaves_no_epochs(stage):
    stage.start("ab")
    stage.end("failed")
    assert not (stage.folder / "metrics.csv").exists()
    assert (stage.folder / "steps.csv").read_text() == "step,epoch,loss,learning_rate\n"


def test_per_class_table_has_support_interval_and_training_images(stage, predictions_from):
    stage.start(["Delacroix, Eugène", "Rubens", "unseen"])
    result = predictions_from([[2, 2, 0], [0, 3, 0], [0, 0, 0]], ["Delacroix, Eugène", "Rubens", "unseen"])
    stage.send("artkit_predictions", predictions=result)
    stage.end()
    delacroix, rubens, unseen = read_table(stage.folder / "per_class.csv")
    assert (delacroix["class"], delacroix["support"], delacroix["train_count"]) == ("Delacroix, Eugène", "4", "10")
    assert (float(delacroix["recall"]), float(delacroix["precision"])) == (0.5, 1.0)
    assert float(delacroix["recall_low"]) == pytest.approx(0.15, abs=1e-4)
    assert float(delacroix["recall_high"]) == pytest.approx(0.85, abs=1e-4)
    assert (float(rubens["precision"]), float(rubens["f1"])) == (0.6, 0.75)
    assert (unseen["support"], unseen["recall"], unseen["recall_high"]) == ("0", "0.0", "1.0")


def test_test_metrics_say_what_they_are_of(stage, predictions_from):
    stage.start("ab")
    result = predictions_from([[2, 2], [0, 3]], metrics={"accuracy": 5 / 7, "loss": math.nan})
    stage.send("artkit_predictions", predictions=result)
    stage.end()
    values = json.loads((stage.folder / "test_metrics.json").read_text())
    assert (values["split"], values["images"], values["classes"]) == ("test", 7, 2)
    assert (values["accuracy"], values["loss"], values["guessing_macro_recall"]) == (5 / 7, None, 0.5)
    assert values["accuracy_low"] < 5 / 7 < values["accuracy_high"]


def test_metrics_of_a_run_without_test_images_are_not_called_test(stage, predictions_from):
    stage.start("ab")
    stage.send("artkit_predictions", predictions=predictions_from([[1, 0], [0, 1]], split="val"))
    stage.end()
    assert (stage.folder / "val_metrics.json").exists()
    assert not (stage.folder / "test_metrics.json").exists()


def test_people_are_told_of_every_table(stage, predictions_from):
    stage.start("ab")
    stage.epoch(0)
    stage.send("artkit_predictions", predictions=predictions_from([[1, 0], [0, 1]]))
    stage.end()
    told = [path for path, _, kind in stage.published if kind in ("table", "file")]
    assert sorted(told) == ["metrics.csv", "per_class.csv", "steps.csv", "test_metrics.json"]


def test_predictions_say_of_each_image_what_it_is_and_how_sure_the_model_was(reporter_stage, predictions_from):
    reporter_stage.add(predictions(reporter_stage.context))
    names = ["=1+1", "Klee, Paul"]
    reporter_stage.start(names)
    reporter_stage.send("artkit_predictions", predictions=predictions_from([[1, 1], [0, 1]], names))
    rows = read_table(reporter_stage.folder / "predictions.csv")
    assert [(row["true"], row["predicted"]) for row in rows] == [
        ("=1+1", "=1+1"),
        ("=1+1", "Klee, Paul"),
        ("Klee, Paul", "Klee, Paul"),
    ]
    wrong = rows[1]
    assert (wrong["key"], wrong["file"], wrong["split"]) == ("000000001", "=1+1/001.jpg", "test")
    assert (float(wrong["p_true"]), float(wrong["p_predicted"])) == pytest.approx((0.25, 0.75))
    assert (float(wrong["margin"]), float(wrong["unknown_score"])) == pytest.approx((0.5, 0.25))
    assert float(wrong["loss"]) == pytest.approx(-math.log(0.25), rel=1e-5)
    assert float(wrong["entropy"]) == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75), rel=1e-5)
    assert reporter_stage.published == [("predictions.csv", "What was said of every image", "table")]


def test_the_unknown_score_is_the_one_that_the_run_chose(reporter_stage, predictions_from):
    reporter_stage.add(predictions(reporter_stage.context))
    reporter_stage.start("ab")
    said = predictions_from(
        [[1, 1], [0, 1]], unknown_score="energy", unknown_scores=np.array([-7.5, -0.25, -1234567.0])
    )
    reporter_stage.send("artkit_predictions", predictions=said)
    scores = [row["unknown_score"] for row in read_table(reporter_stage.folder / "predictions.csv")]
    assert scores == ["-7.5", "-0.25", "-1.23457e+06"]


def test_confused_pairs_say_of_how_many_and_how_much_there_was_to_learn_from(reporter_stage, predictions_from):
    reporter_stage.add(confused_pairs(reporter_stage.context, pairs=0))
    names = ["Eugène Delacroix", "Rubens, Peter Paul", "unseen", "Klee"]
    confusion = [[5, 3, 0, 0], [0, 8, 1, 0], [0, 0, 0, 0], [2, 0, 0, 2]]
    reporter_stage.send("artkit_predictions", predictions=predictions_from(confusion, names))
    rows = read_table(reporter_stage.folder / "confused_pairs.csv")
    assert list(rows[0]) == ["true", "predicted", "n", "of", "share", "train_true", "train_predicted"]
    assert [list(row.values()) for row in rows] == [
        [names[0], names[1], "3", "8", "0.375", "10", "20"],
        [names[3], names[0], "2", "4", "0.5", "40", "10"],
        [names[1], names[2], "1", "9", "0.111111", "20", "30"],
    ]
    assert reporter_stage.published == [("confused_pairs.csv", "Confused pairs", "table")]


def test_the_highest_losses_come_first_with_both_probabilities(reporter_stage, predictions_from):
    reporter_stage.add(top_losses(reporter_stage.context, tile=32, rows=2))
    names = ["=1+1", "Klee, Paul"]
    reporter_stage.send("artkit_predictions", predictions=predictions_from([[2, 1], [1, 0]], names))
    rows = read_table(reporter_stage.folder / "top_losses.csv")
    assert list(rows[0]) == ["file", "true", "predicted", "p_true", "p_predicted", "loss"]
    assert [(row["file"], row["true"], row["predicted"]) for row in rows] == [
        ("=1+1/002.jpg", "=1+1", "Klee, Paul"),
        ("Klee, Paul/003.jpg", "Klee, Paul", "=1+1"),
    ]
    assert (float(rows[0]["p_true"]), float(rows[0]["p_predicted"])) == pytest.approx((0.3, 0.7))
    assert float(rows[0]["loss"]) == pytest.approx(-math.log(0.3), rel=1e-5)
    assert [kind for *_, kind in reporter_stage.published] == ["table", "mosaic"]
