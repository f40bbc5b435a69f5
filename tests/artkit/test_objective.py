"""Several targets in a step: what is missing teaches nothing, what is there teaches its exact share."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from artkit import Mixed
from artkit.engine.assembly import assemble, open_data
from artkit.engine.objective import num_labelled
from artkit.recipe.resolve import choose
from artkit.registry import load_registry

PLAIN_MODEL = """
    @hookimpl
    def artkit_models(register):
        register("plain", plain)

    def plain(ctx):
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, ctx.num_outputs))
"""
COLUMNS = {"artist": slice(0, 3), "style": slice(3, 5)}
ONE_OF_TWO = ({"artist": 1, "style": 0}, {"artist": 0, "style": 1})


@pytest.fixture
def recipe_of(training_bench, two_target_shards):
    """A function that resolves a recipe for artist and style: a linear model, plain SGD, no augmentation."""

    def make(*assignments, augmenters=()):
        recipe = training_bench.recipe(
            f"data.path={two_target_shards}",
            "data.targets=artist,style",
            "optimizer.momentum=0",
            *assignments,
            plugin=PLAIN_MODEL,
            model="plain",
            schedule="constant",
            loss="cross-entropy",
        )
        return type(recipe)(**{name: getattr(recipe, name) for name in recipe.__slots__} | {"augmenters": augmenters})

    return make


@pytest.fixture
def parts(recipe_of):
    recipe = recipe_of("train.batch_size=8", "data.target_weights=style=0.5")
    return assemble(recipe, open_data(recipe))


def first_batch(parts):
    batch = next(iter(parts.loader))
    logits = torch.randn(len(batch.rows), 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert (batch.targets["artist"] < 0).any()
    assert (batch.targets["style"] < 0).any()
    return batch, logits


def by_hand(logits, labels_of, counts, weights):
    """The sum over targets of weight times mean, image by image."""
    total = torch.zeros(())
    for name, columns in COLUMNS.items():
        for answer, label in zip(logits[:, columns], labels_of[name].tolist(), strict=True):
            if label >= 0:
                total = total + weights[name] * -F.log_softmax(answer, 0)[label] / counts[name]
    return total


def test_the_loss_is_the_weighted_sum_of_the_means_over_the_images_of_the_step_with_a_label(parts):
    batch, logits = first_batch(parts)
    rows = parts.loader.plan[:16]
    judged = parts.loss(logits, batch.targets, None, rows)
    counts = {name: int((labels[rows] >= 0).sum()) for name, labels in parts.train.targets.items()}
    assert counts["artist"] != counts["style"]
    expected = by_hand(logits, batch.targets, counts, {"artist": 1.0, "style": 0.5})
    assert judged.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert parts.loss.loss_of_step(judged.sums.tolist(), rows) == pytest.approx(expected.item(), rel=1e-5)
    alone = [by_hand(logits, batch.targets, {"artist": 1, "style": 1}, weights) for weights in ONE_OF_TWO]
    assert judged.sums.tolist() == pytest.approx([total.item() for total in alone], rel=1e-5)
    assert judged.labelled == tuple(int((batch.targets[name] >= 0).sum()) for name in COLUMNS)
    right = [(logits[:, columns].argmax(1) == batch.targets[name]).sum().item() for name, columns in COLUMNS.items()]
    assert judged.correct.tolist() == right


def test_what_has_no_label_has_no_gradient_and_all_else_has_one(parts):
    batch, logits = first_batch(parts)
    parts.loss(logits, batch.targets, None, parts.loader.plan[:8]).loss.backward()
    for name, columns in COLUMNS.items():
        has_gradient = (logits.grad[:, columns] != 0).any(1)
        assert torch.equal(has_gradient, batch.targets[name] >= 0)


def test_mixed_images_have_the_labels_that_each_of_the_two_has(parts):
    batch, logits = first_batch(parts)
    rows, partners = parts.loader.plan[:8], torch.tensor([1, 0, 3, 2, 5, 4, 7, 6])
    judged = parts.loss(logits, batch.targets, Mixed(batch.images, partners, 0.75), rows)
    counts = {name: num_labelled(labels, rows) for name, labels in parts.train.targets.items()}
    weights = {"artist": 1.0, "style": 0.5}
    partners_labels = {name: labels[partners] for name, labels in batch.targets.items()}
    own, others = (by_hand(logits, labels, counts, weights) for labels in (batch.targets, partners_labels))
    assert judged.loss.item() == pytest.approx((0.75 * own + 0.25 * others).item(), rel=1e-5)


def test_a_target_that_a_batch_tells_nothing_of_is_left_out_of_it(parts):
    batch, logits = first_batch(parts)
    batch.targets["style"][:] = -1
    judged = parts.loss(logits, batch.targets, None, parts.loader.plan[:8])
    judged.loss.backward()
    assert judged.labelled[1] == judged.correct[1] == 0
    assert not logits.grad[:, 3:].any()
    assert logits.grad[:, :3].any()


@pytest.mark.parametrize(("batch_size", "accumulate"), [(4, 2), (3, 3), (2, 5)])
def test_accumulated_batches_with_uneven_gaps_teach_what_one_large_batch_teaches(
    training_bench, recipe_of, batch_size, accumulate
):
    large = training_bench.train(recipe_of(f"train.batch_size={batch_size * accumulate}"))
    small = training_bench.train(recipe_of(f"train.batch_size={batch_size}", f"train.accumulate={accumulate}"))
    assert [row["loss"] for row in small.logged] == pytest.approx([row["loss"] for row in large.logged], rel=1e-5)
    for name, value in small.weights()["model"].items():
        torch.testing.assert_close(value, large.weights()["model"][name], rtol=1e-4, atol=1e-6)
    names = ("train_accuracy", "train_style_accuracy", "val_accuracy", "val_style_accuracy")
    ours, theirs = ({name: trainer.progress.history[0][name] for name in names} for trainer in (small, large))
    assert ours == theirs


def test_weights_scale_the_part_of_their_target(training_bench, recipe_of):
    losses = []
    for weight in (0, 1, 3):
        options = (f"data.target_weights=style={weight}", "train.epochs=1", "optimizer.weight_decay=0")
        trainer = training_bench.train(recipe_of(*options))
        losses.append(trainer.logged[0]["loss"])
    without, once, thrice = losses
    assert once > without
    assert thrice - without == pytest.approx(3 * (once - without), rel=1e-5)


@pytest.mark.parametrize("options", [("train.batch_size=24",), ("train.batch_size=4", "train.accumulate=6")])
def test_the_loss_of_each_target_is_recorded_beside_their_sum(training_bench, recipe_of, options):
    recipe = recipe_of(*options, "train.epochs=1", "data.target_weights=style=0.5")
    (row,) = training_bench.train(recipe).progress.history  # of a single step
    assert row["train_loss"] == pytest.approx(row["train_artist_loss"] + 0.5 * row["train_style_loss"])
    untrained = assemble(recipe, open_data(recipe))
    batch = next(iter(untrained.loader))
    if len(batch.rows) > 4:
        images = untrained.preprocessing.normalise(untrained.preprocessing.to_unit(batch.images))
        logits, styles = untrained.model(images)[:, 3:], batch.targets["style"]
        expected = F.cross_entropy(logits[styles >= 0], styles[styles >= 0])
        assert row["train_style_loss"] == pytest.approx(expected.item(), rel=1e-4)


def test_one_target_alone_has_one_loss(training_bench):
    row = training_bench.train(training_bench.recipe("train.epochs=1")).progress.history[0]
    assert [name for name in row if name.startswith("train_")] == ["train_loss", "train_accuracy"]


def test_a_target_of_weight_zero_is_judged_and_not_learnt(training_bench, recipe_of):
    options = ("data.target_weights=style=0", "optimizer.weight_decay=0")
    before = assemble(recipe_of(*options), open_data(recipe_of(*options))).model.state_dict()
    trainer = training_bench.train(recipe_of(*options))
    after = trainer.weights()["model"]
    weight = next(name for name in after if name.endswith("weight"))
    assert torch.equal(after[weight][3:], before[weight][3:])
    assert not torch.equal(after[weight][:3], before[weight][:3])
    assert "val_style_loss" in trainer.progress.history[0]


def test_a_run_of_two_targets_goes_on_as_if_it_had_not_stopped(training_bench, two_target_shards):
    recipe = training_bench.recipe(
        f"data.path={two_target_shards}",
        "data.targets=artist,style",
        "train.batch_size=4",
        "train.accumulate=2",
        "train.ema=0.9",
        "train.clip=0.5",
        sampler="class-balanced",
        loss="balanced-softmax",
    )
    mixup = choose("augmenter", {"name": "mixup", "p": 0.5}, load_registry())
    recipe = type(recipe)(**{name: getattr(recipe, name) for name in recipe.__slots__} | {"augmenters": (mixup,)})
    assert training_bench.stops_and_resumptions_are_not_seen(recipe, stops=[2, 3])


def test_the_sampler_balances_the_first_target_and_draws_once_what_only_another_one_tells(
    training_bench, two_target_shards
):
    recipe = training_bench.recipe(
        f"data.path={two_target_shards}", "data.targets=artist,style", sampler="class-balanced"
    )
    parts = assemble(recipe, open_data(recipe))
    counts, labels = parts.sampling.counts(0), parts.train.targets
    drawn = np.bincount(labels["artist"][labels["artist"] >= 0], weights=counts[labels["artist"] >= 0])
    assert drawn.max() - drawn.min() <= 1
    only_style = (labels["artist"] < 0) & (labels["style"] >= 0)
    assert only_style.sum() == 2
    assert (counts[only_style] == 1).all()
    neither = (labels["artist"] < 0) & (labels["style"] < 0)
    assert neither.sum() == 1
    assert not counts[neither].any()


def test_each_loss_is_told_how_often_the_classes_of_its_target_are_drawn(training_bench, two_target_shards):
    recipe = training_bench.recipe(
        f"data.path={two_target_shards}", "data.targets=artist,style", sampler="class-balanced"
    )
    parts = assemble(recipe, open_data(recipe))
    for target in parts.loss.losses:
        context, labels = target.loss.context(1), parts.train.targets[target.head.name]
        drawn = labels[np.repeat(np.arange(len(labels)), parts.sampling.counts(1))]
        assert context.drawn_counts.tolist() == np.bincount(drawn[drawn >= 0]).tolist()
        assert context.class_counts.tolist() == np.bincount(labels[labels >= 0]).tolist()
        assert context.class_names == parts.dataset.targets[target.head.name]
