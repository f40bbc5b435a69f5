"""Rows of predictions where images may be unknown: the name says so, and the likeliest class is told all the same."""

import csv
import io
import json

import numpy as np
import pytest

from artkit.cli.prediction_rows import CsvRows, JsonLines
from artkit.cli.prediction_sheets import Sheets
from artkit.engine.answering import Answered
from artkit.engine.naming import name_answers
from artkit.engine.predicting import Answers, Predictor
from artkit.engine.trained import find_weights, load_trained


class Second:
    """Calls the second image unknown."""

    threshold = 0.5

    def scores(self, answers):
        return np.array([0.25, 0.75])


@pytest.fixture(scope="module")
def predictor(two_target_run):
    return Predictor(load_trained(find_weights(two_target_run)), unknown=Second())


@pytest.fixture(scope="module")
def answered(predictor):
    logits = np.log([[0.6, 0.3, 0.1, 0.9, 0.1], [0.2, 0.1, 0.7, 0.4, 0.6]])
    named = name_answers(predictor, Answers(logits_BK=logits, features_BD=None), 2)
    tile = np.zeros((128, 128, 3), dtype=np.uint8)
    return [Answered(f"{number}.png", answer, tile) for number, answer in enumerate(named)]


def test_csv_has_the_likeliest_class_and_a_score_beside_the_name(predictor, answered):
    stream = io.StringIO()
    rows = CsvRows(stream, predictor, 2)
    for one in answered:
        rows.write(one)
    known, unknown = csv.DictReader(io.StringIO(stream.getvalue()))
    assert known == {
        "file": "0.png",
        "predicted": "A",
        "best": "A",
        "p": "0.6",
        "second": "B",
        "p_second": "0.3",
        "style_predicted": "flat",
        "style_p": "0.9",
        "style_second": "line",
        "style_p_second": "0.1",
        "unknown_score": "0.25",
        "is_unknown": "False",
    }
    assert list(known)[-2:] == ["unknown_score", "is_unknown"]
    assert (unknown["predicted"], unknown["best"], unknown["p"]) == ("unknown", "C", "0.7")
    assert (unknown["style_predicted"], unknown["unknown_score"], unknown["is_unknown"]) == ("line", "0.75", "True")


def test_json_says_the_same(answered):
    stream = io.StringIO()
    lines = JsonLines(stream)
    for one in answered:
        lines.write(one)
    _, unknown = map(json.loads, stream.getvalue().splitlines())
    assert unknown == {
        "file": "1.png",
        "predicted": "unknown",
        "p": 0.7,
        "top": [{"name": "C", "p": 0.7}, {"name": "A", "p": 0.2}],
        "unknown_score": 0.75,
        "is_unknown": True,
        "others": {
            "style": {"predicted": "line", "p": 0.6, "top": [{"name": "line", "p": 0.6}, {"name": "flat", "p": 0.4}]}
        },
    }


def test_an_unknown_image_stands_out_on_a_sheet(answered, tmp_path):
    from PIL import Image

    for number, one in enumerate(answered):
        sheets = Sheets(tmp_path / f"{number}.png", "title")
        sheets.add(one)
        assert sheets.close() == f"{tmp_path / f'{number}.png'} shows the images"
    known, unknown = (np.array(Image.open(tmp_path / f"{number}.png")).astype(int) for number in (0, 1))
    redness = [int((picture[..., 0] - picture[..., 1]).max()) for picture in (known, unknown)]
    assert redness[0] < 20
    assert redness[1] > 100
