"""Optimizer steps: the exact mean over accumulated batches, clipping, and the same steps after a resumption."""

import math

import pytest
import torch

from artkit.engine.assembly import assemble, open_data
from artkit.engine.checkpoint import load_checkpoint
from artkit.engine.events import Reporters
from artkit.engine.step_plan import StepPlan
from artkit.engine.trainer import Trainer

# Without batch normalisation and augmentation, a step sees each image by itself.
PLAIN_MODEL = """
    @hookimpl
    def artkit_models(register):
        register("plain", plain)

    def plain(ctx):
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, ctx.num_outputs))
"""
PLAIN = {"plugin": PLAIN_MODEL, "model": "plain", "augmenter": "none"}


@pytest.fixture
def plain_recipe(training_bench):
    """A function that resolves a recipe with a linear model, plain SGD and no augmentation."""

    def make(*assignments):
        recipe = training_bench.recipe(
            "optimizer.momentum=0", *assignments, plugin=PLAIN_MODEL, model="plain", schedule="constant"
        )
        return type(recipe)(**{name: getattr(recipe, name) for name in recipe.__slots__} | {"augmenters": ()})

    return make


def weights(trainer):
    return trainer.weights()["model"]


@pytest.mark.parametrize(
    ("num_positions", "batch_size", "accumulate", "images"),
    [
        (12, 5, 1, [5, 5, 2]),
        (12, 5, 2, [10, 2]),
        (12, 5, 4, [12]),
        (11, 5, 1, [5, 5]),  # one image alone is not learnt from
        (11, 5, 2, [10]),
        (11, 5, 3, [10]),
        (16, 5, 2, [10, 5]),
    ],
)
def test_the_steps_of_an_epoch_share_out_its_images(num_positions, batch_size, accumulate, images):
    plan = StepPlan(num_positions, batch_size, accumulate)
    assert plan.num_steps == len(images)
    firsts = [number * batch_size * accumulate for number in range(len(images))]
    assert [plan.num_images(first) for first in firsts] == images
    assert [plan.num_images(first + 1) for first in firsts] == images
    ends = [at for at in (*range(batch_size, num_positions, batch_size), num_positions) if plan.ends_at(at)]
    assert ends[: len(images) - 1] == firsts[1:]
    assert ends[-1] == num_positions


@pytest.mark.parametrize(("batch_size", "accumulate"), [(2, 3), (3, 2), (5, 2), (4, 3)])
def test_accumulated_batches_teach_what_one_large_batch_teaches(training_bench, plain_recipe, batch_size, accumulate):
    large = training_bench.train(plain_recipe(f"train.batch_size={batch_size * accumulate}"))
    small = training_bench.train(plain_recipe(f"train.batch_size={batch_size}", f"train.accumulate={accumulate}"))
    assert [row["loss"] for row in small.logged] == pytest.approx([row["loss"] for row in large.logged], rel=1e-5)
    assert [row["learning_rate"] for row in small.logged] == [row["learning_rate"] for row in large.logged]
    for name, value in weights(small).items():
        torch.testing.assert_close(value, weights(large)[name], rtol=1e-4, atol=1e-6)
    assert small.progress.history[0]["train_loss"] == pytest.approx(large.progress.history[0]["train_loss"], rel=1e-5)


def test_an_image_alone_at_the_end_of_a_step_of_several_batches_does_not_spoil_the_mean(training_bench, plain_recipe):
    # 12 images: batches of 11 and 1, of which the second is left out.
    accumulated = training_bench.train(plain_recipe("train.batch_size=11", "train.accumulate=2"))
    alone = training_bench.train(plain_recipe("train.batch_size=11"))
    assert accumulated.logged == alone.logged
    assert all(torch.equal(value, weights(alone)[name]) for name, value in weights(accumulated).items())


def test_a_stop_between_the_batches_of_a_step_waits_for_its_end_and_loses_nothing(training_bench):
    recipe = training_bench.recipe("train.accumulate=2", "train.batch_size=3", "train.ema=0.9", "train.clip=0.5")
    # Questions: two steps of training and two batches of validation an epoch.
    assert training_bench.stops_and_resumptions_are_not_seen(recipe, stops=[1, 4, 5])


def test_the_learning_rate_is_that_of_the_place_where_a_step_begins(training_bench):
    recipe = training_bench.recipe("train.accumulate=2", "optimizer.lr=0.1", "schedule.warmup=0.5")
    rates = [row["learning_rate"] for row in training_bench.train(recipe).logged]
    # Two steps an epoch, at positions 0 and 10 of 12; one step is a quarter of training.
    assert rates[:2] == pytest.approx([0.1 * (0 + 1 / 4) / 0.5, 0.1 * min((10 / 12 / 2 + 1 / 4) / 0.5, 1)])


def test_gradients_that_are_too_long_are_shortened_to_the_limit(training_bench, plain_recipe):
    limit, rate = 1e-3, 0.5
    recipe = plain_recipe("train.epochs=1", f"train.clip={limit}", f"optimizer.lr={rate}", "optimizer.weight_decay=0")
    trainer = training_bench.train(recipe)
    assert all(row["gradient_norm"] > limit for row in trainer.logged)
    assert trainer.progress.history[0]["clipped"] == 1.0
    first = training_bench.train(plain_recipe("train.epochs=1", "optimizer.lr=1e-30"))
    moved = sum(float(((value - weights(first)[name]) ** 2).sum()) for name, value in weights(trainer).items()) ** 0.5
    assert 0 < moved <= len(trainer.logged) * rate * limit * (1 + 1e-4)


LARGE_LOSS = """
    @hookimpl
    def artkit_losses(register):
        register("large", large)

    def large(ctx):
        from torch.nn.functional import cross_entropy

        return lambda logits, labels: 1000 * cross_entropy(logits, labels)
"""


def test_a_step_that_is_left_out_moves_no_average_and_has_no_gradient_norm(training_bench):
    recipe = training_bench.recipe(
        "train.epochs=1", "train.clip=1", "train.ema=0.5", "optimizer.lr=1e-6", plugin=LARGE_LOSS, loss="large"
    )
    assembly, folder, logged = assemble(recipe, open_data(recipe)), training_bench.run_folder(), []
    # The first gradient is infinite, as it is in float16 until the scale is found.
    assembly.precision.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, backoff_factor=2.0**-100)
    reporters = Reporters(pytest.fail)
    reporters.log = lambda *event: logged.append(event[2])
    trainer = Trainer(assembly, folder, reporters, lambda: False)
    trainer.train()
    assert ["gradient_norm" in values for values in logged] == [False, True, True]
    assert all(math.isfinite(values["gradient_norm"]) for values in logged[1:])
    assert load_checkpoint(folder.state)["average"]["steps"] == 2
    assert trainer.progress.step == 3


def test_gradients_within_the_limit_stay_as_they_are(training_bench, plain_recipe):
    clipped, free = (training_bench.train(plain_recipe(*options)) for options in (["train.clip=1e9"], []))
    assert [row["loss"] for row in clipped.logged] == [row["loss"] for row in free.logged]
    assert clipped.progress.history[0]["clipped"] == 0.0
    assert "clipped" not in free.progress.history[0]
    assert "gradient_norm" not in free.logged[0]
