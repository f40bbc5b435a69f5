"""Sampler and loss together: what is drawn in each epoch, what the loss makes of it, and what is deferred."""

import numpy as np
import pytest
import torch

from artkit import ComponentError
from artkit.engine.assembly import assemble, open_data
from artkit.engine.deferral import first_balanced_epoch
from artkit.engine.epoch_loss import EpochLoss
from artkit.engine.run_notes import notes
from artkit.engine.sampling import Sampling
from artkit.recipe import CommandLine, resolve_recipe
from artkit.recipe.resolve import choose
from artkit.registry import load_registry
from artkit.testing import load_plugin

NAMES = ("common", "rare", "absent")
LABELS = np.array([0] * 12 + [-1] + [1] * 4)


@pytest.fixture(scope="module")
def registry():
    return load_registry()


@pytest.fixture(scope="module")
def sampling_of(registry):
    def build(name, *, epochs=10, labels=LABELS, **options):
        choice = choose("sampler", {"name": name, **options}, registry)
        return Sampling(choice, labels, NAMES, seed=0, num_epochs=epochs)

    return build


@pytest.fixture(scope="module")
def loss_of(registry):
    def build(name, sampling, *, epochs=10, **options):
        choice = choose("loss", {"name": name, **options}, registry)
        return EpochLoss(choice, NAMES, LABELS, sampling=sampling, num_epochs=epochs)

    return build


def value(loss, logits=((1.0, -1.0, 0.5), (0.0, 2.0, 0.0)), labels=(1, 0)):
    return loss(torch.tensor(logits), torch.tensor(labels)).item()


@pytest.mark.parametrize(
    ("defer", "num_epochs", "first"),
    [(0.0, 10, 0), (0.8, 10, 8), (0.7, 10, 7), (0.79, 10, 7), (0.3, 10, 3), (0.05, 10, 0), (0.999, 10, 9), (0.9, 1, 0)],
)
def test_deferral_lasts_for_the_whole_epochs_of_its_share_and_leaves_one(defer, num_epochs, first):
    assert first_balanced_epoch(defer, num_epochs) == first


def test_images_without_a_class_are_never_drawn(sampling_of):
    counts = sampling_of("class-balanced").counts(0)
    assert (len(counts), counts[12], counts.sum()) == (17, 0, 16)
    assert np.delete(counts, 12).max() == 2


def test_draws_of_classes_add_up_to_those_of_their_images(sampling_of):
    sampling = sampling_of("sqrt")
    counts = sampling.counts(3)
    expected = [counts[np.equal(LABELS, label)].sum() for label in range(3)]
    assert sampling.class_draws(3, LABELS, 3).tolist() == expected == [10, 6, 0]


def test_a_deferred_sampler_is_natural_first_and_then_starts_from_its_beginning(sampling_of):
    deferred, whole = sampling_of("class-balanced", defer=0.4), sampling_of("class-balanced")
    for epoch in range(4):
        np.testing.assert_array_equal(deferred.counts(epoch), LABELS >= 0)
    for epoch in range(4, 10):
        np.testing.assert_array_equal(deferred.counts(epoch), whole.counts(epoch - 4))


def test_a_deferred_progressive_sampler_comes_to_balance_in_the_epochs_it_has(sampling_of):
    sampling = sampling_of("progressive", defer=0.5)
    draws = [sampling.class_draws(epoch, LABELS, 3)[1] for epoch in range(10)]
    assert draws == [4, 4, 4, 4, 4, 4, 5, 6, 7, 8]


def test_a_loss_corrects_for_the_draws_of_its_own_epoch(sampling_of, loss_of):
    sampling = sampling_of("progressive")
    loss = loss_of("balanced-softmax", sampling)
    for epoch in (0, 3, 9):
        loss.begin_epoch(epoch)
        log_prior = torch.tensor(np.maximum(sampling.class_draws(epoch, LABELS, 3), 1) / 17.0).log()
        logits, labels = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 2
        expected = torch.nn.functional.cross_entropy(logits + log_prior, labels)
        assert loss(logits, labels).item() == pytest.approx(expected.item(), rel=1e-6)


def test_epochs_may_begin_in_any_order(sampling_of, loss_of):
    sampling = sampling_of("progressive", defer=0.2)
    in_order, resumed = (loss_of("weighted-cross-entropy", sampling, defer=0.4) for _ in range(2))
    values = []
    for epoch in range(10):
        in_order.begin_epoch(epoch)
        values.append(value(in_order))
    for epoch in (9, 3, 4, 0, 6):
        resumed.begin_epoch(epoch)
        assert value(resumed) == values[epoch]


@pytest.mark.parametrize("name", ["weighted-cross-entropy", "effective-number", "balanced-softmax"])
def test_a_deferred_loss_is_cross_entropy_first_and_itself_afterwards(sampling_of, loss_of, name):
    sampling = sampling_of("natural")
    options = {"label_smoothing": 0.1}
    deferred, whole = loss_of(name, sampling, defer=0.8, **options), loss_of(name, sampling, **options)
    plain = loss_of("cross-entropy", sampling, **options)
    for epoch in range(10):
        deferred.begin_epoch(epoch)
        if epoch < 8:
            assert value(deferred) == pytest.approx(value(plain), rel=1e-6)
        else:
            assert value(deferred) == value(whole) != pytest.approx(value(plain), rel=1e-3)


def test_deferred_ldam_has_its_margins_from_the_start_and_its_weights_at_the_end(sampling_of, loss_of):
    sampling = sampling_of("natural")
    loss = loss_of("ldam", sampling, defer=0.8, beta=0.99)
    loss.begin_epoch(7)
    assert value(loss) == pytest.approx(value(loss_of("ldam", sampling)), rel=1e-6)
    loss.begin_epoch(8)
    assert value(loss) == value(loss_of("ldam", sampling, beta=0.99))


def test_a_loss_that_cannot_be_built_says_so_before_its_deferral_ends(tmp_path, sampling_of):
    file = tmp_path / "mine.py"
    file.write_text(
        "from artkit import hookimpl\n\n@hookimpl\ndef artkit_losses(register):\n    register('mine', mine)\n\n"
        "def mine(ctx):\n    if not ctx.is_deferred:\n        raise ValueError('no classes')\n    return print\n"
    )
    choice = choose("loss", {"name": "mine", "defer": 0.9}, load_plugin(file))
    with pytest.raises(ComponentError, match=r"loss 'mine' .* could not be built: ValueError: no classes"):
        EpochLoss(choice, NAMES, LABELS, sampling=sampling_of("natural"), num_epochs=10)


def test_a_sampler_that_breaks_the_contract_later_is_blamed_when_it_does(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\nfrom artkit import hookimpl\n\n@hookimpl\ndef artkit_samplers(register):\n"
        "    register('mine', mine)\n\nclass Mine:\n    def counts(self, epoch):\n"
        "        return np.ones(16 - epoch)\n\n"
        "def mine(ctx):\n    return Mine()\n"
    )
    choice = choose("sampler", {"name": "mine", "defer": 0.5}, load_plugin(file))
    sampling = Sampling(choice, LABELS, NAMES, seed=0, num_epochs=10)
    assert sampling.counts(4).sum() == 16
    with pytest.raises(ComponentError, match=r"sampler 'mine' .*: counts"):
        sampling.counts(6)


@pytest.fixture(scope="module")
def said(registry, uneven_shards):
    """A function that gives what a run with these choices says of class balance."""

    def say(sampler, loss, *assignments, epochs=10):
        recipe = resolve_recipe(
            {},
            CommandLine(
                choices={"sampler": sampler, "loss": loss},
                settings={"data.path": str(uneven_shards), "data.image_size": 16, "train.epochs": epochs},
                assignments=["model.width=8", "data.threads=1", *assignments],
            ),
            registry,
        )
        lines = notes(assemble(recipe, open_data(recipe)))
        return [line for line in lines if "sampler" in line or "loss" in line]

    return say


@pytest.mark.parametrize(
    ("sampler", "loss"),
    [
        ("natural", "balanced-softmax"),
        ("natural", "weighted-cross-entropy"),
        ("class-balanced", "cross-entropy"),
        ("progressive", "focal"),
        ("class-balanced", "ldam"),
    ],
)
def test_one_balance_alone_is_nothing_to_speak_of(said, sampler, loss):
    assert said(sampler, loss) == []


@pytest.mark.parametrize("sampler", ["class-balanced", "progressive"])
@pytest.mark.parametrize("loss", ["balanced-softmax", "weighted-cross-entropy", "effective-number"])
def test_a_loss_with_nothing_left_to_correct_is_told(said, sampler, loss):
    text = f"the loss '{loss}' corrects for what is drawn, and where the sampler '{sampler}' draws all classes equally"
    (line,) = said(sampler, loss)
    assert line == f"{text} often it has nothing to correct"


@pytest.mark.parametrize("sampler", ["sqrt", "repeat-factor"])
def test_a_loss_that_corrects_for_a_sampler_is_told(said, sampler):
    (line,) = said(sampler, "balanced-softmax")
    assert (
        line == f"the loss 'balanced-softmax' corrects for what the sampler '{sampler}' draws, not for how many images "
        "there are"
    )


def test_weights_by_name_on_top_of_a_sampler_are_told(said):
    (line,) = said("sqrt", "weighted-cross-entropy", "loss.weights={few=3.0}")
    assert (
        line == "the loss 'weighted-cross-entropy' weighs classes by itself, on top of the sampler 'sqrt': what both "
        "favour counts twice over"
    )


@pytest.mark.parametrize(
    ("choices", "line"),
    [
        (
            ("natural", "cross-entropy", "sampler.defer=0.5"),
            "sampler.defer=0.5 has no effect: in this run the sampler 'natural' balances nothing",
        ),
        (
            ("natural", "ldam", "loss.defer=0.5"),
            "loss.defer=0.5 has no effect: in this run the loss 'ldam' balances nothing",
        ),
        (
            ("sqrt", "focal", "sampler.defer=0.05"),
            "sampler.defer=0.05 of 10 epochs is less than one epoch, so nothing is deferred",
        ),
        (
            ("natural", "effective-number", "loss.defer=0.8", "train.patience=5"),
            "train.patience=5 can end the run before epoch 9, where loss.defer ends",
        ),
        (
            ("natural", "effective-number", "loss.defer=0.8", "train.patience=7"),
            "train.patience=7 can end the run before epoch 9, where loss.defer ends",
        ),
        (
            ("sqrt", "focal", "sampler.defer=0.8", "train.max_minutes=1.5"),
            "train.max_minutes=1.5 can end the run before epoch 9, where sampler.defer ends",
        ),
    ],
)
def test_deferral_without_effect_is_told(said, choices, line):
    assert said(*choices) == [line]


@pytest.mark.parametrize(
    "choices",
    [
        ("class-balanced", "cross-entropy", "sampler.defer=0.8"),
        ("natural", "ldam", "loss.defer=0.8", "loss.beta=0.99"),
        ("natural", "weighted-cross-entropy", "loss.defer=0.8", "loss.weights={few=3.0}", "train.patience=9"),
    ],
)
def test_deferral_with_effect_is_nothing_to_speak_of(said, choices):
    assert said(*choices) == []


def test_a_loss_that_balances_a_further_target_alone_is_not_said_to_balance_nothing(registry, two_target_shards):
    assignments = ["model.width=8", "data.threads=1", "loss.defer=0.5"]
    choices = {"sampler": "class-balanced", "loss": "weighted-cross-entropy"}
    settings = {"data.path": str(two_target_shards), "data.image_size": 16, "train.epochs": 10}

    def say(weights):
        more = {"data.targets": ["artist", "style"], "loss.weights": weights}
        given = CommandLine(choices=choices, settings={**settings, **more}, assignments=assignments)
        recipe = resolve_recipe({}, given, registry)
        return list(notes(assemble(recipe, open_data(recipe))))

    assert not any("has no effect" in line or "twice" in line for line in say({"line": 3.0}))
    assert any(line.endswith("counts twice over in 'artist'") for line in say({"A": 3.0}))
