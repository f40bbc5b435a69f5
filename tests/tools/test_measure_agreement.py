"""evaluate, predict, exported models and the endpoint give the same probabilities of the same images, to 1e-4."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from artkit.cli import app

pytest.importorskip("starlette", reason="needs the extra serve")
pytest.importorskip("onnxruntime", reason="needs the extra export")

TOOLS = Path(__file__).parents[2] / "tools"
WAYS = {"predict --json", "predict", "ONNX", "serve"}


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    import measure_agreement

    return measure_agreement


def told(found):
    return ", ".join(f"{way} {value:.1e}" for way, value in found.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["as in the run", "tau 0.7 without mirror images", "calibrated"])
def test_all_ways_to_use_a_run_agree(tool, uneven_run, tmp_path, name):
    (asked,) = (case for case in tool.CASES if case.name == name)
    found = tool.differences(uneven_run, tmp_path, asked)
    assert found.keys() == WAYS
    assert max(found.values()) < tool.MOST, told(found)


@pytest.mark.slow
def test_they_agree_on_several_targets_and_after_training_in_bf16(tool, two_target_shards, tmp_path):
    settings = ("data.image_size=32", "data.threads=1", "train.precision=bf16", "train.device=cpu", "model.width=8")
    arguments = ["run", "--data", str(two_target_shards), "--target", "artist", "--target", "style", "--epochs", "1"]
    arguments += ["--batch-size", "4", "--model", "small-resnet", "--reporter", "none", "--reporter", "metrics"]
    arguments += [word for setting in settings for word in ("--set", setting)]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert 'precision = "bf16"' in (tmp_path / "run" / "recipe.toml").read_text()
    found = tool.differences(tmp_path / "run", tmp_path / "asked", tool.CASES[0])
    assert max(found.values()) < tool.MOST, told(found)


def test_a_way_that_says_something_else_or_nothing_is_noticed(tool):
    expected = {("1.png", "artist", "A"): 0.25, ("1.png", "artist", "B"): 0.75}
    assert tool._largest_difference(expected, {**expected, ("1.png", "artist", "B"): 0.5}) == 0.25
    assert tool._largest_difference(expected, {("1.png", "artist", "A"): 0.25}) == float("inf")


def test_a_run_without_a_temperature_is_not_asked_for_it(tool, uneven_run, tmp_path):
    assert tool.cases_for(uneven_run) == list(tool.CASES)
    assert [case.name for case in tool.cases_for(tmp_path)] == [case.name for case in tool.CASES[:4]]


def test_cases_are_said_on_the_command_line(tool):
    assert [case.options for case in tool.CASES] == [
        [],
        ["--no-tta"],
        ["--tau", "0.7"],
        ["--tau", "0.7", "--no-tta"],
        ["--calibrated"],
    ]
