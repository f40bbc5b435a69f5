"""Runs on two ranks, beside the same runs on one: the same images, the same losses, the same states to go on from.

Importing torch takes longer than anything that a rank does here, so most ranks are forks of the process of the tests.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
import warnings
from datetime import timedelta
from importlib import import_module

import pytest
import torch
from torch.distributed import TCPStore

from artkit.cli import main
from artkit.engine import job
from artkit.engine.assembly import assemble, open_data
from artkit.engine.checkpoint import load_checkpoint
from artkit.engine.ranks.group import Ranks, local_device
from artkit.errors import RunError
from artkit.recipe import CommandLine, read_recipe_file, resolve_recipe
from artkit.registry import load_registry
from artkit_shards import open_dataset

pytestmark = pytest.mark.slow

# 30 draws in batches of 4 and steps of 8: in the last batch of an epoch, one of two ranks has no image of its own.
RECIPE = """
plugins = ["{plugin}"]
[data]
path = "{data}"
image_size = 24
threads = 1
[train]
device = "cpu"
precision = "float32"
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
name = "affine"
[[augmenter]]
name = "witness"
[[augmenter]]
name = "mixup"
p = 0.5
[[reporter]]
name = "metrics"
[[reporter]]
name = "predictions"
"""
STEPS = 4  # an epoch

# Writes down what it sees, pixels that are changed already, and asks the last rank to stop where it is told to.
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
            for _ in range(1 + last_rank):  # torchrun may repeat what the system has sent already
                os.kill(os.getpid(), signal.SIGINT)
        return images

    return look
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
    "targets": ["data.path=STAGE/two-targets", "data.targets=artist,style", "data.target_weights=style=0.5"],
    "targets-apart": ["data.path=STAGE/two-targets", "data.targets=artist,style", "train.accumulate=1", "train.seed=1"],
    "damaged": ["data.path=STAGE/damaged", "data.max_bad=1", "optimizer.lr=5e-4"],
    "rest-of-1": ["sampler.size=29", "train.accumulate=1", "optimizer.lr=5e-4"],
}


def begin_ranks(num_ranks, work, log):
    """Begin the same work in so many processes, which know of one another as those of torchrun do.

    Returns:
        A function that waits for them, and gives their exit codes. What they print is in the file `log`.
    """
    for slow in ("sklearn.metrics", "torch._dynamo"):  # imported once, not in every process
        import_module(slow)
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))
    environment = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "WORLD_SIZE": str(num_ranks),
    }
    processes = []
    for rank in range(num_ranks):
        own = {**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)} if num_ranks > 1 else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks beside threads
            processes.append(os.fork() or run_fork(work, own, log))

    def wait(_keeps=store):
        return [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]

    return wait


def run_fork(work, environment, log):
    """Work in a process that was just forked, until its end."""
    code = 1
    try:
        signal.alarm(200)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        os.environ.update(environment)
        work()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def resolved(path, assignments=()):
    """The recipe of a file with assignments, of which those without a dot choose a component."""
    layer = read_recipe_file(path)
    drawing = ["none", "metrics", "predictions"]
    choices = dict(text.split("=") for text in assignments if "." not in text)
    line = CommandLine(choices=choices, assignments=[text for text in assignments if "." in text], reporters=drawing)
    return resolve_recipe(layer, line, load_registry(layer["plugins"]))


def start_run(stage, name, assignments):
    """Carry out a new run in the folder of its name; what it says goes to a file beside it."""
    folder = stage / name
    recipe = resolved(stage / "recipe.toml", [f"augmenter.witness.file={folder}.seen", *assignments])
    with (stage / f"{name}.told").open("a") as told:
        job.start(recipe, plugins=[], out=folder, warn=lambda text: told.write(f"{text}\n"))


def resume_run(folder):
    """Go on with a run."""
    job.resume(resolved(folder / "recipe.toml"), folder)


@pytest.fixture(scope="module")
def stage(uneven_shards, two_target_shards, tmp_path_factory):
    """A folder with recipe, plugin, data of two targets, and a damaged copy of data."""
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "witness.py").write_text(PLUGIN)
    (folder / "recipe.toml").write_text(RECIPE.format(data=uneven_shards, plugin=folder / "witness.py"))
    (folder / "two-targets").symlink_to(two_target_shards)
    shutil.copytree(uneven_shards, folder / "damaged")
    split = open_dataset(folder / "damaged").split("train")
    for row in (0, 5, 9, 14):
        data, shard = split.read(row), folder / "damaged" / split.shard_of(row)
        shard.write_bytes(shard.read_bytes().replace(data, bytes(len(data))))
    return folder


@pytest.fixture(scope="module")
def runs(stage):
    """The folder of the finished runs: each variant of 1 and 2 ranks, and `from-N`, stopped on N and gone on with."""
    stop = ["augmenter.witness.stop_at=11"]

    def assignments(name):
        return [text.replace("STAGE", str(stage)) for text in VARIANTS[name]]

    def first_alone():
        for name in VARIANTS:
            if not name.startswith("fsdp"):
                start_run(stage, f"1-{name}", assignments(name))
        start_run(stage, "from-1", stop)

    def first_of_two():
        for name in VARIANTS:
            start_run(stage, f"2-{name}", assignments(name))
        for name in ("from-2", "same-2"):
            start_run(stage, name, stop)

    def second_of_two():
        resume_run(stage / "from-1")
        resume_run(stage / "same-2")

    log = stage / "log.txt"
    waits = [begin_ranks(1, first_alone, log), begin_ranks(2, first_of_two, log)]
    assert [wait() for wait in waits] == [[0], [0, 0]], log.read_text()
    waits = [begin_ranks(1, lambda: resume_run(stage / "from-2"), log), begin_ranks(2, second_of_two, log)]
    assert [wait() for wait in waits] == [[0], [0, 0]], log.read_text()
    return stage


def rows(path):
    with path.open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def losses(run):
    return [row["loss"] for row in rows(run / "steps.csv")]


def weights(run):
    return load_checkpoint(run / "last" / "state.safetensors")["model"]


def confidences(run):
    """By target, if there are several, and image."""
    values = {}
    for path in run.rglob("predictions.csv"):
        with path.open() as file:
            values |= {(path.parent.name, row["key"]): float(row["p_true"]) for row in csv.DictReader(file)}
    return {(target if target != run.name else "", key): value for (target, key), value in values.items()}


def seen(run, num_ranks):
    """What was seen in each batch of all ranks together, sorted; padding of ranks without images left out."""
    files = [(run.parent / f"{run.name}.seen-{rank}").read_text().splitlines() for rank in range(num_ranks)]
    assert len({len(lines) for lines in files}) == 1, "all ranks compute the same number of batches"
    return [sorted(" ".join(parts).split()) for parts in zip(*files, strict=True)]


EQUAL = ["plain", "thawing", "dense", "rest-of-3", "rest-of-1", "targets", "targets-apart", "damaged"]


@pytest.mark.parametrize("name", EQUAL)
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
        judged = {name for name in values if name.startswith(("val_", "train_")) and name.endswith("loss")}
        learnt = {name for name in values if name.startswith("train_") and name.endswith("accuracy")}
        assert {name: values[name] for name in judged} == pytest.approx({name: others[name] for name in judged}, 1e-4)
        assert {name: values[name] for name in learnt} == {name: others[name] for name in learnt}
        assert values.keys() == others.keys()
    tensors, others = weights(run), weights(expected)
    assert list(tensors) == list(others)
    for name, values in tensors.items():
        torch.testing.assert_close(values, others[name], rtol=1e-3, atol=1e-5)
    said, others = confidences(run), confidences(expected)
    assert said.keys() == others.keys()
    assert said == pytest.approx(others, rel=1e-3)
    tested, others = (json.loads((each / "run.json").read_text())["tested"] for each in (run, expected))
    assert (tested["images"], tested["others"].keys()) == (others["images"], others["others"].keys())


@pytest.mark.parametrize("name", ["plain", "rest-of-3", "rest-of-1"])
def test_all_ranks_together_see_the_augmented_images_of_one_process(runs, name):
    alone, together = seen(runs / f"1-{name}", 1), seen(runs / f"2-{name}", 2)
    assert len(alone) == len(together) >= 2 * 7
    for one, two in zip(alone, together, strict=True):
        # A rank without images computes one of another rank along.
        assert set(two) == set(one)
        assert len(two) == max(len(one), 3)


@pytest.mark.parametrize("name", ["targets", "targets-apart"])
def test_of_two_targets_a_rank_may_lack_all_labels_of_one(runs, name):
    recipe = resolved(runs / f"2-{name}" / "recipe.toml")
    assembly = assemble(recipe, open_data(recipe))
    labels = assembly.train.targets["style"][assembly.loader.plan]
    assert (labels.reshape(-1, 2) < 0).all(axis=1).any(), "both images of a rank lack it in some batch"


def test_images_that_any_rank_cannot_use_are_told_once_each(runs):
    told, expected = ((runs / f"{number}-damaged.told").read_text().splitlines() for number in (2, 1))
    assert sorted(told) == sorted(expected)
    assert sum("cannot be used" in line for line in told) == 4


@pytest.mark.parametrize(("name", "num_ranks"), [("from-1", 2), ("from-2", 1)])
def test_stopped_and_resumed_on_another_number_of_ranks_a_run_goes_on_as_if_it_had_not(runs, name, num_ranks):
    facts = json.loads((runs / name / "run.json").read_text())
    assert (len(facts["resumed"]), facts["world_size"]) == (1, num_ranks)
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
import signal

from artkit import hookimpl


@hookimpl
def artkit_losses(register):
    register("brittle", brittle)


def brittle(ctx, *, killed: bool = False):
    from torch.nn import functional as F

    calls = 0

    def loss(logits, labels):
        nonlocal calls
        calls += 1
        if calls == 3 and os.environ["RANK"] == "1":
            if killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError("the third step is my last")
        return F.cross_entropy(logits, labels)

    return loss
"""


@pytest.fixture(scope="module")
def failing(shape_shards, tmp_path_factory):
    """A folder, and the arguments of a run of two ranks of which the second fails in its third step."""
    folder = tmp_path_factory.mktemp("failures")
    (folder / "brittle.py").write_text(FAILING)
    run = ["run", "--data", shape_shards, "--image-size", 16, "--set", "model.width=8", "--batch-size", 4]
    run += ["--plugin", folder / "brittle.py", "--loss", "brittle", "--device", "cpu"]
    return folder, list(map(str, run))


def artkit_on_two_ranks(arguments, log):
    """Run a command on two ranks; returns their exit codes and what they said."""

    def work():
        sys.argv = ["artkit", *map(str, arguments)]
        main()

    return begin_ranks(2, work, log)(), log.read_text()


def test_a_rank_that_fails_ends_all_with_its_error(failing):
    folder, run = failing
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "artkit"]
    ended = subprocess.run([*torchrun, *run, "--out", folder / "one"], capture_output=True, text=True, timeout=200)
    assert ended.returncode != 0
    said = ended.stderr
    assert "error: rank 1: loss 'brittle' (brittle.py) raised ValueError in computing the loss: the third step" in said
    assert "error: rank 1 failed: loss 'brittle' (brittle.py) raised ValueError" in said
    assert "Connection closed" not in said
    facts = json.loads((folder / "one" / "run.json").read_text())
    assert facts["status"] == "failed"
    assert "rank 1 failed: loss 'brittle' (brittle.py) raised ValueError in computing the loss" in facts["error"]


def test_a_rank_that_is_killed_ends_all(failing):
    folder, run = failing
    killed = [*run, "--set", "loss.killed=true", "--out", folder / "killed"]
    codes, said = artkit_on_two_ranks(killed, folder / "killed.txt")
    assert codes == [1, -signal.SIGKILL]
    assert said.count("another rank ended without a word") == 1
    assert json.loads((folder / "killed" / "run.json").read_text())["status"] == "failed"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--batch-size", 5], "compute together, and they cannot share it out equally; use 4 or 6"),
        (["--compile"], "train.compile needs a single process; leave it out"),
        (["--device", "cuda:0"], "train.device=cuda:0 is one device, and each of 2 ranks needs its own"),
        (["RETRAIN"], "a head is retrained in seconds, by a single process; start it without torchrun"),
        (["--nonsense"], "No such option: --nonsense"),
    ],
)
def test_a_mistake_of_the_user_is_shown_once_and_before_anything_is_written(failing, changes, message):
    folder, run = failing
    recipe = folder / "retrain.toml"
    recipe.write_text(f'[retrain]\n[model]\nweights = "{folder}"\n[train]\nfreeze = "all"\n')
    changes = [recipe if text == "RETRAIN" else text for text in changes]
    log = folder / f"{len(list(folder.iterdir()))}.txt"
    codes, said = artkit_on_two_ranks([*run, *changes, "--out", folder / "never"], log)
    assert codes[0] == codes[1] > 0
    assert said.count(message) == 1, said
    assert said.count("error") == 1
    assert not (folder / "never").exists()


@pytest.mark.parametrize("known", [{}, {"RANK": "0"}])
def test_a_rank_that_cannot_reach_others_says_what_to_do(failing, monkeypatch, capsys, known):
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"WORLD_SIZE": "2", **known}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["artkit", *failing[1]])
    with pytest.raises(SystemExit, match="1"):
        main()
    said = capsys.readouterr().err
    assert "error: the other ranks cannot be reached" in said
    assert "start them together with `torchrun -m artkit run ...`, or unset WORLD_SIZE to run alone" in said


def test_each_rank_needs_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", str(torch.cuda.device_count()))
    with pytest.raises(RunError, match=f"has {torch.cuda.device_count()} GPUs, and each rank on it needs one of its"):
        local_device(torch.device("cuda"), Ranks(1, 2))
