"""A run folder has one process at a time; whoever comes second is told who is first."""

import json
import os
import socket

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.folder import RunFolder
from artkit.engine.occupation import LOCK, occupant, occupy
from artkit.errors import RunError
from artkit_shards.format.locks import hold_lock

LIGHT = [f"--reporter={name}" for name in ("none", "metrics", "predictions")]
ME = f"process {os.getpid()} on {socket.gethostname()}"


@pytest.fixture(scope="module")
def cut_off_run(shape_shards, tmp_path_factory):
    """The folder of a run that looks as if it had been killed."""
    folder = tmp_path_factory.mktemp("occupied") / "run"
    small = ["--epochs", "1", "--image-size", "16", "--set", "model.width=4", *LIGHT]
    result = CliRunner().invoke(app, ["run", "--data", str(shape_shards), "--out", str(folder), *small])
    assert result.exit_code == 0, result.output
    facts = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**facts, "status": "running"}))
    return folder


def test_a_run_leaves_no_lock(cut_off_run):
    assert not (cut_off_run / LOCK).exists()


def test_a_run_that_is_still_running_cannot_be_resumed(cut_off_run):
    before = {path: path.read_bytes() for path in cut_off_run.rglob("*") if path.is_file()}
    with occupy(RunFolder(cut_off_run), pytest.fail):
        result = CliRunner().invoke(app, ["run", "--resume", str(cut_off_run)])
    assert isinstance(result.exception, RunError)
    assert f"{cut_off_run} is being carried out by {ME}; wait until that ends" in str(result.exception)
    assert before == {path: path.read_bytes() for path in before}


def test_a_folder_that_cannot_be_written_to_is_said_to_be_so(cut_off_run):
    (cut_off_run / LOCK).mkdir()
    try:
        result = CliRunner().invoke(app, ["run", "--resume", str(cut_off_run)])
    finally:
        (cut_off_run / LOCK).rmdir()
    assert isinstance(result.exception, RunError)
    assert f"{cut_off_run} cannot be written to (Is a directory); allow it" in str(result.exception)


def test_evaluate_says_whether_better_weights_may_follow(cut_off_run):
    with occupy(RunFolder(cut_off_run), pytest.fail):
        running = CliRunner().invoke(app, ["evaluate", str(cut_off_run)])
    cut_off = CliRunner().invoke(app, ["evaluate", str(cut_off_run)])
    assert running.exit_code == cut_off.exit_code == 0
    assert f"note: the run is still being carried out by {ME}: these are its best weights so far" in running.output
    assert "note: the run was cut off before its end: these are its best weights so far" in cut_off.output
    assert f"go on with it: `artkit run --resume {cut_off_run}`" in cut_off.output


@pytest.mark.parametrize("note", [b"", b"[]", b"{", b"{}"])
def test_a_holder_that_says_nothing_is_another_process(tmp_path, note):
    with hold_lock(tmp_path / LOCK, note):
        assert occupant(RunFolder(tmp_path)) == "another process"


def test_a_sweep_leaves_a_run_alone_that_another_one_has_just_begun(shape_shards, tmp_path):
    folder = tmp_path / "sweep" / "train.seed=0"
    (folder / "last").mkdir(parents=True)
    with occupy(RunFolder(folder), pytest.fail):
        command = ["sweep", "--seeds", "1", "--data", str(shape_shards), "--out", str(tmp_path / "sweep")]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 1
        assert f"train.seed=0 failed: {folder} is being carried out by {ME}" in result.output
        assert (folder / LOCK).exists()
