"""Runs that mix images: resumed they go on exactly, and a step has one weight however many batches it is made of."""

from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest
import torch

from artkit.engine.assembly import assemble, open_data
from artkit.engine.events import Reporters
from artkit.engine.folder import RunFolder
from artkit.engine.trainer import StopRequested, Trainer
from artkit.recipe import CommandLine, resolve_recipe
from artkit.registry import load_registry


@pytest.fixture
def make_recipe(shape_shards):
    """A function that resolves a recipe: 12 images of 16 pixels, three steps of four an epoch, all of them mixed."""

    def make(*assignments, augmenters=("mixup", "cutmix"), batch_size=4):
        command_line = CommandLine(
            augmenters=augmenters,
            reporters=["none", "metrics", "predictions"],
            settings={
                "data.path": str(shape_shards),
                "data.image_size": 16,
                "train.batch_size": batch_size,
                "train.epochs": 2,
            },
            assignments=["model.width=8", "data.threads=1", *assignments],
        )
        return resolve_recipe({}, command_line, load_registry())

    return make


class Losses(Reporters):
    """Keeps the loss of each step."""

    def __init__(self):
        super().__init__(warn=lambda _: None)
        self.losses = []

    def log(self, step, epoch, values):
        self.losses.append(values["loss"])


def train(recipe, path, *, stop_at=None, resumed=False, watch=lambda chain: chain):
    """Train until the question whether to stop is put the `stop_at`-th time: losses, and weights."""
    folder, told, asked = RunFolder(path), Losses(), count(1)
    folder.state.parent.mkdir(parents=True, exist_ok=True)
    assembly = assemble(recipe, open_data(recipe))
    assembly = replace(assembly, augment=watch(assembly.augment))
    trainer = Trainer(assembly, folder, told, lambda: next(asked) == stop_at)
    if resumed:
        trainer.load()
    with suppress(StopRequested):
        trainer.train()
    return told.losses, trainer.assembly.model.state_dict()


def test_a_run_that_mixes_goes_on_as_if_it_had_not_stopped(make_recipe, tmp_path):
    recipe = make_recipe("augmenter.mixup.p=0.5")
    losses, weights = train(recipe, tmp_path / "whole")
    assert len(losses) == 6
    for stop_at in (1, 4):
        before, _ = train(recipe, tmp_path / f"{stop_at}", stop_at=stop_at)
        after, resumed = train(recipe, tmp_path / f"{stop_at}", resumed=True)
        assert before + after == losses
        assert all(torch.equal(resumed[name], weights[name]) for name in weights)


def test_mixing_changes_what_is_learnt(make_recipe, tmp_path):
    plain, _ = train(make_recipe("train.epochs=1", augmenters=("none",)), tmp_path / "plain")
    for name in ("mixup", "cutmix"):
        mixed, _ = train(
            make_recipe("train.epochs=1", f"augmenter.{name}.alpha=1", augmenters=(name,)), tmp_path / name
        )
        assert mixed != plain


def test_the_batches_of_a_step_are_mixed_with_one_weight_and_other_steps_with_others(make_recipe, tmp_path):
    weights = {}

    def watch(chain):
        def augment(images, epoch, positions, step):
            augmented = chain(images, epoch, positions, step)
            weights.setdefault((epoch, positions[0] // 4), set()).add(augmented.mixed.weight)
            return augmented

        return augment

    recipe = make_recipe("train.accumulate=2", "train.epochs=1", batch_size=2, augmenters=("mixup",))
    assert len(train(recipe, tmp_path / "run", watch=watch)[0]) == 3
    assert [len(of_step) for of_step in weights.values()] == [1] * 3
    assert len(set.union(*weights.values())) == 3
