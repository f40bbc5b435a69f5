"""Random resized crops: inside the image, of the area and shape asked for, and a function of their arguments alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit_shards.stream.crop import RandomResizedCrop

SIDES = st.integers(1, 3000)


def boxes(crop, positions, height, width, seed=1, epoch=2):
    positions = np.asarray(positions)
    return crop.boxes(seed, epoch, positions, np.full(len(positions), height), np.full(len(positions), width))


@settings(deadline=None, max_examples=200)
@given(
    height=SIDES,
    width=SIDES,
    scale=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(sorted),
    ratio=st.tuples(st.floats(0.1, 9), st.floats(0.1, 9)).map(sorted),
    first=st.integers(0, 10**12),
)
def test_a_crop_is_a_part_of_the_image_of_a_shape_within_bounds(height, width, scale, ratio, first):
    drawn = boxes(RandomResizedCrop(tuple(scale), tuple(ratio)), np.arange(first, first + 20), height, width)
    tops, lefts, heights, widths = drawn.T
    assert (tops >= 0).all()
    assert (lefts >= 0).all()
    assert (tops + heights <= height + 1e-6).all()
    assert (lefts + widths <= width + 1e-6).all()
    assert (heights > 0).all()
    shapes = widths / heights
    assert (shapes >= ratio[0] * (1 - 1e-9)).all()
    assert (shapes <= ratio[1] * (1 + 1e-9)).all()


def test_areas_and_places_are_spread_over_their_ranges():
    drawn = boxes(RandomResizedCrop(), np.arange(20_000), 1000, 1000)
    areas = drawn[:, 2] * drawn[:, 3] / 1e6
    assert 0.35 <= areas.min() < 0.36
    assert areas.max() > 0.98
    # Large crops of extreme shape do not fit into a square image and are drawn anew, so the mean is below 0.675.
    assert 0.6 < areas.mean() < 0.63
    free = 1000 - drawn[:, 2]
    places = drawn[free > 50, 0] / free[free > 50]
    assert np.histogram(places, bins=10, range=(0, 1))[0].min() > 0.08 * len(places)


def test_a_crop_depends_on_its_own_position_alone():
    crop = RandomResizedCrop()
    together = boxes(crop, [3, 70, 5], 400, 600)
    assert (together[1] == boxes(crop, [70], 400, 600)[0]).all()
    assert len({tuple(box) for box in together}) == 3
    for change in ({"seed": 2}, {"epoch": 3}):
        assert (boxes(crop, [70], 400, 600, **change) != together[1]).any()


def test_values_stay_as_they_were_published():
    drawn = boxes(RandomResizedCrop(), [0, 1], 700, 1000, seed=0, epoch=0)
    expected = [
        [129.00777559733, 17.169688211073, 559.64696180641, 697.98642724845],
        [3.960645334407, 146.2995753701, 693.83393800238, 768.85406469471],
    ]
    np.testing.assert_allclose(drawn, expected, rtol=1e-12)


def test_an_image_that_no_draw_fits_is_cropped_in_the_middle():
    drawn = boxes(RandomResizedCrop(), [0, 1], 10, 1000)
    np.testing.assert_allclose(drawn, [[0, (1000 - 40 / 3) / 2, 10, 40 / 3]] * 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": (0.0, 1.0)}, r"scale=\(0.0, 1.0\) must be two shares of the area, 0 < least <= largest <= 1"),
        ({"scale": (0.5, 0.2)}, r"scale=\(0.5, 0.2\) must be two shares"),
        ({"scale": (0.5, 1.5)}, r"scale=\(0.5, 1.5\) must be two shares"),
        ({"scale": (0.5,)}, r"scale=\(0.5,\) must be two shares"),
        ({"ratio": (2.0, 1.0)}, r"ratio=\(2.0, 1.0\) must be two shapes as width / height, 0 < least <= largest"),
        ({"ratio": (1.0, float("inf"))}, r"ratio=\(1.0, inf\) must be two shapes"),
        ({"ratio": (float("nan"), 1.0)}, r"ratio=\(nan, 1.0\) must be two shapes"),
    ],
)
def test_values_out_of_bounds_are_refused_with_the_rule(options, message):
    with pytest.raises(ValueError, match=message):
        RandomResizedCrop(**options)
