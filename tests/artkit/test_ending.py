"""How commands that train end, for scripts."""

import json
from pathlib import Path

import pytest
import typer

from artkit.cli.ending import end_run
from artkit.engine.job import Outcome


def test_the_result_as_json_has_the_figures_of_each_target(capsys):
    style = {"images": 3, "metrics": {"accuracy": 0.25}}
    tested = {"split": "test", "images": 4, "metrics": {"accuracy": 0.5}, "others": {"style": style}}
    end_run(Outcome(folder=Path("run"), status="ok", tested=tested), as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "run": "run",
        "status": "ok",
        "split": "test",
        "metrics": {"accuracy": 0.5},
        "others": {"style": {"accuracy": 0.25}},
    }


def test_an_interrupted_run_ends_as_shells_have_it(capsys):
    with pytest.raises(typer.Exit, match="130"):
        end_run(Outcome(folder=Path("run"), status="interrupted", tested={}), as_json=True)
    assert json.loads(capsys.readouterr().out)["metrics"] == {}
