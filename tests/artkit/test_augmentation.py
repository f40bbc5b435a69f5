"""The chain of augmenters: probabilities for images and for steps, mixing at most once, and whose labels are learnt."""

from textwrap import dedent

import numpy as np
import pytest
import torch

from artkit.contracts import AugmenterContext
from artkit.engine.augmentation import AugmentationChain, AugmentationStep
from artkit.errors import ComponentError
from artkit.testing import load_plugin

PLUGIN = """
    from artkit import Mixed, hookimpl

    @hookimpl
    def artkit_augmenters(register):
        register("invert", lambda ctx: lambda images, draws: 1 - images)
        register("dim", dim)
        register("average", lambda ctx: Average())
        register("liar", lambda ctx: Average().__call__)
        register("plain-mixer", lambda ctx: PlainMixer())
        register("heavy", lambda ctx: Average(weight=1.5))
        register("lonely", lambda ctx: Average(partners=[1, 0, 3, 2]))
        register("narrow", lambda ctx: lambda images, draws: images[..., 1:])
        register("coarse", lambda ctx: lambda images, draws: (255 * images).byte())
        register("broken", lambda ctx: lambda images, draws: images / [])

    def dim(ctx):
        return lambda images, draws: images * draws.uniform(0.2, 0.9).view(-1, 1, 1, 1)

    class Average:
        mixes = True

        def __init__(self, weight=0.75, partners=None):
            self.weight, self.partners = weight, partners

        def __call__(self, images, draws):
            partners = draws.partners() if self.partners is None else self.partners
            return Mixed(0.75 * images + 0.25 * images[partners], partners, self.weight)

    class PlainMixer:
        mixes = True

        def __call__(self, images, draws):
            return images
"""


@pytest.fixture(scope="module")
def make_chain(tmp_path_factory):
    """A function that makes a chain of names and probabilities."""
    path = tmp_path_factory.mktemp("plugin") / "mine.py"
    path.write_text(dedent(PLUGIN))
    registry = load_plugin(path)

    def make(*steps, seed=0):
        components = [(registry.component("augmenter", name), p) for name, p in steps]
        context = AugmenterContext(image_size=4)
        return AugmentationChain([AugmentationStep(c, c.build(context), p) for c, p in components], seed)

    return make


def images(batch=4):
    return torch.rand(batch, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def augment(chain, batch=4, *, epoch=0, step=0):
    return chain(images(batch), epoch, np.arange(batch), step)


def test_without_augmenters_images_stay_as_they_are(make_chain):
    augmented = augment(make_chain())
    assert torch.equal(augmented.images, images())
    assert augmented.mixed is None


def test_augmenters_are_applied_in_order(make_chain):
    dimmed = augment(make_chain(("dim", 1), ("invert", 1))).images
    shares = (1 - dimmed) / images()
    assert shares.min() >= 0.2 - 1e-5
    assert shares.max() < 0.9 + 1e-5


def test_an_augmenter_changes_an_image_with_its_probability_and_draws_the_same_when_it_does(make_chain):
    always, sometimes = (augment(make_chain(("dim", p)), 400).images for p in (1, 0.25))
    is_changed = (sometimes == always).flatten(1).all(1)
    assert ((sometimes == images(400)).flatten(1).all(1) == ~is_changed).all()
    assert 0.18 < is_changed.float().mean() < 0.32
    assert torch.equal(augment(make_chain(("dim", 0)), 400).images, images(400))


def test_an_augmenter_that_mixes_is_applied_to_all_images_of_a_step_or_to_none(make_chain):
    chain = make_chain(("average", 0.25))
    steps = [augment(chain, step=step) for step in range(400)]
    mixed = 0.75 * images() + 0.25 * images()[[1, 0, 3, 2]]
    for step in steps:
        assert torch.equal(step.images, images() if step.mixed is None else mixed)
    assert 0.18 < np.mean([step.mixed is not None for step in steps]) < 0.32


def test_parts_of_a_step_are_all_mixed_or_none_is(make_chain):
    chain = make_chain(("average", 0.5))
    for step in range(10):
        parts = [chain(images(2), 0, np.arange(first, first + 2), step).mixed for first in (0, 2, 4)]
        assert len({part is None for part in parts}) == 1


def test_images_are_mixed_once_in_a_step_and_later_mixers_fill_in(make_chain):
    first, both = make_chain(("average", 0.5)), make_chain(("average", 0.5), ("average", 1))
    for step in range(20):
        once, twice = augment(first, step=step), augment(both, step=step)
        assert twice.mixed is not None
        assert torch.equal(twice.images, 0.75 * images() + 0.25 * images()[[1, 0, 3, 2]])
        if once.mixed is not None:
            assert torch.equal(once.images, twice.images)


def test_what_follows_changes_mixed_images_and_leaves_their_labels(make_chain):
    mixed, inverted = augment(make_chain(("average", 1))), augment(make_chain(("average", 1), ("invert", 1)))
    assert torch.equal(inverted.images, 1 - mixed.images)
    assert torch.equal(inverted.mixed.partners, mixed.mixed.partners)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("liar", r"'liar' \(mine.py\) returned Mixed; an augmenter that mixes images has an attribute `mixes`"),
        ("plain-mixer", r"returned a tensor \(4, 3, 4, 4\); an augmenter whose attribute `mixes` is True returns"),
        ("heavy", r"returned the weight 1.5; the share of an image's own label is from 0 to 1"),
        ("lonely", r"returned partners that are not int64 \(4,\); take them from draws.partners"),
        ("narrow", r"returned a tensor \(4, 3, 4, 3\); an augmenter returns images of the shape it was given"),
        ("coarse", r"returned torch.uint8; an augmenter returns torch.float32 in \[0, 1\]"),
        ("broken", r"'broken' \(mine.py\) raised TypeError in augmenting a batch"),
    ],
)
def test_an_augmenter_that_breaks_the_contract_is_named(make_chain, name, message):
    with pytest.raises(ComponentError, match=message):
        augment(make_chain((name, 1)))
