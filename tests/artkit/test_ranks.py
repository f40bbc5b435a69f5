"""Runs on two ranks, beside the same runs on one: the same images, the same losses, the same states to go on from.

Starting processes takes longer than anything they do, so two scripts do all the runs: one alone, one as two ranks.
"""

import csv
import json
import os
import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest
import torch

from artkit.engine.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow

# 30 draws in batches of 4 and steps of 8: in the last batch of an epoch, one of two ranks has no image of its own.
RECIPE = """
plugins = ["{plugin}"]
[data]
path = "{data}"
image_size = 24
threads = 1
[train]
epochs = 2
batch_size = 4
accumulate = 2
clip = 1.0
ema = 0.8
checkpoint_minutes = 60.0
[model]
name = "small-resnet"
width = 8
[sampler]
name = "class-balanced"
size = 30
[loss]
name = "cross-entropy"
[optimizer]
name = "sgd"
lr = 0.005
[schedule]
name = "plateau"
patience = 1
[[augmenter]]
name = "witness"
[[augmenter]]
name = "affine"
[[augmenter]]
name = "mixup"
p = 0.5
[[reporter]]
name = "metrics"
[[reporter]]
name = "predictions"
"""
STEPS = 4  # an epoch

# Writes down what it sees, and asks the last rank to stop where it is told to.
PLUGIN = """
import os
import signal
from pathlib import Path

from artkit import hookimpl


@hookimpl
def artkit_augmenters(register):
    register("witness", witness)


def witness(ctx, *, file: str = "", stop_at: int = 0):
    rank, last_rank = os.environ.get("RANK", "0"), int(os.environ.get("WORLD_SIZE", "1")) - 1
    calls = 0

    def look(images, draws):
        nonlocal calls
        calls += 1
        with Path(f"{file}-{rank}").open("a") as seen:
            seen.write(" ".join(f"{float(image.double().sum()):.12g}" for image in images) + "\\n")
        if calls == stop_at and rank == str(last_rank):
            os.kill(os.getpid(), signal.SIGINT)
        return images

    return look
"""

# Carries out what a list of tasks says: (folder, assignments), or a folder to go on with.
SCRIPT = """
import json
import sys
from pathlib import Path

from artkit.engine import job
from artkit.recipe import CommandLine, read_recipe_file, resolve_recipe
from artkit.registry import load_registry


def resolved(path, assignments=()):
    layer = read_recipe_file(path)
    drawing = [f"no:{name}" for name in ("console", "confusion-matrix", "mosaic", "curves", "report")]
    choices = dict(text.split("=") for text in assignments if "." not in text)
    line = CommandLine(
        choices=choices, assignments=[text for text in assignments if "." in text], reporters=drawing
    )
    return resolve_recipe(layer, line, load_registry(layer["plugins"]))


for folder, assignments in json.loads(Path(sys.argv[2]).read_text()):
    folder = Path(folder)
    if assignments is None:
        job.resume(resolved(folder / "recipe.toml"), folder)
    else:
        witness = f"augmenter.witness.file={folder}.seen"
        job.start(resolved(Path(sys.argv[1]), [witness, *assignments]), plugins=[], out=folder)
"""

THAWING = ["train.freeze=2", "train.unfreeze_every=1", "optimizer=adamw", "optimizer.lr=1e-4"]
VARIANTS = {
    "plain": [],
    "fsdp": ["train.parallel=fsdp"],
    "thawing": THAWING,
    "fsdp-thawing": [*THAWING, "train.parallel=fsdp"],
    "dense": ["model=se-densenet", "model.layers=1,1", "model.growth_rate=4"],
    "apart": ["train.sync_norm=false", "train.accumulate=1"],
    "rest-of-3": ["sampler.size=31", "train.accumulate=1", "optimizer.lr=5e-4"],
    "rest-of-1": ["sampler.size=29", "train.accumulate=1", "optimizer.lr=5e-4"],
}


def launch(num_ranks, *arguments):
    """Start a command of python, alone or as so many ranks of this machine."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_ranks}"]
    command = [sys.executable, *(torchrun if num_ranks > 1 else []), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(*processes):
    """Wait for commands; returns what each printed."""
    try:
        return [process.communicate(timeout=200)[0] for process in processes]
    finally:
        for process in processes:
            with process:
                process.terminate()


@pytest.fixture(scope="module")
def stage(uneven_shards, tmp_path_factory):
    """A folder with recipe, plugin and script."""
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "witness.py").write_text(PLUGIN)
    (folder / "recipe.toml").write_text(RECIPE.format(data=uneven_shards, plugin=folder / "witness.py"))
    (folder / "script.py").write_text(dedent(SCRIPT))
    return folder


@pytest.fixture(scope="module")
def runs(stage):
    """The folder of the finished runs: each variant of 1 and 2 ranks, and `from-N`, stopped on N and gone on with."""
    stop = ["augmenter.witness.stop_at=11"]

    def both_ways(num_ranks, tasks, round_number):
        file = stage / f"tasks-{num_ranks}-{round_number}.json"
        file.write_text(json.dumps(tasks))
        return launch(num_ranks, stage / "script.py", stage / "recipe.toml", file)

    def started(num_ranks, names):
        return [(f"{stage}/{num_ranks}-{name}", VARIANTS[name]) for name in names]

    alone = [name for name in VARIANTS if not name.startswith("fsdp")]
    first = [
        both_ways(1, [*started(1, alone), (f"{stage}/from-1", stop)], 1),
        both_ways(2, [*started(2, VARIANTS), *((f"{stage}/{name}", stop) for name in ("from-2", "same-2"))], 1),
    ]
    said = finish(*first)
    assert [process.returncode for process in first] == [0, 0], "\n".join(said)
    second = [
        both_ways(1, [(f"{stage}/from-2", None)], 2),
        both_ways(2, [(f"{stage}/from-1", None), (f"{stage}/same-2", None)], 2),
    ]
    said = finish(*second)
    assert [process.returncode for process in second] == [0, 0], "\n".join(said)
    return stage


def rows(path):
    with path.open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def losses(run):
    return [row["loss"] for row in rows(run / "steps.csv")]


def weights(run):
    return load_checkpoint(run / "last" / "state.safetensors")["model"]


def confidences(run):
    with (run / "predictions.csv").open() as file:
        return {row["key"]: float(row["p_true"]) for row in csv.DictReader(file)}


def seen(run, num_ranks):
    """What was seen in each batch of all ranks together, sorted; padding of ranks without images left out."""
    files = [(run.parent / f"{run.name}.seen-{rank}").read_text().splitlines() for rank in range(num_ranks)]
    assert len({len(lines) for lines in files}) == 1, "all ranks compute the same number of batches"
    return [sorted(" ".join(parts).split()) for parts in zip(*files, strict=True)]


@pytest.mark.parametrize("name", ["plain", "thawing", "dense", "rest-of-3", "rest-of-1"])
def test_two_ranks_take_the_steps_of_one(runs, name):
    one, two = runs / f"1-{name}", runs / f"2-{name}"
    assert len(losses(one)) >= 2 * STEPS
    assert_close_runs(two, one)


@pytest.mark.parametrize(("sharded", "whole"), [("fsdp", "plain"), ("fsdp-thawing", "thawing")])
def test_a_model_in_parts_takes_the_steps_of_a_whole_one(runs, sharded, whole):
    assert_close_runs(runs / f"2-{sharded}", runs / f"2-{whole}")


def assert_close_runs(run, expected):
    """Losses, gradients, weights and what was judged are equal within rounding."""
    for name in ("loss", "gradient_norm", "learning_rate"):
        values = [row[name] for row in rows(run / "steps.csv") if name in row]
        assert values == pytest.approx([row[name] for row in rows(expected / "steps.csv") if name in row], rel=2e-5)
    for values, others in zip(rows(run / "metrics.csv"), rows(expected / "metrics.csv"), strict=True):
        assert values["val_loss"] == pytest.approx(others["val_loss"], rel=1e-4)
        assert values["train_accuracy"] == others["train_accuracy"]
    tensors, others = weights(run), weights(expected)
    assert list(tensors) == list(others)
    for name, values in tensors.items():
        torch.testing.assert_close(values, others[name], rtol=1e-3, atol=1e-5)
    said, others = confidences(run), confidences(expected)
    assert said.keys() == others.keys()
    np.testing.assert_allclose(list(said.values()), list(others.values()), rtol=1e-3)


@pytest.mark.parametrize("name", ["plain", "rest-of-3", "rest-of-1"])
def test_all_ranks_together_see_the_images_of_one_process(runs, name):
    alone, together = seen(runs / f"1-{name}", 1), seen(runs / f"2-{name}", 2)
    assert len(alone) == len(together) >= 2 * 7
    for one, two in zip(alone, together, strict=True):
        # A rank without images computes one of another rank along.
        assert set(two) == set(one)
        assert len(two) == max(len(one), 3)


@pytest.mark.parametrize("name", ["from-1", "from-2"])
def test_stopped_and_resumed_on_another_number_of_ranks_a_run_goes_on_as_if_it_had_not(runs, name):
    assert json.loads((runs / name / "run.json").read_text())["resumed"]
    assert_close_runs(runs / name, runs / "1-plain")


def test_stopped_and_resumed_on_as_many_ranks_a_run_is_the_same_bit_for_bit(runs):
    assert losses(runs / "same-2") == losses(runs / "2-plain")
    expected = weights(runs / "2-plain")
    assert all(torch.equal(values, expected[name]) for name, values in weights(runs / "same-2").items())


def test_normalisations_that_look_at_one_rank_only_learn_otherwise(runs):
    assert losses(runs / "2-apart")[0] != pytest.approx(losses(runs / "1-apart")[0], rel=1e-4)
    assert len(losses(runs / "2-apart")) == len(losses(runs / "1-apart"))


def test_the_first_rank_alone_writes_and_says_how_many_there_are(runs):
    facts = json.loads((runs / "2-plain" / "run.json").read_text())
    assert (facts["status"], facts["world_size"]) == ("ok", 2)
    files = {path.name for path in (runs / "2-plain").iterdir()}
    assert files == {path.name for path in (runs / "1-plain").iterdir()}
    assert len(rows(runs / "2-plain" / "steps.csv")) == 2 * STEPS


FAILING = """
import os

from artkit import hookimpl


@hookimpl
def artkit_losses(register):
    register("brittle", brittle)


def brittle(ctx):
    from torch.nn import functional as F

    calls = 0

    def loss(logits, labels):
        nonlocal calls
        calls += 1
        if calls == 3 and os.environ["RANK"] == "1":
            raise ValueError("the third step is my last")
        return F.cross_entropy(logits, labels)

    return loss
"""


@pytest.fixture(scope="module")
def failures(shape_shards, tmp_path_factory):
    """What runs of two ranks said that fail: "one" on the second rank alone, "all" on both; and the folder of them."""
    folder = tmp_path_factory.mktemp("failures")
    (folder / "brittle.py").write_text(FAILING)
    run = ["-m", "artkit", "run", "--data", shape_shards, "--image-size", "16", "--set", "model.width=8"]
    failing = ["--plugin", folder / "brittle.py", "--loss", "brittle", "--batch-size", "4", "--out", folder / "one"]
    processes = [launch(2, *run, *failing), launch(2, *run, "--batch-size", "5", "--out", folder / "all")]
    said = finish(*processes)
    assert all(process.returncode != 0 for process in processes)
    return {"one": said[0], "all": said[1], "folder": folder}


def test_a_rank_that_fails_ends_all_with_its_error(failures):
    said = failures["one"]
    assert "error: rank 1: loss 'brittle' (brittle.py) raised ValueError in computing the loss: the third step" in said
    assert "error: rank 1 failed: loss 'brittle' (brittle.py) raised ValueError" in said
    assert "Connection closed" not in said
    facts = json.loads((failures["folder"] / "one" / "run.json").read_text())
    assert facts["status"] == "failed"
    assert "rank 1 failed: loss 'brittle' (brittle.py) raised ValueError in computing the loss" in facts["error"]


def test_a_mistake_of_the_user_is_shown_once_and_before_anything_is_written(failures):
    said = failures["all"]
    assert said.count("train.batch_size=5 is the number of images that all 2 ranks compute together") == 1
    assert "use 4 or 6" in said
    assert not (failures["folder"] / "all").exists()
