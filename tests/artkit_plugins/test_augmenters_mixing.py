"""Mixup and cutmix: pairs of images in the shares of their labels, with weights distributed as in the papers."""

import numpy as np
import pytest
import torch
from scipy import stats

from artkit import AugmenterContext
from artkit.engine.randomness import PositionDraws
from artkit_plugins.augmenters import cutmix, mixup

CONTEXT = AugmenterContext(image_size=16)


def draws(batch, *, step=0):
    return PositionDraws(0, 0, np.arange(batch), step=step, stream=0)


def plain(batch, height=32, width=32):
    """Images of one value each, all different."""
    return (torch.arange(batch) / batch).view(-1, 1, 1, 1).expand(-1, 3, height, width).contiguous()


def weights(factory, alpha, steps=120):
    images = plain(2)
    augment = factory(CONTEXT, alpha=alpha)
    return np.array([augment(images, draws(2, step=step)).weight for step in range(steps)])


@pytest.mark.parametrize("factory", [mixup, cutmix])
def test_every_image_has_its_share_of_itself_and_the_rest_of_its_partner(factory):
    images = plain(7)
    for step in range(20):
        mixed = factory(CONTEXT, alpha=1.0)(images, draws(7, step=step))
        assert mixed.partners.tolist() == [1, 0, 3, 2, 5, 4, 6]
        values = images[:, 0, 0, 0]
        expected = mixed.weight * values + (1 - mixed.weight) * values[mixed.partners]
        torch.testing.assert_close(mixed.images.mean((1, 2, 3)), expected)
        assert torch.equal(mixed.images[6], images[6])


@pytest.mark.parametrize("factory", [mixup, cutmix])
@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_weights_are_those_of_the_beta_distribution_with_the_larger_share_first(factory, alpha):
    found, beta = weights(factory, alpha), stats.beta(alpha, alpha)
    assert found.min() >= 0.5
    for bound in (0.6, 0.75, 0.95):
        assert (found < bound).mean() == pytest.approx(beta.cdf(bound) - beta.cdf(1 - bound), abs=0.13)


def is_box(pixels):
    return pixels.sum() == pixels.any(0).sum() * pixels.any(1).sum()


def test_cutmix_shows_one_box_in_the_shape_of_the_image_wholly_in_it():
    seen = []
    for step in range(60):
        mixed = cutmix(CONTEXT)(plain(2, 24, 48), draws(2, step=step))
        values = mixed.images[0, 0]
        assert any(is_box(values == value) for value in (0.0, 0.5))
        assert set(values.unique().tolist()) <= {0.0, 0.5}
        assert (values == 0).float().mean() == pytest.approx(mixed.weight)
        assert torch.equal(mixed.images[1, 0], 0.5 - values)
        seen.append(values)
    assert len(torch.stack(seen).flatten(1).unique(dim=0)) > 50


def test_a_box_reaches_every_side_of_the_image_and_covers_no_place_more_often_than_the_centre():
    images = plain(2, 16, 16)
    other = torch.zeros(16, 16)
    for step in range(300):
        mixed = cutmix(CONTEXT)(images, draws(2, step=step))
        other += mixed.images[0, 0] > 0
    assert other[0].min() > 0
    assert other[:, -1].min() > 0
    torch.testing.assert_close(other / 300, other.flip(0, 1) / 300, rtol=0, atol=0.15)


def test_images_without_a_partner_in_the_batch_stay_as_they_are():
    images = plain(3)
    positions = np.array([1, 4, 6])
    for factory in (mixup, cutmix):
        mixed = factory(CONTEXT)(images, PositionDraws(0, 0, positions, step=0, stream=0))
        assert torch.equal(mixed.images, images)
        assert mixed.partners.tolist() == [0, 1, 2]
