"""`artkit evaluate`: the figures of a run, digit for digit; and other data sets, by the names of their classes."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.engine.evaluating import evaluate
from artkit.engine.trained import find_weights, load_trained
from artkit.errors import ArtkitError
from artkit_shards import ClassFolders, Settings, ShardsError, convert, open_dataset

RECIPE = """
[data]
path = "{data}"
image_size = 16
threads = 1
[train]
epochs = 2
batch_size = 4
[model]
name = "small-resnet"
width = 8
[[reporter]]
name = "metrics"
[[reporter]]
name = "predictions"
"""


def artkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def figures(*arguments):
    """What `artkit evaluate --json` printed."""
    result = artkit("evaluate", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments):
    result = artkit("evaluate", *arguments)
    assert isinstance(result.exception, (ArtkitError, ShardsError)), result.output
    return str(result.exception)


def train(data, folder, *options):
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(data=data))
    result = artkit("run", recipe, "--out", folder / "run", *options)
    assert result.exit_code == 0, result.output
    return folder / "run"


@pytest.fixture(scope="module")
def run(uneven_shards, tmp_path_factory):
    """A finished run on JPEGs of odd sizes."""
    return train(uneven_shards, tmp_path_factory.mktemp("evaluated"))


def final(run):
    return json.loads((run / "run.json").read_text())["tested"]


def convert_colours(folder, classes, fractions=None):
    """A data set of 8 plain pictures a class."""
    for number, name in enumerate(classes):
        (folder / "images" / name).mkdir(parents=True)
        for index in range(8):
            Image.new("RGB", (20 + index, 20), (50 * number, 30 * index, 0)).save(
                folder / "images" / name / f"{index}.png"
            )
    fractions = fractions or {"train": 0.5, "test": 0.5}
    convert(ClassFolders(folder / "images"), folder / "shards", Settings(fractions=fractions), workers=1)
    return folder / "shards"


def test_the_figures_are_those_of_the_run_digit_for_digit(run):
    said, own = figures(run), final(run)
    assert said["metrics"] == own["metrics"]
    assert (said["split"], said["images"], said["weights"]) == (own["split"], own["images"], own["weights"])


def test_the_number_of_threads_changes_no_digit(run, uneven_shards):
    trained = load_trained(find_weights(run))
    more = replace(trained, recipe=replace(trained.recipe, data=replace(trained.recipe.data, threads=3)))
    dataset = open_dataset(uneven_shards)
    assert evaluate(more, dataset, dataset.split("test")).targets[0].predictions.metrics == final(run)["metrics"]


def test_the_table_of_predictions_is_that_of_the_run(run, tmp_path):
    said = figures(run, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "predictions.csv").read_bytes() == (run / "predictions.csv").read_bytes()
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == said


def test_nothing_is_written_unless_a_folder_is_named(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(run.rglob("*"))
    figures(run)
    assert sorted(run.rglob("*")) == before
    assert list(tmp_path.iterdir()) == []


def test_the_table_tells_values_with_supports_and_intervals(run, uneven_shards):
    output = artkit("evaluate", run).output
    counts = open_dataset(uneven_shards).split("test").class_counts
    assert f"{counts.sum()} images of 3 classes, {counts.min()} to {counts.max()} a class" in output
    top = final(run)["metrics"]["accuracy"]
    assert any(line.split()[:3] == ["top-1", f"{100 * top:.1f}", "%"] for line in output.splitlines())
    assert [line for line in output.splitlines() if line != line.rstrip()] == []
    assert "95 % interval" in output


def test_other_weights_of_the_run_can_be_judged(run):
    for value in ("accuracy", "loss"):
        assert figures(run, "--weights", value)["weights"] == f"best_{value}.safetensors"
    message = refused(run, "--weights", "macro_recall")
    assert "has no weights best_macro_recall.safetensors; it has best_accuracy.safetensors, best_loss" in message


def test_validation_and_training_images_come_with_a_warning(run):
    with (run / "metrics.csv").open() as file:
        history = list(csv.DictReader(file))
    result = artkit("evaluate", run, "--split", "val")
    assert "these images chose the weights of the run: expect less on others" in result.output
    best = max(float(row["val_accuracy"]) for row in history)
    precision = json.loads((run / "run.json").read_text())["recipe"]["train.precision"]
    assert figures(run, "--split", "val", "--precision", precision)["metrics"]["accuracy"] == best
    assert "the run was trained on these images" in artkit("evaluate", run, "--split", "train").output


def test_a_run_without_validation_has_the_weights_of_its_last_epoch(tmp_path):
    data = convert_colours(tmp_path / "data", ["blue", "red"])
    run = train(data, tmp_path)
    said = figures(run)
    assert said["weights"] == final(run)["weights"] == "last_epoch.safetensors"
    assert said["metrics"] == final(run)["metrics"]
    assert refused(run, "--weights", "loss").endswith("it has last_epoch.safetensors; leave out --weights")


def test_whatever_a_run_was_trained_in_it_is_judged_in_float32(run, tmp_path):
    said = []
    for precision in ("fp16", "bf16", "float32"):
        shutil.copytree(run, tmp_path / precision)
        path = find_weights(tmp_path / precision)
        checkpoint = load_checkpoint(path)
        checkpoint["recipe"]["train"]["precision"] = precision
        save_checkpoint(path, checkpoint)
        said.append(figures(tmp_path / precision, "--device", "cpu"))
    assert said[0]["precision"] == "float32"
    assert said[0]["metrics"] == said[1]["metrics"] == said[2]["metrics"]


def test_a_run_that_was_trained_in_bf16_tests_itself_in_float32(uneven_shards, tmp_path):
    run = train(uneven_shards, tmp_path, "--set", "train.precision=bf16", "--set", "data.image_size=32")
    assert figures(run)["metrics"] == final(run)["metrics"]
    assert figures(run, "--precision", "bf16")["metrics"]["loss"] != final(run)["metrics"]["loss"]


def test_another_precision_is_told(run):
    said, own = figures(run, "--precision", "bf16"), final(run)
    assert said["precision"] == "bf16"
    assert said["metrics"]["loss"] == pytest.approx(own["metrics"]["loss"], rel=0.05)


def test_mirror_images_can_be_left_out(run):
    both, alone = figures(run), figures(run, "--no-tta")
    assert (both["mirrored"], alone["mirrored"]) == (True, False)
    assert both["metrics"]["loss"] != alone["metrics"]["loss"]


def test_classes_of_other_data_are_matched_by_name(run, tmp_path):
    # "other" is unknown, and the others have other numbers than in training: few, many, some.
    data = convert_colours(tmp_path / "data", ["some", "other", "many"])
    said = figures(run, "--data", data, "--out", tmp_path / "out")
    assert said["left_out"] == {"other": 4}
    assert (said["images"], said["classes"]) == (8, 2)
    with (tmp_path / "out" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["true"] for row in rows} == {"some", "many"}
    assert all(row["file"].startswith(f"{row['true']}/") for row in rows)
    output = artkit("evaluate", run, "--data", data).output
    assert "4 images of a class that the model does not know left out: other" in output


def test_data_without_a_known_class_are_refused_with_the_nearest(run, tmp_path):
    data = convert_colours(tmp_path / "data", ["Manny", "zebra"])
    message = refused(run, "--data", data)
    assert "the model knows none of the classes in 'test'" in message
    assert "It knows few, many, some. Did you mean 'many'?" in message


def test_tau_takes_the_prior_out_of_the_answers(run, uneven_shards):
    trained = load_trained(find_weights(run))
    dataset = open_dataset(uneven_shards)
    test = dataset.split("test")
    plain, shifted = (evaluate(trained, dataset, test, tau=tau).targets[0].predictions for tau in (0.0, 1.0))
    counts = dataset.split("train").class_counts
    expected = plain.probabilities / counts
    assert shifted.probabilities == pytest.approx(expected / expected.sum(axis=1, keepdims=True))
    assert figures(run, "--tau", "1")["metrics"] == shifted.metrics
    assert not np.array_equal(plain.probabilities, shifted.probabilities)


def test_changed_data_are_told(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    facts = json.loads((run / "run.json").read_text())
    facts["data"]["fingerprint"] = "of other content"
    (tmp_path / "run" / "run.json").write_text(json.dumps(facts))
    assert "has other content than when the run began" in artkit("evaluate", tmp_path / "run").output
    assert "has other content" not in artkit("evaluate", run).output


def test_mistakes_are_told_before_any_work(run, tmp_path):
    assert "has no split 'tset', only train, val, test. Did you mean 'test'?" in refused(run, "--split", "tset")
    assert "is not a run folder (it has no recipe.toml)" in refused(tmp_path)
    assert "--tau nan is no finite number" in refused(run, "--tau", "nan")
    assert "predictions.csv is there already; name another --out" in refused(run, "--out", run)
    (tmp_path / "unknown.csv").write_text("of another evaluation")
    assert "unknown.csv is there already; name another --out" in refused(run, "--out", tmp_path)
    (tmp_path / "file").write_text("")
    assert "cannot be made (Not a directory)" in refused(run, "--out", tmp_path / "file" / "out")
    assert "does not exist" in refused(run, "--data", tmp_path / "nowhere")
