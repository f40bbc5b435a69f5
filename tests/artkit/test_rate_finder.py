"""The learning-rate range test: the rate it suggests, and that it leaves a picture and nothing else."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.rate_finder import RangeTest
from artkit.errors import RunError

SMALL = ["--image-size", "16", "--batch-size", "4", "--set", "model.width=8", "--set", "data.threads=1"]


def test_the_suggestion_is_a_tenth_of_the_rate_with_the_lowest_loss():
    assert RangeTest((1e-4, 1e-3, 3.1623e-2, 0.1), (3.0, 2.0, 1.0, 9.0)).suggestion == 3.2e-3


def test_a_range_test_leaves_a_picture_and_says_a_rate(shape_shards, tmp_path):
    out = tmp_path / "found"
    command = ["run", "--find-lr", "--data", str(shape_shards), "--out", str(out), *SMALL, "--epochs", "4", "--json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    said = json.loads(result.stdout)
    assert said["picture"] == str(out / "learning-rates.png")
    assert 1e-7 <= said["learning_rate"] <= 1
    assert [path.name for path in out.iterdir()] == ["learning-rates.png"]
    with Image.open(out / "learning-rates.png") as picture:
        assert picture.width > 600


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "1"], "only 3 steps could be taken, too few to tell a learning rate; use more --epochs"),
        (["--resume", "somewhere"], "--find-lr does not go with --resume; test the recipe of that run"),
    ],
)
def test_what_cannot_be_tested_is_refused_and_leaves_nothing(shape_shards, tmp_path, arguments, message):
    out = tmp_path / "found"
    command = ["run", "--find-lr", "--data", str(shape_shards), "--out", str(out), *SMALL, *arguments]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, (RunError, ValueError)), result.output
    assert message in str(result.exception)
    assert not out.exists()
