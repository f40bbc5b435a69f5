"""Commands whose output nobody reads to its end do their work, say nothing of that, and leave with the usual code."""

import json
import os
import subprocess
import sys

import pytest

QUICK = [
    *("--image-size", "16", "--batch-size", "4", "--epochs", "1", "--set", "data.threads=1", "--set", "model.width=8"),
    # What draws takes longer than training does here.
    *(f"--reporter=no:{name}" for name in ("confusion-matrix", "mosaic", "curves", "report")),
]


def unread(*arguments, errors=subprocess.PIPE):
    """Run artkit with a standard output whose reader is gone from the start."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "artkit", *map(str, arguments)]
        return subprocess.run(command, stdout=writer, stderr=errors, text=True, timeout=200, check=False)
    finally:
        os.close(writer)


@pytest.mark.parametrize(
    "arguments",
    [["plugins"], ["plugins", "list", "--json"], ["plugins", "show", "model", "se-densenet"], ["--help"]],
    ids=" ".join,
)
def test_a_command_ends_as_usual_without_a_word(arguments):
    done = unread(*arguments)
    told = [line for line in done.stderr.splitlines() if not line.startswith("No plugin was imported.")]
    assert (done.returncode, told) == (0, [])


def test_standard_error_may_be_closed_too():
    assert unread("plugins", errors=subprocess.STDOUT).returncode == 0


def test_the_exit_code_is_that_of_the_work(tmp_path):
    (tmp_path / "bad.py").write_text("1 / 0")
    done = unread("plugins", "list", "--check", "--no-plugins", "--plugin", tmp_path / "bad.py")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_who_reads_one_line_gets_it(unbuffered):
    line = f'"{sys.executable}" -m artkit plugins show model | head -n 1'
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=environment, timeout=200, check=False)
    assert done.stdout.split() == ["name", "plugin", "what", "it", "is"]
    assert done.stderr == ""


def test_output_may_be_closed_from_the_start():
    line = f'exec "{sys.executable}" -m artkit plugins >&-'
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.slow
def test_a_run_goes_on_to_its_end_and_so_does_its_evaluation(shape_shards, tmp_path):
    folder = tmp_path / "run"
    done = unread("run", "--data", shape_shards, "--out", folder, *QUICK)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("note: ") and " raised " not in line for line in done.stderr.splitlines()), done.stderr
    assert json.loads((folder / "run.json").read_text())["status"] == "ok"
    assert (folder / "predictions.csv").is_file()
    done = unread("evaluate", folder, "--out", tmp_path / "figures")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "figures" / "evaluation.json").is_file()
