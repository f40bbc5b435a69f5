"""Images that the run learnt from are found in what is judged, also in other data sets, and are told and kept."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.answers import ANSWERS, read_answers
from artkit.engine.copies import find_learnt
from artkit.engine.trained import find_weights, load_trained
from artkit_shards import Record, Settings, convert, open_dataset


def artkit(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def leaking(uneven_shards, tmp_path_factory):
    """Another data set, whose test images are two that the run learnt from and two that it did not."""
    dataset = open_dataset(uneven_shards)
    train, test = dataset.split("train"), dataset.split("test")
    data = [train.read(0), train.read(30), test.read(0), test.read(1)]
    classes = ["many", "many", "many", "few"]
    records = [
        Record(one, f"{split}/{number}.jpg", {"class": name}, split)
        for number, (one, name) in enumerate(zip(data, classes, strict=True))
        for split in ("test", *(["train"] if number > 1 else []))
    ]
    folder = tmp_path_factory.mktemp("leaking") / "shards"
    convert(records, folder, Settings(duplicates="keep"), workers=1)
    return folder


def test_copies_of_what_was_learnt_are_kept_in_the_answers_and_told(uneven_run, uneven_shards, leaking, tmp_path):
    result = artkit("evaluate", uneven_run, "--data", leaking, "--out", tmp_path / "out")
    train = open_dataset(uneven_shards).split("train")
    copies = read_answers(tmp_path / "out" / ANSWERS).predictions(None).copies
    assert {file for _, file, _ in copies} == {train.files[0], train.files[30]}
    assert all(file.startswith(f"{name}/") for _, file, name in copies)
    assert "training has 2 images of these too, byte for byte: figures may be too good" in result.output


def test_the_page_of_an_evaluation_shows_them(uneven_run, leaking, tmp_path):
    artkit("evaluate", uneven_run, "--data", leaking, "--out", tmp_path / "out")
    artkit("report", uneven_run, "--answers", tmp_path / "out", "--reporter", "report")
    assert "2 images of the test split are in training too" in (tmp_path / "out" / "report.html").read_text()


def test_training_images_are_no_copies_of_themselves(uneven_run, uneven_shards, tmp_path):
    artkit("evaluate", uneven_run, "--split", "train", "--out", tmp_path / "out")
    assert read_answers(tmp_path / "out" / ANSWERS).predictions(None).copies == []


def test_what_the_run_learnt_from_is_looked_for_where_it_was(uneven_run, uneven_shards, leaking):
    recipe, own, other = (
        load_trained(find_weights(uneven_run)).recipe,
        open_dataset(uneven_shards),
        open_dataset(leaking),
    )
    assert find_learnt(uneven_run, recipe, own) is own
    assert find_learnt(uneven_run, recipe, other).fingerprint == own.fingerprint


def test_without_the_data_of_the_run_it_is_told_that_nobody_knows(uneven_run, leaking, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(uneven_run, run)
    facts = json.loads((run / "run.json").read_text())
    facts["data"]["fingerprint"] = "of other content"
    (run / "run.json").write_text(json.dumps(facts))
    result = artkit("evaluate", run, "--data", leaking, "--out", tmp_path / "out")
    assert "so it is not known which images are in training too" in result.output
    assert read_answers(tmp_path / "out" / ANSWERS).predictions(None).copies == []
