"""answers.safetensors: what a model said, kept so that reports are drawn again with the same figures."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from artkit.contracts import Predictions
from artkit.engine.answers import ANSWERS, read_answers, rounded_logs, write_answers
from artkit.engine.copies import copies_in_training
from artkit.engine.evaluation import compute_metrics
from artkit.errors import RunError
from artkit_shards import ClassFolders, Settings, convert, open_dataset


@pytest.fixture(scope="module")
def dataset(shape_shards):
    return open_dataset(shape_shards)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def stored(predictions, dataset, folder):
    write_answers(folder, predictions, dataset)
    return read_answers(folder / predictions.folder / ANSWERS)


def test_what_is_read_is_what_was_written(predictions_from, dataset, tmp_path):
    names = ["é, \n", "<b>", '"']
    changes = {"intervals": {"accuracy": (0.1, 0.9)}, "copies": [(1, "train/ü.png", "é, \n")], "folder": Path("style")}
    predictions = predictions_from([[2, 2, 0], [1, 6, 0], [0, 0, 1]], names, **changes)
    answers = stored(predictions, dataset, tmp_path)
    assert (answers.split, answers.fingerprint, answers.data_path) == ("test", dataset.fingerprint, str(dataset.path))
    again = answers.predictions(predictions.image)
    assert again.has_images
    for field in fields(Predictions):
        if field.name not in ("labels", "probabilities", "unknown_scores", "copies", "intervals"):
            assert getattr(again, field.name) == getattr(predictions, field.name), field.name
    np.testing.assert_array_equal(again.unknown_scores, predictions.unknown_scores)
    assert [tuple(copy) for copy in again.copies] == changes["copies"]
    assert {name: tuple(ends) for name, ends in again.intervals.items()} == changes["intervals"]
    assert again.labels.dtype == predictions.labels.dtype
    assert (again.labels == predictions.labels).all()
    assert not again.probabilities.flags.writeable
    np.testing.assert_allclose(again.probabilities, predictions.probabilities, rtol=1e-6)


def test_metrics_of_what_is_read_are_those_of_the_run_to_the_printed_digits(predictions_from, dataset, tmp_path):
    generator = np.random.default_rng(0)
    base = predictions_from(np.full((20, 20), 5))
    probabilities = softmax(generator.normal(size=(2000, 20)) * 6)
    predictions = replace(base, probabilities=probabilities)
    again = stored(predictions, dataset, tmp_path).predictions(None)
    before, after = (compute_metrics(base.labels, each.probabilities) for each in (predictions, again))
    for name in ("accuracy", "macro_recall", "macro_f1"):
        assert after[name] == before[name]
    assert f"{after['loss']:.6f}" == f"{before['loss']:.6f}"


def test_rounding_changes_no_answer_however_close_the_second_one_is():
    logits = np.random.default_rng(0).normal(size=(5000, 8))
    best = logits.max(axis=1)
    rows = np.arange(len(logits))
    # Another class, before or behind the best one, is less likely by nothing that float32 can tell.
    logits[rows, rows % 8] = np.nextafter(best, -np.inf)
    probabilities = softmax(logits)
    logs = rounded_logs(probabilities)
    assert (logs.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    plain = np.log(probabilities).astype(np.float32)
    assert (plain.argmax(axis=1) != probabilities.argmax(axis=1)).any()
    np.testing.assert_allclose(logs, plain, rtol=1e-6)


def test_a_probability_of_nothing_stays_a_number(predictions_from, dataset, tmp_path):
    base = predictions_from([[1, 0], [0, 1]])
    again = stored(replace(base, probabilities=np.eye(2)), dataset, tmp_path).predictions(None)
    np.testing.assert_array_equal(again.probabilities.round(300), np.eye(2))


def test_without_images_pictures_are_gray_and_said_to_be_missing(predictions_from, dataset, tmp_path):
    again = stored(predictions_from([[1, 0], [0, 1]]), dataset, tmp_path).predictions(None)
    assert not again.has_images
    assert again.image(0, 8).shape == (8, 8, 3)


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_file_is_told_with_the_way_out(tmp_path, content):
    (tmp_path / ANSWERS).write_bytes(content)
    with pytest.raises(RunError, match=r"answers.safetensors is damaged .*artkit evaluate RUN --out FOLDER"):
        read_answers(tmp_path / ANSWERS)


def test_images_that_training_has_too_are_found_by_their_bytes(tmp_path):
    from PIL import Image

    for number, split in enumerate(["train", "train", "test", "test"]):
        for name in ("a", "b"):
            path = tmp_path / "images" / split / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            shade = 100 if (number, name) == (2, "a") else 10 * number + 100 * (name == "b")
            Image.new("RGB", (9, 9), (shade, 50, 60)).save(path)
    # test/a/2.png is train/b/0.png with another class.
    convert(ClassFolders(tmp_path / "images"), tmp_path / "shards", Settings(duplicates="keep"), workers=1)
    dataset = open_dataset(tmp_path / "shards")
    split = dataset.split("test")
    found = copies_in_training(split, dataset, next(iter(dataset.targets)))
    files = {split.files[list(split.keys).index(key)]: copy for key, copy in found.items()}
    assert files == {"test/a/2.png": ("train/b/0.png", "b")}
    assert copies_in_training(dataset.split("train"), dataset, next(iter(dataset.targets))) == {}
