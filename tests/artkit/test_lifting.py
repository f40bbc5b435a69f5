"""Transforms of one image as augmenters: reproducible, whichever of the global generators they draw from."""

import random
from textwrap import dedent

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from artkit import AugmenterContext, per_sample
from artkit.engine.randomness import PositionDraws
from artkit.testing import load_plugin

TRANSFORMS = {
    "crop": v2.RandomResizedCrop(12, antialias=True),
    "perspective": v2.RandomPerspective(p=1.0),
    "elastic": v2.ElasticTransform(alpha=20.0, sigma=1.0),
    "colours": v2.Compose([v2.RandomHorizontalFlip(), v2.ColorJitter(0.3, 0.3, 0.3, 0.1)]),
    "noise": v2.GaussianNoise(),
    "python": lambda image: image * random.random(),
    "numpy": lambda image: image * np.random.rand(),
    "in place": lambda image: image.mul_(torch.rand(())),
}


def images(batch=6):
    return torch.rand(batch, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def draws(positions):
    return PositionDraws(0, 0, np.asarray(positions), step=0, stream=0)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_an_image_becomes_the_same_in_any_batch_and_another_one_at_another_position(name):
    augment, batch = per_sample(TRANSFORMS[name]), images(1).expand(6, -1, -1, -1).contiguous()
    together = augment(batch, draws(range(6)))
    assert len(together.flatten(1).unique(dim=0)) >= 5
    for parts in ([range(6)], [range(1), range(1, 6)], [range(3), range(3, 6)]):
        apart = torch.cat([augment(batch[list(part)], draws(part)) for part in parts])
        assert torch.equal(apart, together)
    assert torch.equal(batch, images(1).expand(6, -1, -1, -1))


def test_global_generators_go_on_as_if_nothing_had_happened():
    def numbers():
        return torch.rand(1).item(), random.random(), np.random.rand()

    def seed():
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)

    seed()
    expected = numbers()
    seed()
    per_sample(lambda image: image * (random.random() + np.random.rand() + torch.rand(())))(images(), draws(range(6)))
    assert numbers() == expected


def test_they_do_so_too_where_the_transform_fails():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    with pytest.raises(ZeroDivisionError, match="by zero"):
        per_sample(lambda image: image / (1 // 0))(images(), draws(range(6)))
    assert torch.rand(1) == expected


@pytest.mark.parametrize(
    ("transform", "given"), [(lambda image: image[:, 1:], r"\(3, 11, 12\)"), (lambda image: image.tolist(), "list")]
)
def test_a_transform_that_changes_the_shape_is_told_the_rule(transform, given):
    with pytest.raises(ValueError, match=rf"returned {given} for an image \(3, 12, 12\); it returns an image of the"):
        per_sample(transform)(images(), draws(range(6)))


def test_a_transform_that_ends_in_8_bits_is_told_the_rule():
    with pytest.raises(ValueError, match=r"returned torch.uint8; it returns floats in .* end it with v2.ToDtype"):
        per_sample(v2.ToDtype(torch.uint8, scale=True))(images(), draws(range(6)))


PLUGIN = '''
    from typing import Annotated

    from artkit import Gt, hookimpl, per_sample

    @hookimpl
    def artkit_augmenters(register):
        register("blur", blur)

    def blur(ctx, *, sigma: Annotated[float, Gt(0), "largest"] = 2.0):
        """Blur images, each by another strength."""
        from torchvision.transforms import v2

        return per_sample(v2.GaussianBlur(5, (0.1, sigma)))
'''


def test_one_file_makes_a_transform_of_torchvision_an_augmenter_with_options(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(dedent(PLUGIN))
    component = load_plugin(path).component("augmenter", "blur")
    blurred = component.build(AugmenterContext(image_size=12), {"sigma": 3.0})(images(), draws(range(6)))
    assert (blurred.std((1, 2, 3)) <= images().std((1, 2, 3))).all()
    assert not torch.equal(blurred, images())
