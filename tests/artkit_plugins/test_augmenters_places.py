"""Augmenters that move or hide pixels: mirror images, turns, parts, and boxes."""

import math

import numpy as np
import pytest
import torch

from artkit import AugmenterContext, RecipeError
from artkit.engine.randomness import PositionDraws
from artkit.registry import load_registry
from artkit_plugins.augmenters import crop, erase, flips, rotate
from artkit_plugins.augmenters.boxes import inside

CONTEXT = AugmenterContext(image_size=16)


def draws(batch, *, seed=0):
    return PositionDraws(seed, 0, np.arange(batch), step=0, stream=0)


def noise(batch=3, height=16, width=16):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def copies(image, batch):
    return image.expand(batch, -1, -1, -1)


def test_a_flip_mirrors_the_very_pixels():
    images = noise(height=12)
    assert torch.equal(flips(CONTEXT, horizontal=1)(images, draws(3)), images.flip(3))
    assert torch.equal(flips(CONTEXT, horizontal=0, vertical=1)(images, draws(3)), images.flip(2))
    assert torch.equal(flips(CONTEXT, horizontal=1, vertical=1)(images, draws(3)), images.flip(2, 3))


def test_flips_happen_as_often_as_asked_and_both_ways_independently():
    image = noise(1)
    flipped = flips(CONTEXT, horizontal=0.25, vertical=0.5)(copies(image, 800), draws(800))
    axes = ((), (3,), (2,), (2, 3))
    shares = [(flipped == image.flip(axis)).all(3).all(2).all(1).float().mean().item() for axis in axes]
    assert shares == pytest.approx([3 / 8, 1 / 8, 3 / 8, 1 / 8], abs=0.05)


def test_right_angles_turn_the_very_pixels_and_are_equally_likely():
    image = noise(1)
    turned = rotate(CONTEXT, angles=(0, 90, 180, 270))(copies(image, 800), draws(800))
    shares = [
        (turned == torch.rot90(image, quarter, (2, 3))).all(3).all(2).all(1).float().mean() for quarter in range(4)
    ]
    assert sum(shares) == 1
    assert shares == pytest.approx([0.25] * 4, abs=0.05)


def test_angles_are_taken_round_the_circle():
    image = noise(1)
    for angle, quarters in ((-90, 3), (450, 1), (720, 0)):
        turned = rotate(CONTEXT, angles=(angle,))(image, draws(1))
        assert torch.equal(turned, torch.rot90(image, quarters, (2, 3)))


def test_the_offline_turns_by_45_90_and_180_degrees_are_all_made():
    disc = torch.zeros(1, 3, 33, 33)
    disc[:, :, 4:8, 14:19] = 1  # a mark above the centre
    turned = rotate(CONTEXT, angles=(45, 90, 180), fill="black")(copies(disc, 300), draws(300))
    rows, columns = (torch.arange(33.0) - 16 for _ in range(2))
    weights = turned[:, 0] / turned[:, 0].sum((1, 2), keepdim=True)
    x, y = (weights * columns).sum((1, 2)), (weights * rows[:, None]).sum((1, 2))
    angles = torch.rad2deg(torch.atan2(-x, -y)) % 360  # from above, against the clock
    found = angles.round().tolist()
    assert sorted(set(found)) == [45, 90, 180]
    assert min(found.count(angle) for angle in (45, 90, 180)) > 80


def test_a_quarter_turn_of_an_image_that_is_not_square_keeps_its_shape_and_cuts_off_the_rest():
    image = noise(1, 21, 41)
    turned = rotate(CONTEXT, angles=(90,), fill="black")(image, draws(1))
    expected = torch.zeros_like(image)
    expected[:, :, :, 10:31] = torch.rot90(image[:, :, :, 10:31], 1, (2, 3))
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-4)
    assert torch.equal(rotate(CONTEXT, angles=(180,))(image, draws(1)), image.flip(2, 3))


def test_without_chosen_angles_any_angle_up_to_the_largest_comes():
    image = noise(1)
    turned = rotate(CONTEXT, degrees=30)(copies(image, 50), draws(50))
    assert len(turned.flatten(1).unique(dim=0)) == 50
    torch.testing.assert_close(rotate(CONTEXT, degrees=0)(image, draws(1)), image, rtol=0, atol=2e-5)


def ramps(batch, height, width):
    """Images whose first channel says the column and whose second says the row, as shares."""
    images = torch.zeros(1, 3, height, width)
    images[:, 0] = (torch.arange(width) + 0.5) / width
    images[:, 1] = ((torch.arange(height) + 0.5) / height)[:, None]
    return copies(images, batch)


def shown_parts(parts):
    """Width, height and centre, as shares of the image, of the parts that crops of ramps show."""
    columns, rows = parts[:, 0, parts.shape[2] // 2], parts[:, 1, :, parts.shape[3] // 2]
    # Away from the edges, where the ramp is repeated; 16 of 32 pixels in the middle.
    wide, high = ((values[:, 23] - values[:, 8]) * 32 / 15 for values in (columns, rows))
    return wide, high, (columns[:, 15] + columns[:, 16]) / 2, (rows[:, 15] + rows[:, 16]) / 2


def test_parts_have_the_areas_and_ratios_that_were_asked_for():
    parts = crop(CONTEXT, scale=(0.2, 0.5), ratio=1.5)(ramps(500, 32, 32), draws(500))
    wide, high, x, y = shown_parts(parts)
    areas, ratios = wide * high, wide / high
    assert areas.min() == pytest.approx(0.2, abs=0.01)
    assert areas.max() == pytest.approx(0.5, abs=0.01)
    assert ratios.min() == pytest.approx(1 / 1.5, abs=0.02)
    assert ratios.max() == pytest.approx(1.5, abs=0.02)
    assert ratios.log().mean() == pytest.approx(0, abs=0.05)
    assert (x - wide / 2).min() >= -1e-3
    assert (x + wide / 2).max() <= 1 + 1e-3
    assert (y - high / 2).min() == pytest.approx(0, abs=0.02)
    assert (y + high / 2).max() == pytest.approx(1, abs=0.02)


def test_the_whole_image_is_a_part_that_changes_nothing():
    images = noise(5, 20, 31)
    whole = crop(CONTEXT, scale=(1, 1), ratio=1)(images, draws(5))
    torch.testing.assert_close(whole, images, rtol=0, atol=2e-5)


def test_a_part_that_would_reach_beyond_the_image_is_as_wide_as_the_image():
    wide, high, x, _ = shown_parts(crop(CONTEXT, scale=(1, 1), ratio=2)(ramps(200, 32, 32), draws(200)))
    torch.testing.assert_close(torch.maximum(wide, high), torch.ones(200), rtol=0, atol=1e-3)
    assert torch.minimum(wide, high).min() == pytest.approx(1 / math.sqrt(2), abs=0.02)
    assert x[wide > 0.999].std() < 1e-3


def test_a_largest_angle_beside_a_list_of_angles_is_refused():
    with pytest.raises(RecipeError, match=r"augmenter\.degrees=40 has no effect beside angles"):
        rotate(CONTEXT, angles=(0, 90), degrees=40)


@pytest.mark.parametrize(("name", "option"), [("crop", "scale"), ("erase", "area")])
def test_shares_that_fall_are_refused(name, option):
    component = load_registry().component("augmenter", name)
    with pytest.raises(RecipeError, match=rf"augmenter\.{option}=0.5,0.2 falls. Give the smallest share first"):
        component.build(CONTEXT, {option: (0.5, 0.2)})


def hidden_boxes(images, changed):
    """Rows and columns of what changed, one pair of spans an image, after checking that it is a box."""
    for before, after in zip(images, changed, strict=True):
        hidden = (before != after).any(0)
        rows, columns = hidden.any(1).nonzero().flatten(), hidden.any(0).nonzero().flatten()
        assert hidden.sum() == len(rows) * len(columns)
        yield (rows.min().item(), rows.max().item() + 1), (columns.min().item(), columns.max().item() + 1)


def test_erasing_hides_a_box_of_the_areas_and_ratios_that_were_asked_for():
    images = noise(300, 64, 64)
    changed = erase(CONTEXT, area=(0.1, 0.3), ratio=2, fill="black")(images, draws(300))
    boxes = list(hidden_boxes(images, changed))
    heights, widths = (np.array([end - start for start, end in spans]) for spans in zip(*boxes, strict=True))
    areas = heights * widths / 64**2
    assert areas.min() == pytest.approx(0.1, abs=0.01)
    assert areas.max() == pytest.approx(0.3, abs=0.01)
    assert (widths / heights).max() == pytest.approx(2, abs=0.1)
    assert (widths / heights).min() == pytest.approx(0.5, abs=0.05)
    assert min(start for start, _ in (rows for rows, _ in boxes)) == 0
    assert max(end for _, end in (columns for _, columns in boxes)) == 64


def test_every_place_of_a_box_in_its_image_is_equally_likely():
    sides = (torch.full((4000,), 0.5), torch.full((4000,), 0.25))
    places = tuple(torch.rand(4000, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    boxes = inside(sides, places, (4000, 3, 8, 8))[:, 0]
    assert boxes.sum((1, 2)).unique().tolist() == [8]
    columns = torch.bincount(boxes.any(1).int().argmax(1), minlength=8)
    rows = torch.bincount(boxes.any(2).int().argmax(1), minlength=8)
    assert (columns[:5] / 4000).tolist() == pytest.approx([1 / 5] * 5, abs=0.03)
    assert (rows[:7] / 4000).tolist() == pytest.approx([1 / 7] * 7, abs=0.03)


def test_a_box_is_hidden_by_the_mean_colour_of_its_own_image():
    images = noise(4) * torch.tensor([0.2, 0.5, 0.7, 1.0]).view(-1, 1, 1, 1)
    changed = erase(CONTEXT, area=(0.2, 0.3), fill="mean")(images, draws(4))
    for image, after, (rows, columns) in zip(images, changed, hidden_boxes(images, changed), strict=True):
        box = after[:, slice(*rows), slice(*columns)]
        torch.testing.assert_close(box, image.mean((1, 2))[:, None, None].expand_as(box))


def test_noise_hides_boxes_with_pixels_that_are_uniform_and_of_each_image_alone():
    images = torch.full((20, 3, 64, 64), 2.0)
    changed = erase(CONTEXT, area=(0.9, 1.0), ratio=1, fill="noise")(images, draws(20))
    pixels = changed[changed != 2]
    assert pixels.min() >= 0
    assert pixels.max() < 1
    assert pixels.mean() == pytest.approx(0.5, abs=0.01)
    assert pixels.std() == pytest.approx(math.sqrt(1 / 12), abs=0.01)
    centres = changed[:, :, 20:40, 20:40].flatten(1)
    assert len(centres.unique(dim=0)) == 20
