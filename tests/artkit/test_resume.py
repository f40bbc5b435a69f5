"""A run that was cut off and resumed is, bit for bit, the run that was not."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.errors import RunError
from artkit_shards import Loader, open_dataset

# Dropout, augmentation, repeats of samples, momentum, averaged weights, steps of two batches, a schedule with a memory,
# a sampler that sets in with the second epoch and a loss that does with the third: everything that could be forgotten.
RECIPE = """
[data]
path = "{data}"
image_size = 32
[train]
epochs = 3
batch_size = 2
accumulate = 2
clip = 2.0
ema = 0.8
checkpoint_minutes = 0.0
[model]
name = "se-densenet"
growth_rate = 4
layers = [2, 2]
init_channels = 8
dropout = 0.2
[sampler]
name = "class-balanced"
size = 30
defer = 0.4
[loss]
name = "weighted-cross-entropy"
weights = {{ few = 3.0 }}
defer = 0.7
[optimizer]
name = "adamw"
[schedule]
name = "plateau"
patience = 1
[[reporter]]
name = "console"
[[reporter]]
name = "metrics"
[[reporter]]
name = "predictions"
"""


@pytest.fixture(scope="module")
def recipe(uneven_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(RECIPE.format(data=uneven_shards))
    return path


@pytest.fixture(scope="module")
def undisturbed(recipe, tmp_path_factory):
    """A run that nobody stopped."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert run(recipe, folder).wait() == 0
    assert json.loads((folder / "run.json").read_text())["status"] == "ok"
    return folder


class Artkit:
    """The command in a process of its own; what it prints goes to a file beside the run folder."""

    def __init__(self, folder, *arguments):
        self.folder = folder
        self.log = folder.with_suffix(".log")
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "artkit", *map(str, arguments)]
            # Two threads of torch, as people's runs have several: what they add up must not move either. Passive, they
            # leave the cores to others while they wait for one another.
            environment = {**os.environ, "OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)

    def wait(self):
        code = self.process.wait(120)
        assert code in (0, 130, -signal.SIGKILL), self.log.read_text()
        return code

    def wait_for_steps(self, steps):
        """Wait until the run has logged so many steps."""
        deadline = time.monotonic() + 60
        while count_steps(self.folder) < steps:
            assert self.process.poll() is None, f"the run ended before step {steps}: {self.log.read_text()}"
            assert time.monotonic() < deadline
            time.sleep(0.005)


def run(recipe, folder, *arguments):
    return Artkit(folder, "run", recipe, "--out", folder, *arguments)


def resume(folder):
    return Artkit(folder, "run", "--resume", folder)


def count_steps(folder):
    path = folder / "steps.csv"
    return len(path.read_text().splitlines()) - 1 if path.exists() else 0


def assert_same_run(folder, undisturbed):
    assert (folder / "steps.csv").read_text() == (undisturbed / "steps.csv").read_text()
    ours, theirs = (load_checkpoint(run / "last" / "state.safetensors") for run in (folder, undisturbed))
    assert list(ours["model"]) == list(theirs["model"])
    assert all(torch.equal(ours["model"][name], theirs["model"][name]) for name in theirs["model"])
    averages, expected = (state["average"]["tensors"] for state in (ours, theirs))
    assert all(torch.equal(averages[name], expected[name]) for name in expected)
    assert (folder / "predictions.csv").read_text() == (undisturbed / "predictions.csv").read_text()
    assert values(folder) == values(undisturbed)


def values(folder):
    """The rows of metrics.csv without what depends on the clock."""
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name not in ("seconds", "images_per_s")} for row in rows]


@pytest.mark.slow
def test_a_run_killed_in_the_middle_of_epochs_and_resumed_equals_one_that_was_not(recipe, undisturbed, tmp_path):
    folder = tmp_path / "run"
    process = run(recipe, folder)
    for steps, threads in ((3, 3), (10, 1), (19, 2)):  # nine steps in the first epoch, eight in the others
        process.wait_for_steps(steps)
        process.process.send_signal(signal.SIGKILL)
        process.wait()
        assert json.loads((folder / "run.json").read_text())["status"] == "running"
        set_threads(folder, threads)
        process = resume(folder)
    assert process.wait() == 0
    assert json.loads((folder / "run.json").read_text())["status"] == "ok"
    assert_same_run(folder, undisturbed)


def set_threads(folder, threads):
    recipe = folder / "recipe.toml"
    changed, times = re.subn(r"(?m)^threads = \d+$", f"threads = {threads}", recipe.read_text())
    assert times == 1
    recipe.write_text(changed)


@pytest.mark.slow
def test_an_interrupt_leaves_a_checkpoint_says_how_to_resume_and_loses_nothing(recipe, undisturbed, tmp_path):
    folder = tmp_path / "run"
    process = run(recipe, folder, "--set", "train.checkpoint_minutes=60")
    for number, steps in ((signal.SIGINT, 5), (signal.SIGTERM, 14)):
        process.wait_for_steps(steps)
        process.process.send_signal(number)
        assert process.wait() == 130
        assert "stopping after this step" in process.log.read_text()
        assert f"artkit run --resume {folder}" in process.log.read_text()
        assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
        process = resume(folder)
    assert process.wait() == 0
    assert_same_run(folder, undisturbed)


@pytest.mark.slow
def test_class_balanced_runs_see_every_class_equally_often(undisturbed, uneven_shards):
    state = load_checkpoint(undisturbed / "last" / "state.safetensors")
    assert state["progress"]["step"] == count_steps(undisturbed) == 9 + 8 + 8
    assert len(open_dataset(uneven_shards).class_names) == 3


@pytest.fixture(scope="module")
def short_run(recipe, tmp_path_factory):
    """The folder of a short run that looks as if it had been killed. Do not change it."""
    folder = tmp_path_factory.mktemp("short") / "run"
    command = ["run", str(recipe), "--out", str(folder), "--epochs", "1", "--quiet", "--optimizer", "sgd"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    facts = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**facts, "status": "running"}))
    return folder


@pytest.fixture
def cut_off(short_run, tmp_path):
    """A copy of that folder, to do anything to."""
    return shutil.copytree(short_run, tmp_path / "run")


def refusal(folder):
    result = CliRunner().invoke(app, ["run", "--resume", str(folder)])
    assert isinstance(result.exception, RunError), result.exception
    return str(result.exception)


def test_a_checkpoint_that_is_damaged_is_refused_with_its_name(cut_off):
    state = cut_off / "last" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    assert "is not a checkpoint of artkit, or it is damaged" in refusal(cut_off)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (r"init_channels = 8\n", "init_channels = 12\n", "model.init_channels was 8, is 12"),
        (r"image_size = 32\n", "image_size = 40\n", "data.image_size was 32, is 40"),
        (
            r"\[optimizer\]\nname = \"artkit/sgd@1\"\n(.+\n)*",
            '[optimizer]\nname = "adam"\n',
            "optimizer.name was artkit/sgd@1, is artkit/adam@1",
        ),
    ],
)
def test_a_recipe_that_was_changed_is_refused_with_the_option_that_differs(cut_off, old, new, said):
    recipe = cut_off / "recipe.toml"
    changed, times = re.subn(old, new, recipe.read_text())
    assert times == 1
    recipe.write_text(changed)
    assert f"{recipe} was changed since the run began ({said})" in refusal(cut_off)


def test_what_changes_no_result_may_change(cut_off):
    recipe = cut_off / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("threads = 2", "threads = 1"))
    result = CliRunner().invoke(app, ["run", "--resume", str(cut_off)])
    assert result.exit_code == 0, result.output


def test_the_state_of_another_model_is_refused_in_a_few_words(cut_off):
    state = cut_off / "last" / "state.safetensors"
    content = load_checkpoint(state)
    content["model"]["classifier.weight"] = torch.zeros(7, 7)
    save_checkpoint(state, content)
    message = refusal(cut_off)
    assert f"does not fit the model and optimizer of {cut_off / 'recipe.toml'}" in message
    assert len(message) < 500


def test_the_state_of_another_plan_is_refused_and_says_which_part_differs(cut_off):
    state = cut_off / "last" / "state.safetensors"
    content = load_checkpoint(state)
    split = open_dataset(content_path(cut_off)).split("train")
    content["loader"] = Loader(split, image_size=32, batch_size=4, counts=np.ones(len(split), int)).state_dict()
    save_checkpoint(state, content)
    message = refusal(cut_off)
    assert f"{cut_off} cannot be continued exactly: the state belongs to another plan: its counts was '" in message
    assert f"start a new run with `artkit run {cut_off / 'recipe.toml'}`" in message


def content_path(folder):
    return json.loads((folder / "run.json").read_text())["data"]["path"]


def test_a_checkpoint_of_an_earlier_version_is_refused_with_what_to_do(cut_off):
    state = cut_off / "last" / "state.safetensors"
    content = load_checkpoint(state)
    del content["loader"]
    save_checkpoint(state, content)
    assert f"is of an earlier artkit; start a new run with `artkit run {cut_off / 'recipe.toml'}`" in refusal(cut_off)


def test_selected_weights_that_are_gone_are_missed_at_once(cut_off):
    (cut_off / "best_accuracy.safetensors").unlink()
    assert "best_accuracy.safetensors is gone, which has the best weights so far" in refusal(cut_off)


@pytest.mark.parametrize("text", ["[]", "{}", "3"])
def test_a_damaged_run_json_is_refused(cut_off, text):
    (cut_off / "run.json").write_text(text)
    assert f"{cut_off / 'run.json'} is damaged" in refusal(cut_off)
