"""Augmenters that change colours, each beside the operation of torchvision that it is named for."""

import math

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from artkit import AugmenterContext
from artkit.engine.randomness import PositionDraws
from artkit_plugins.augmenters import colour, trivial_augment
from artkit_plugins.augmenters.jitter import blend, luma, turn_hue
from artkit_plugins.augmenters.tones import equalise, posterise, sharpen, solarise, stretch

CONTEXT = AugmenterContext(image_size=16)
STILL = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}
FACTORS = (0.01, 0.5, 1.0, 1.3, 1.99)


def draws(batch, *, seed=0):
    return PositionDraws(seed, 0, np.arange(batch), step=0, stream=0)


def pictures(batch=5, height=24, width=17):
    """Pixels of 8 bits; every image has a range of its own."""
    levels = torch.randint(0, 256, (batch, 3, height, width), generator=torch.Generator().manual_seed(0))
    ranges = torch.linspace(0.2, 1, batch).view(-1, 1, 1, 1)
    return (levels * ranges + 10 * (1 - ranges)).round() / 255


def bytes_of(images):
    return images.mul(255).round().to(torch.uint8)


def one_by_one(function, images, arguments):
    return torch.stack([function(image, argument) for image, argument in zip(images, arguments, strict=True)])


@pytest.mark.parametrize(
    ("place", "function"),
    [(0, reference.adjust_brightness), (1, reference.adjust_contrast), (2, reference.adjust_saturation)],
    ids=["brightness", "contrast", "saturation"],
)
def test_a_factor_alone_does_what_that_of_torchvision_does(place, function):
    factors = torch.ones(3, 5)
    factors[place] = torch.tensor(FACTORS)
    changed = blend(pictures(), *factors).clamp(0, 1)
    torch.testing.assert_close(changed, one_by_one(function, pictures(), FACTORS), rtol=0, atol=5e-4)


def test_factors_together_are_those_one_after_the_other():
    images = 0.3 + 0.2 * pictures()  # far from both ends, where nothing is cut off
    brightness, contrast, saturation = (
        torch.tensor([1.1, 0.8, 1.0, 1.2, 0.7]),
        torch.linspace(0.8, 1.2, 5),
        torch.ones(5),
    )
    together = blend(images, brightness, contrast, 0.7 * saturation)
    ones = torch.ones(5)
    apart = blend(blend(blend(images, brightness, ones, ones), ones, contrast, ones), ones, ones, 0.7 * saturation)
    torch.testing.assert_close(together, apart)


def test_no_change_of_colours_leaves_images_as_they_are():
    torch.testing.assert_close(colour(CONTEXT, **STILL)(pictures(), draws(5)), pictures(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("option", ["brightness", "contrast", "saturation", "hue"])
def test_each_option_changes_images_by_factors_of_their_own(option):
    image = pictures(1)
    changed = colour(CONTEXT, **{**STILL, option: 0.4})(image.expand(20, -1, -1, -1), draws(20))
    assert len(changed.flatten(1).unique(dim=0)) == 20


def test_brightness_stays_within_its_bounds():
    gray = torch.full((1000, 3, 1, 1), 0.5)
    factors = colour(CONTEXT, **{**STILL, "brightness": 0.2})(gray, draws(1000))[:, 0, 0, 0] / 0.5
    assert factors.min() == pytest.approx(0.8, abs=0.005)
    assert factors.max() == pytest.approx(1.2, abs=0.005)
    assert factors.mean() == pytest.approx(1, abs=0.01)


def test_a_turn_of_the_hue_keeps_luma_and_grays_and_closes_after_a_circle():
    images, angles = pictures(), torch.linspace(-3, 3, 5)
    turned = turn_hue(images, angles)
    torch.testing.assert_close(luma(turned), luma(images), rtol=0, atol=1e-5)
    torch.testing.assert_close(turn_hue(turned, -angles), images, rtol=0, atol=1e-5)
    torch.testing.assert_close(turn_hue(images, torch.full((5,), math.tau)), images, rtol=0, atol=1e-5)
    gray = pictures()[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(turn_hue(gray, angles), gray, rtol=0, atol=1e-5)


def test_half_a_turn_of_the_hue_makes_red_cyan():
    red = torch.tensor([0.6, 0.3, 0.3]).view(1, 3, 1, 1)
    gray = luma(red)
    torch.testing.assert_close(turn_hue(red, torch.tensor([math.pi])), 2 * gray - red)


def test_sharpness_is_that_of_torchvision():
    expected = one_by_one(reference.adjust_sharpness, pictures(), FACTORS)
    torch.testing.assert_close(sharpen(pictures(), torch.tensor(FACTORS)), expected, rtol=0, atol=1e-5)
    tiny = pictures(2, 2, 9)
    assert torch.equal(sharpen(tiny, torch.tensor([0.0, 2.0])), tiny)


def test_fewer_bits_are_those_of_torchvision():
    bits = (8, 7, 5, 3, 2)
    changed = posterise(pictures(), torch.tensor(bits, dtype=torch.float32))
    assert torch.equal(bytes_of(changed), one_by_one(reference.posterize, bytes_of(pictures()), bits))


def test_reversal_is_that_of_torchvision():
    thresholds = (0.0, 0.25, 0.5, 0.9, 1.0)
    assert torch.equal(
        solarise(pictures(), torch.tensor(thresholds)), one_by_one(reference.solarize, pictures(), thresholds)
    )


def with_plain_channel():
    images = pictures()
    images[1, 2] = 0.4
    return images


def test_stretched_ranges_are_those_of_torchvision():
    images = with_plain_channel()
    torch.testing.assert_close(stretch(images), reference.autocontrast(images), rtol=0, atol=1e-6)


def test_equal_frequencies_are_those_of_torchvision():
    images = with_plain_channel()
    images[2, 0] = 0  # with more than one level, but too few pixels beside the brightest one for a step
    images[2, 0, 0, :3] = 0.2
    larger = torch.cat([images, images.flip(3)], 3)
    for batch in (images, larger):
        assert torch.equal(bytes_of(equalise(batch)), reference.equalize(bytes_of(batch)))
    assert torch.equal(equalise(images)[1, 2], images[1, 2])


def test_trivial_augment_moves_recolours_and_leaves_images_alone_in_its_shares():
    image = torch.full((1, 3, 15, 15), 0.5)
    image[:, :, 5:10, 5:10] = torch.tensor([0.9, 0.3, 0.2]).view(1, 3, 1, 1)
    changed = trivial_augment(CONTEXT, fill="black")(image.expand(1500, -1, -1, -1), draws(1500))
    is_moved = (changed[:, :, [0, 0, -1, -1], [0, -1, 0, -1]] < 1e-3).all(1).any(1)
    is_same = (changed == image).all(3).all(2).all(1)
    # 5 of 14 operations move; the weakest of 31 strengths moves nothing, and small turns leave the corners.
    assert 0.2 < is_moved.float().mean() < 5 / 14
    assert 1 / 14 < is_same.float().mean() < 0.2
    assert len(changed.flatten(1).unique(dim=0)) > 300


def test_geometric_only_keeps_the_colours_of_the_picture():
    image = torch.zeros(1, 3, 33, 33)
    image[:, :, 8:25, 8:25] = torch.tensor([0.9, 0.3, 0.2]).view(1, 3, 1, 1)
    batch = image.expand(400, -1, -1, -1)
    for options, keeps in (({"geometric_only": True}, True), ({}, False)):
        centres = trivial_augment(CONTEXT, fill="black", **options)(batch, draws(400))[:, :, 16, 16]
        is_kept = (centres - image[:, :, 16, 16]).abs().amax(1) < 1e-4
        assert is_kept.all() == keeps


class Chosen:
    """Draws that choose an operation of trivial-augment by its number, and a strength, to the right and upwards."""

    def __init__(self, operation, strength):
        self.numbers = iter([(operation + 0.5) / 14, strength, 0.9])

    def uniform(self, low=0.0, high=1.0):
        return torch.full((1,), low + (high - low) * next(self.numbers))


def test_the_least_strength_changes_nothing_where_there_are_strengths():
    image = pictures(1, 28, 28)
    image[..., :2, :] = 1  # white as well
    for operation in (*range(11), 13):
        changed = trivial_augment(CONTEXT, fill="black")(image, Chosen(operation, 0.0))
        torch.testing.assert_close(changed, image, rtol=0, atol=3e-5)


def test_the_largest_strengths_are_those_of_the_wide_space():
    image = pictures(1, 28, 28)
    found = [trivial_augment(CONTEXT, fill="black")(image, Chosen(operation, 0.999)) for operation in range(14)]
    shifted = torch.zeros_like(image)
    shifted[..., 4:] = image[..., :-4]  # 32 of 224 pixels are 4 of 28
    torch.testing.assert_close(found[2], shifted, rtol=0, atol=3e-5)
    torch.testing.assert_close(found[3][..., 4:, :], image[..., :-4, :], rtol=0, atol=3e-5)
    torch.testing.assert_close(found[5], reference.adjust_brightness(image, 1.99), rtol=0, atol=5e-4)
    torch.testing.assert_close(found[6], reference.adjust_contrast(image, 1.99), rtol=0, atol=5e-4)
    torch.testing.assert_close(found[7], reference.adjust_saturation(image, 1.99), rtol=0, atol=5e-4)
    torch.testing.assert_close(found[8], reference.adjust_sharpness(image, 1.99), rtol=0, atol=1e-5)
    assert torch.equal(bytes_of(found[9]), reference.posterize(bytes_of(image), 2))
    assert torch.equal(found[10], reference.solarize(image, 0.0))
    torch.testing.assert_close(found[11], reference.autocontrast(image), rtol=0, atol=1e-6)
    assert torch.equal(bytes_of(found[12]), reference.equalize(bytes_of(image)))
    assert torch.equal(found[13], image)


def test_shears_move_rows_and_columns_by_their_distance_from_the_centre():
    lines = torch.zeros(1, 3, 29, 29)
    lines[:, :, :, 14] = 1
    sheared = trivial_augment(CONTEXT, fill="black")(lines, Chosen(0, 0.999))[0, 0]
    assert sheared.argmax(1).tolist()[1:-1] == list(range(27, 0, -1))
    upright = trivial_augment(CONTEXT, fill="black")(lines.mT, Chosen(1, 0.999))[0, 0]
    assert upright.argmax(0).tolist()[1:-1] == list(range(27, 0, -1))


def test_turns_reach_135_degrees():
    mark = torch.zeros(1, 3, 33, 33)
    mark[:, :, 4:7, 15:18] = 1
    turned = trivial_augment(CONTEXT, fill="black")(mark, Chosen(4, 0.999))[0, 0]
    rows, columns = (turned.sum(axis) @ (torch.arange(33.0) - 16) / turned.sum() for axis in (1, 0))
    assert (rows, columns) == pytest.approx((11 / math.sqrt(2), -11 / math.sqrt(2)), abs=0.1)  # down and to the left
