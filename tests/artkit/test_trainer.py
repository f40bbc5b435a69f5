"""Training in one process: resumed from every step it goes on exactly, and parts that break the contract are named."""

import shutil
from dataclasses import dataclass
from itertools import count
from textwrap import dedent
from typing import Any

import pytest
import torch

from artkit.engine import job
from artkit.engine.assembly import assemble, open_data
from artkit.engine.checkpoint import load_checkpoint
from artkit.engine.events import Reporters
from artkit.engine.folder import RunFolder
from artkit.engine.trainer import StopRequested, Trainer
from artkit.errors import ComponentError, RecipeError, RunError
from artkit.recipe import CommandLine, resolve_recipe
from artkit.registry import load_registry
from artkit_shards import SampleError, open_dataset

DENSE = ("model.growth_rate=4", "model.layers=1,1", "model.init_channels=8", "model.dropout=0.3")
LIGHT = ("none", "metrics", "predictions")


@pytest.fixture
def make_recipe(shape_shards, tmp_path):
    """A function that resolves a recipe: 12 images of 16 pixels in batches of 5, three steps an epoch."""

    def make(*assignments, plugin=None, reporters=LIGHT, **choices):
        files = []
        if plugin:
            files = [tmp_path / "mine.py"]
            files[0].write_text("from artkit import hookimpl\n" + dedent(plugin))
        small = () if "model" in choices else ("model.width=8",)
        command_line = CommandLine(
            choices=choices,
            reporters=reporters,
            settings={"data.path": str(shape_shards), "data.image_size": 16, "train.batch_size": 5, "train.epochs": 2},
            assignments=[*small, "data.threads=1", "train.precision=float32", *assignments],
        )
        return resolve_recipe({}, command_line, load_registry(files))

    return make


@pytest.fixture
def make_folder(tmp_path):
    numbers = count()

    def make():
        folder = RunFolder(tmp_path / f"run-{next(numbers)}")
        folder.state.parent.mkdir(parents=True)
        return folder

    return make


class Steps(Reporters):
    """Keeps what is logged, and what the user is told; without a list for that, nothing may be told."""

    def __init__(self, told=None):
        super().__init__(warn=pytest.fail if told is None else told.append)
        self.logged = []

    def log(self, step, epoch, values):
        self.logged.append((step, epoch, values["loss"], values["learning_rate"]))


@dataclass
class Trained:
    trainer: Trainer
    logged: list[Any]
    finished: bool

    @property
    def weights(self):
        return self.trainer.assembly.model.state_dict()

    @property
    def history(self):
        """What does not depend on the clock."""
        clock = ("seconds", "images_per_s")
        rows = self.trainer.progress.history
        return [{name: value for name, value in row.items() if name not in clock} for row in rows]


def train(recipe, folder, *, stop_at=None, resumed=False, told=None):
    """Train until the question whether to stop is put the `stop_at`-th time."""
    steps, asked = Steps(told), count(1)
    trainer = Trainer(assemble(recipe, open_data(recipe)), folder, steps, lambda: next(asked) == stop_at)
    if resumed:
        trainer.load()
    try:
        trainer.train()
    except StopRequested:
        return Trained(trainer, steps.logged, finished=False)
    return Trained(trainer, steps.logged, finished=True)


def same_weights(ours, theirs):
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        ("sgd", DENSE),
        ("sgd", (*DENSE, "optimizer.momentum=0")),
        ("adam", DENSE),
        ("adamw", (*DENSE, "model.dropout=0")),
        ("rmsprop", (*DENSE, "optimizer.momentum=0.5")),
    ],
)
def test_resumed_from_every_place_training_goes_on_as_if_it_had_not_stopped(
    make_recipe, make_folder, optimizer, options
):
    schedule = ("schedule.patience=1", "schedule.metric=val_accuracy", "schedule.factor=0.5")
    recipe = make_recipe(
        *options, *schedule, model="se-densenet", optimizer=optimizer, sampler="class-balanced", schedule="plateau"
    )
    whole = train(recipe, make_folder())
    assert len(whole.logged) == 6
    stops = 0
    for stop_at in count(1):
        folder = make_folder()
        before = train(recipe, folder, stop_at=stop_at)
        if before.finished:
            break
        stops += 1
        after = train(recipe, folder, resumed=True)
        assert before.logged + after.logged == whole.logged, f"stopped at {stop_at}"
        assert same_weights(after.weights, whole.weights), f"stopped at {stop_at}"
        assert after.history == whole.history
    assert stops == 2 * (3 + 2), "after each of three training batches and two validation batches"


KNOWS_ITS_EPOCHS_ONLY = """
    import numpy as np

    @hookimpl
    def artkit_samplers(register):
        register("table", lambda ctx: Table(len(ctx.labels)))

    class Table:
        def __init__(self, num_samples):
            self.rows = [np.full(num_samples, 1), np.full(num_samples, 2)]

        def counts(self, epoch):
            return self.rows[epoch]
"""


def test_a_sampler_is_not_held_to_epochs_that_never_come(make_recipe, make_folder):
    recipe = make_recipe(plugin=KNOWS_ITS_EPOCHS_ONLY, sampler="table")
    whole = train(recipe, make_folder())
    assert len(whole.logged) == 3 + 5
    folder = make_folder()
    in_last_validation = 3 + 2 + 5 + 1
    assert not train(recipe, folder, stop_at=in_last_validation).finished
    after = train(recipe, folder, resumed=True)
    assert after.logged == []
    assert same_weights(after.weights, whole.weights)
    assert after.history == whole.history


def test_a_cache_changes_no_step_and_tells_what_it_does_not_hold(make_recipe, make_folder):
    options = {"sampler": "class-balanced"}
    whole = train(make_recipe("train.epochs=4", "data.cache=0", **options), make_folder())
    for size, expected in (
        ("1MB", []),
        ("4kB", ["7 of the 12 images of epoch 3 were decoded anew; data.cache can be as large as memory allows"]),
    ):
        cached = train(make_recipe("train.epochs=4", f"data.cache={size}", **options), make_folder(), told=(told := []))
        assert cached.logged == whole.logged
        assert same_weights(cached.weights, whole.weights)
        assert told == expected


@pytest.mark.parametrize(
    ("cache", "error", "message"),
    [
        ("lots", RecipeError, r"section \[data\], option 'cache': 'lots' is no size; write a number with a unit"),
        ("100B", RunError, r"section \[data\]: a cache of 100 bytes cannot hold one decoded image, which takes 768"),
    ],
)
def test_a_cache_that_cannot_be_is_refused_before_the_run(make_recipe, cache, error, message):
    def begin():
        recipe = make_recipe(f"data.cache={cache}")
        assemble(recipe, open_data(recipe))

    with pytest.raises(error, match=message):
        begin()


@pytest.fixture
def damaged_shards(shape_shards, tmp_path):
    """A copy of the data set with the image of one training sample zeroed, and the key of that sample."""
    copy = tmp_path / "damaged"
    shutil.copytree(shape_shards, copy)
    split = open_dataset(copy).split("train")
    data, shard = split.read(4), copy / split.shard_of(4)
    shard.write_bytes(shard.read_bytes().replace(data, bytes(len(data))))
    return copy, split.keys[4]


def test_an_image_that_cannot_be_used_is_told_once_and_training_goes_on(make_recipe, make_folder, damaged_shards):
    shards, key = damaged_shards
    recipe = make_recipe("data.max_bad=0.1", "train.epochs=3", f"data.path={shards}")
    whole = train(recipe, make_folder(), told=(told := []))
    assert len(whole.logged) == 9
    fault = "has other bytes than the index says: the shard was damaged or changed"
    assert told == [f"image {key} of train-000000.tar cannot be used ({fault}); another one stands in"]


def test_where_no_image_may_be_replaced_training_stops_and_names_it(make_recipe, make_folder, damaged_shards):
    shards, key = damaged_shards
    with pytest.raises(SampleError, match=f"sample {key} of train-000000.tar has other bytes than the index says"):
        train(make_recipe("data.max_bad=0", f"data.path={shards}"), make_folder())


def test_a_run_that_is_out_of_patience_is_not_trained_further_when_resumed(make_recipe, make_folder):
    recipe = make_recipe("train.patience=1", "train.epochs=20", "optimizer.lr=1e-30")
    folder = make_folder()
    whole = train(recipe, folder)
    assert len(whole.history) < 20
    assert train(recipe, folder, resumed=True).logged == []


def test_the_learning_rate_starts_one_step_up_and_ends_one_step_before_the_floor(make_recipe, make_folder):
    logged = train(make_recipe("optimizer.lr=0.1", "schedule.warmup=0.5"), make_folder()).logged
    # Positions 0, 5 and 10 of 12 in two epochs, and a step is a sixth of training.
    progress = [(epoch + first / 12) / 2 for epoch in (0, 1) for first in (0, 5, 10)]
    rising = [0.1 * min((p + 1 / 6) / 0.5, 1) for p in progress if p < 0.5]
    falling = [0.1 * (1 + torch.cos(torch.tensor((p - 0.5) / 0.5 * torch.pi)).item()) / 2 for p in progress if p >= 0.5]
    assert [rate for *_, rate in logged] == pytest.approx(rising + falling)


STOPS_WHEN_TESTED = """
    import os, signal

    @hookimpl
    def artkit_reporters(register):
        register("stopper", lambda ctx: Stopper())

    class Stopper:
        @hookimpl
        def artkit_progress(self, phase):
            if phase == "test":
                os.kill(os.getpid(), signal.SIGINT)
"""


def test_stopping_while_the_test_is_read_keeps_the_weights_to_go_on_from(make_recipe, tmp_path):
    # What is tested are averages, which are never the weights of the last step.
    averaged = ("train.epochs=3", "train.ema=0.9")
    recipe = make_recipe(*averaged, plugin=STOPS_WHEN_TESTED, reporters=(*LIGHT, "stopper"))
    outcome = job.start(recipe, plugins=[], out=tmp_path / "run", warn=lambda _: None)
    assert outcome.status == "interrupted"
    best = load_checkpoint(tmp_path / "run" / "best_accuracy.safetensors")["model"]
    last = load_checkpoint(tmp_path / "run" / "last" / "state.safetensors")["model"]
    whole = train(make_recipe(*averaged), RunFolder(_made(tmp_path / "whole")))
    assert not same_weights(whole.weights, best)
    assert same_weights(last, whole.weights)


def _made(path):
    (path / "last").mkdir(parents=True)
    return path


@pytest.mark.parametrize("select", ["accuracy", "macro_recall", "loss"])
def test_the_weights_that_are_tested_are_those_of_the_best_epoch_by_the_chosen_value(make_recipe, tmp_path, select):
    recipe = make_recipe(f"train.select={select}", "train.epochs=3", "optimizer.lr=0.3")
    assert job.start(recipe, plugins=[], out=tmp_path / "run", warn=pytest.fail).status == "ok"
    facts = RunFolder(tmp_path / "run").read_facts()
    history = load_checkpoint(tmp_path / "run" / "last" / "state.safetensors")["progress"]["history"]
    values = [row[f"val_{select}"] for row in history]
    best = values.index(min(values) if select == "loss" else max(values))
    assert facts["best"][select] == {"epoch": best, "value": values[best]}
    assert facts["tested"]["weights"] == f"best_{select}.safetensors"
    shorter = make_recipe(f"train.select={select}", "train.epochs=3", "optimizer.lr=0.3")
    kept = load_checkpoint(tmp_path / "run" / f"best_{select}.safetensors")["model"]
    # One question a batch: three of training and two of validation an epoch, the last of which is not the end.
    folder = RunFolder(_made(tmp_path / "again"))
    until_best = train(shorter, folder, stop_at=5 * best + 4)
    assert same_weights(until_best.weights, kept)


RECORDS_PHASES = """
    @hookimpl
    def artkit_reporters(register):
        register("phases", lambda ctx: Phases(ctx.run_dir / "phases.txt"))

    class Phases:
        def __init__(self, path):
            self.path = path

        @hookimpl
        def artkit_progress(self, phase, done):
            with self.path.open("a") as file:
                print(phase, done, file=file)
"""


def test_test_images_are_read_once_when_nothing_is_learnt_any_more(make_recipe, tmp_path):
    recipe = make_recipe("train.epochs=3", plugin=RECORDS_PHASES, reporters=(*LIGHT, "phases"))
    job.start(recipe, plugins=[], out=tmp_path / "run", warn=pytest.fail)
    lines = [line.split() for line in (tmp_path / "run" / "phases.txt").read_text().splitlines()]
    phases = [phase for phase, _ in lines]
    assert phases.count("train") == 3 * 3
    assert "train" not in phases[phases.index("test") :]
    assert [int(done) for phase, done in lines if phase == "test"] == [5, 6]


SPOILS_PREDICTIONS = """
    @hookimpl
    def artkit_reporters(register):
        register("spoiler", lambda ctx: Spoiler())

    class Spoiler:
        @hookimpl
        def artkit_predictions(self, predictions):
            predictions.metrics.clear()
            predictions.probabilities.sort(axis=1)
"""


def test_a_reporter_cannot_change_what_is_recorded_of_the_test(make_recipe, tmp_path):
    recipe = make_recipe("train.epochs=1", plugin=SPOILS_PREDICTIONS, reporters=(*LIGHT, "spoiler"))
    said = []
    outcome = job.start(recipe, plugins=[], out=tmp_path / "run", warn=said.append)
    assert set(outcome.metrics) == {"accuracy", "macro_recall", "macro_f1", "loss"}
    assert "reporter 'spoiler' (mine.py) raised ValueError in artkit_predictions" in said[0]


def test_an_error_that_needs_no_explanation_is_passed_on_as_it_is(make_recipe, tmp_path):
    class UntoldError(Exception):
        pass

    def warn(_):
        raise UntoldError("from below")

    recipe = make_recipe("train.epochs=1", plugin=SPOILS_PREDICTIONS, reporters=(*LIGHT, "spoiler"))
    with pytest.raises(UntoldError, match="from below") as caught:
        job.start(recipe, plugins=[], out=tmp_path / "run", warn=warn)
    assert caught.value.__cause__ is None


FAILS_BACKWARDS = """
    @hookimpl
    def artkit_models(register):
        register("odd", odd)

    def odd(ctx):
        from torch import nn

        class Odd(nn.Module):
            def __init__(self):
                super().__init__()
                self.volume = nn.Parameter(0.1 * __import__("torch").ones(1, 3, 2, 2, 2))
                self.head = nn.Linear(3, ctx.num_outputs)

            def forward(self, images):
                logits = self.head(images.mean((2, 3)) * self.volume.sum((0, 2, 3, 4))).exp()
                return logits.add_(1) if ctx.num_outputs == 3 and self.training and SPOIL else logits

        return Odd()
"""


def test_a_model_with_parameters_of_rank_five_trains(make_recipe, make_folder):
    recipe = make_recipe("train.epochs=1", plugin=FAILS_BACKWARDS.replace("SPOIL", "False"), model="odd")
    assert len(train(recipe, make_folder()).logged) == 3


def test_an_error_in_the_backward_pass_names_the_model(make_recipe, make_folder):
    recipe = make_recipe(plugin=FAILS_BACKWARDS.replace("SPOIL", "True"), model="odd")
    with pytest.raises(ComponentError, match=r"model 'odd' \(mine.py\) raised RuntimeError in backward: one of"):
        train(recipe, make_folder())


NARROW = """
from artkit import hookimpl

@hookimpl
def artkit_models(register):
    register("narrow", narrow)

def narrow(ctx):
    from torch import nn
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(nn.Conv2d(3, 4, kernel_size=1, stride=2), *pooled, nn.Linear(4, ctx.num_outputs))
"""


def test_kernels_lie_in_memory_as_images_do(make_recipe):
    recipe = make_recipe()
    kernels = [p for p in assemble(recipe, open_data(recipe)).model.parameters() if p.ndim == 4]
    assert kernels
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)


def test_no_model_is_trained_with_strides_that_spoil_memory(make_recipe):
    recipe = make_recipe(model="narrow", plugin=NARROW)
    shortcut = assemble(recipe, open_data(recipe)).model[0]
    assert shortcut(torch.rand(2, 3, 8, 8)).grad_fn._saved_stride == (1, 1)
