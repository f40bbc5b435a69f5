"""The affine warp: exact where it can be, one draw per image, and what comes in from outside."""

import numpy as np
import pytest
import torch

from artkit import AugmenterContext
from artkit_plugins.augmenters import affine, none
from artkit_shards.hashing import STREAM_AUGMENTER, hash_uniform

CONTEXT = AugmenterContext(image_size=16)
STILL = {"rotation": 0, "shift": 0, "zoom": 0, "horizontal_flip": 0, "vertical_flip": 0}


class Draws:
    """Uniform numbers that depend on the position of the image and the number of the call alone."""

    def __init__(self, positions):
        self.positions = positions
        self.calls = 0

    def uniform(self, low=0.0, high=1.0):
        self.calls += 1
        shares = hash_uniform(0, STREAM_AUGMENTER, np.array(self.positions), self.calls)
        return low + (high - low) * torch.from_numpy(shares).float()


class LargestDraws:
    """The upper end of every range, for every image."""

    def __init__(self, num_images):
        self.num_images = num_images

    def uniform(self, low=0.0, high=1.0):
        return torch.full((self.num_images,), float(high))


def images(batch=3, height=16, width=16):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def warp(batch, draws, **options):
    return affine(CONTEXT, **{**STILL, **options})(batch, draws)


@pytest.mark.parametrize("fill", ["edge", "white", "black"])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (64, 64), (17, 31)])
def test_without_any_change_pixels_stay_as_they_are(fill, height, width):
    batch = images(height=height, width=width)
    torch.testing.assert_close(warp(batch, Draws(range(3)), fill=fill), batch, rtol=0, atol=2e-5)


def test_a_flip_that_always_happens_mirrors_left_and_right():
    batch = images(height=12, width=16)
    torch.testing.assert_close(warp(batch, Draws(range(3)), horizontal_flip=1), batch.flip(3))


def test_a_vertical_flip_mirrors_top_and_bottom():
    batch = images(height=12, width=16)
    torch.testing.assert_close(warp(batch, Draws(range(3)), vertical_flip=1), batch.flip(2))


def test_flips_happen_as_often_as_asked():
    batch = images(batch=1).expand(400, -1, -1, -1)
    flipped = (warp(batch, Draws(range(400)), horizontal_flip=0.25) - batch.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    assert 0.18 < flipped.float().mean() < 0.32


def test_a_quarter_turn_is_that_of_rot90():
    turned = warp(images(), LargestDraws(3), rotation=90)
    torch.testing.assert_close(turned, torch.rot90(images(), 1, (2, 3)), rtol=0, atol=1e-4)


def test_a_turn_keeps_shapes_in_images_that_are_not_square():
    batch = torch.zeros(1, 3, 21, 41)
    batch[:, :, 10, 12:29] = 1  # a horizontal line through the centre
    turned = warp(batch, LargestDraws(1), rotation=90, fill="black")
    expected = torch.zeros(1, 3, 21, 41)
    expected[:, :, 2:19, 20] = 1
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("fill", "outside"), [("white", 1.0), ("black", 0.0), ("edge", None)])
def test_a_shift_by_whole_pixels_moves_them_and_fills_the_rest(fill, outside):
    batch = images()
    shifted = warp(batch, LargestDraws(3), shift=4 / 16, fill=fill)
    expected = torch.empty_like(batch)
    expected[:, :, 4:, 4:] = batch[:, :, :-4, :-4]
    if outside is None:
        expected[:, :, 4:, :4] = batch[:, :, :-4, :1]
        expected[:, :, :4, :] = expected[:, :, 4:5, :]
    else:
        expected[:, :, :4], expected[:, :, :, :4] = outside, outside
    torch.testing.assert_close(shifted, expected, rtol=0, atol=2e-5)


def test_zoom_makes_the_picture_larger_about_its_centre():
    batch = torch.zeros(1, 3, 16, 16)
    batch[:, :, 6:10, 6:10] = 1
    larger = warp(batch, LargestDraws(1), zoom=1.0)
    assert larger[0, 0, 8].gt(0.5).sum() == 8
    torch.testing.assert_close(larger, larger.flip(2, 3), rtol=0, atol=1e-5)


def test_zoom_is_as_often_smaller_as_larger():
    square = torch.zeros(1, 3, 32, 32)
    square[:, :, 8:24, 8:24] = 1
    sides = warp(square.expand(300, -1, -1, -1), Draws(range(300)), zoom=1.0, fill="black")[:, 0, 16].sum(1)
    assert sides.min() == pytest.approx(8, abs=0.6)
    assert sides.max() == pytest.approx(32, abs=0.6)
    assert sides.median() == pytest.approx(16, abs=1.5)


def test_what_happens_to_an_image_does_not_depend_on_the_images_beside_it():
    batch = images(batch=37)
    augment = affine(CONTEXT)
    together = augment(batch, Draws(range(37)))
    for row in range(37):
        assert torch.equal(together[row : row + 1], augment(batch[row : row + 1], Draws([row])))
    assert torch.equal(together[[30, 0]], augment(batch[[30, 0]], Draws([30, 0])))
    assert not torch.equal(together[:1], augment(batch[:1], Draws([1])))


def test_changing_one_option_leaves_the_other_draws_as_they_are():
    numbers = []
    for options in ({}, {"rotation": 0}, {"zoom": 0}, {"vertical_flip": 1}):
        draws = Draws([0])
        affine(CONTEXT, **options)(images(batch=1), draws)
        numbers.append(draws.calls)
    assert numbers == [6, 6, 6, 6]


@pytest.mark.parametrize("fill", ["edge", "white", "black"])
def test_images_keep_shape_type_and_range_and_the_input_is_untouched(fill):
    batch = (images(batch=20) > 0.5).float()
    before = batch.clone()
    after = warp(batch, Draws(range(20)), rotation=180, shift=0.5, zoom=1, horizontal_flip=0.5, fill=fill)
    assert (after.shape, after.dtype) == (batch.shape, torch.float32)
    assert after.min() >= 0
    assert after.max() <= 1
    assert torch.equal(batch, before)


def test_none_gives_images_back_as_they_are():
    batch = images()
    assert torch.equal(none(CONTEXT)(batch, Draws(range(3))), images())
