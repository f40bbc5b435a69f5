"""The page on using a model: its commands are understood, and its programs run, two of them without artkit."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from artkit.cli import app
from artkit_shards import open_dataset

PAGE = (Path(__file__).parent.parent / "docs" / "using-a-model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(
    r"artkit (?:predict|export|serve) [^|#\n]*", "".join(text for language, text in BLOCKS if not language)
)
WITHOUT_ARTKIT = "import sys\nsys.modules.update(dict.fromkeys(('artkit', 'artkit_shards', 'artkit_plugins')))\n"
"""Whoever imports what is None in `sys.modules` gets an ImportError."""


def program(word):
    """The program of the page that has a word in it."""
    (found,) = [text for language, text in BLOCKS if language == "python" and word in text]
    return found


def output_of(source, folder):
    done = subprocess.run([sys.executable, "-c", source], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(uneven_run, uneven_shards, tmp_path_factory):
    """A folder with an image and the exported run."""
    folder = tmp_path_factory.mktemp("using")
    (folder / "photo.jpg").write_bytes(open_dataset(uneven_shards).split("test").read(0))
    for name, ending in (("onnx", "onnx"), ("torch-export", "pt2")):
        arguments = ["export", str(uneven_run), "--format", name, "--out", str(folder / f"model.{ending}")]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def answer(uneven_run, folder):
    """Class and probability of the image, by artkit."""
    result = CliRunner().invoke(app, ["predict", str(uneven_run), str(folder / "photo.jpg"), "--no-unknown"])
    _, name, p, *_ = result.stdout.splitlines()[1].split(",")
    return name, float(p)


def test_the_page_has_commands_and_programs():
    assert len(COMMANDS) >= 9
    assert sum(language == "python" for language, _ in BLOCKS) == 3


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_use_options_that_exist(line):
    _, name, *words = shlex.split(line)
    command = typer.main.get_command(app).commands[name]
    assert command.make_context(name, words).params["run"]


@pytest.mark.slow
def test_the_program_with_artkit_says_what_predict_says(uneven_run, folder, answer):
    source = program("Predictor").replace("RUN", repr(str(uneven_run))).replace("IMAGE", repr("photo.jpg"))
    probabilities = ast.literal_eval(output_of(source, folder))
    name, p = answer
    assert max(probabilities, key=probabilities.get) == name
    assert probabilities[name] == pytest.approx(p, abs=1e-4)


def test_the_program_with_onnxruntime_runs_without_artkit_and_says_about_the_same(folder, answer):
    lines = output_of(WITHOUT_ARTKIT + program("onnxruntime"), folder).splitlines()
    assert len(lines) == 3
    p, name = lines[0].split()
    assert name == answer[0]
    assert float(p) == pytest.approx(answer[1], abs=0.1)


@pytest.mark.slow
def test_the_program_with_torch_runs_without_artkit(folder):
    said = output_of(WITHOUT_ARTKIT + program("torch.export"), folder)
    assert said == "torch.Size([2, 3]) {'class': ['few', 'many', 'some']}\n"
