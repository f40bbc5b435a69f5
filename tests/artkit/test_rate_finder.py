"""The learning-rate range test: the rate it suggests, and that it leaves a picture and nothing else."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.assembly import assemble, open_data
from artkit.engine.rate_finder import RangeTest, find_rate
from artkit.engine.trainer import StopRequested
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
    assert 1e-4 < said["learning_rate"] <= 1, "few steps cover the whole range too"
    assert [path.name for path in out.iterdir()] == ["learning-rates.png"]
    with Image.open(out / "learning-rates.png") as picture:
        assert picture.width > 600


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "1"], "only 3 steps could be taken, too few to tell a learning rate; use more --epochs"),
        (["--reporter", "curves"], "--find-lr does not go with --reporter curves: it leaves a picture, says a rate"),
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


def test_only_what_concerns_the_test_is_told(shape_shards, tmp_path):
    command = ["run", "--find-lr", "--data", str(shape_shards), "--out", str(tmp_path / "found"), *SMALL]
    command += ["--epochs", "4", "--max-minutes", "9", "--freeze", "1", "--sampler", "class-balanced"]
    result = CliRunner().invoke(app, [*command, "--set", "loss.defer=0.1"], catch_exceptions=False)
    assert "note: frozen: the first 1 of 5 stages" in result.stderr
    assert "note: loss.defer=0.1 of 4 epochs is less than one epoch, so nothing is deferred" in result.stderr
    assert "train.max_minutes" not in result.stderr


def test_few_steps_cover_the_whole_range(training_bench):
    options = ("train.epochs=4", "train.clip=0.001", "sampler.defer=0.5", "sampler.size=20")
    recipe = training_bench.recipe(*options, sampler="class-balanced")
    found = find_rate(assemble(recipe, open_data(recipe)), on_step=lambda *_: None, should_stop=lambda: False)
    assert found.rates[1] / found.rates[0] == pytest.approx(1e7 ** (1 / 13)), "three steps in two epochs, four in two"


def test_a_test_that_is_stopped_suggests_nothing(training_bench):
    recipe = training_bench.recipe("train.epochs=4")
    with pytest.raises(StopRequested):
        find_rate(assemble(recipe, open_data(recipe)), on_step=lambda *_: None, should_stop=lambda: True)


def test_a_loss_that_explodes_at_once_is_named(training_bench):
    plugin = """
        class Bursting:
            def __init__(self):
                self.calls = 0
            def __call__(self, logits, labels):
                self.calls += 1
                return logits.square().mean() + 1e4 ** self.calls

        @hookimpl
        def artkit_losses(register):
            register("bursting", lambda ctx: Bursting())
    """
    recipe = training_bench.recipe("train.epochs=4", plugin=plugin, loss="bursting")
    with pytest.raises(RunError, match=r"the loss was 1e\+08 after 2 steps with learning rates up to .*no rate can be"):
        find_rate(assemble(recipe, open_data(recipe)), on_step=lambda *_: None, should_stop=lambda: False)


def test_a_file_is_no_folder_for_the_picture(shape_shards, tmp_path):
    (tmp_path / "file").write_text("mine")
    command = ["run", "--find-lr", "--data", str(shape_shards), "--out", str(tmp_path / "file"), *SMALL]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, RunError), result.output
    assert str(result.exception).endswith("file is a file; --out takes the folder for the picture")


def test_a_picture_that_cannot_be_written_still_tells_the_rate(shape_shards, tmp_path):
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "file" / "below"
    command = ["run", "--find-lr", "--data", str(shape_shards), "--out", str(out), *SMALL, "--epochs", "4"]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, RunError), result.output
    assert "a good largest learning rate is about --set optimizer.lr=" in str(result.exception)
    assert "cannot be written (Not a directory); name another folder with --out" in str(result.exception)
