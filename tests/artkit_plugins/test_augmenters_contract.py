"""What every built-in augmenter keeps: the input, shape, type and range; and the same pixels in a batch of any size."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from artkit import AugmenterContext, Mixed
from artkit.engine.randomness import PositionDraws
from artkit.registry import load_registry

# Options under which an augmenter takes another way through its code, or does all it can.
OPTIONS = {
    "affine": [{"rotation": 180.0, "shift": 0.5, "zoom": 1.0, "vertical_flip": 0.5, "fill": "white"}],
    "flips": [{"vertical": 0.5}],
    "rotate": [{"angles": (0, 90, 180, 270)}, {"angles": (45, 90, 180), "fill": "black"}],
    "crop": [{"scale": (0.01, 0.1), "ratio": 8.0}],
    "colour": [{"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.5}],
    "erase": [{"fill": "noise"}, {"fill": "white"}, {"area": (0.9, 1.0), "ratio": 1.0}],
    "mixup": [{"alpha": 1.0}],
    "cutmix": [{"alpha": 0.2}],
    "trivial-augment": [{"geometric_only": True}],
}
NAMES = [component.name for component in load_registry().components("augmenter") if component.plugin.is_builtin]
MIXING = ("mixup", "cutmix")
CASES = [(name, options) for name in NAMES for options in ({}, *OPTIONS.get(name, ()))]


def case_id(value):
    return value if isinstance(value, str) else "-".join(map(str, value.values())) or "defaults"


every_augmenter = pytest.mark.parametrize(("name", "options"), CASES, ids=case_id)


@pytest.fixture(scope="module")
def build():
    registry = load_registry()
    return lambda name, options: registry.component("augmenter", name).build(
        AugmenterContext(image_size=16), dict(options)
    )


def pictures(batch, height=16, width=16, *, channels_last=False):
    """Noise, but the first is plain and the second has pixels at both ends of the range only."""
    images = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))
    images[:1] = 0.25
    images[1:2] = images[1:2].round()
    return images.to(memory_format=torch.channels_last) if channels_last else images


def augment(augmenter, images, positions, *, seed=0, epoch=0, step=0):
    """The images an augmenter makes, and the labels they have if image i has label i."""
    draws = PositionDraws(seed, epoch, np.asarray(positions, dtype=np.int64), step=step, stream=0)
    changed = augmenter(images, draws)
    if isinstance(changed, Mixed):
        return changed.images, np.asarray(positions)[changed.partners.numpy()], changed.weight
    return changed, None, None


def same(ours, theirs):
    return torch.equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1]) and ours[2] == theirs[2]


def test_every_augmenter_is_tested_with_options_of_its_own():
    assert set(NAMES) == {*OPTIONS, "none"}


@every_augmenter
@pytest.mark.parametrize(("batch", "height", "width"), [(24, 16, 16), (6, 21, 9), (1, 16, 16), (4, 1, 1), (3, 2, 40)])
def test_images_keep_shape_type_and_range_and_the_input_is_untouched(build, name, options, batch, height, width):
    images = pictures(batch, height, width)
    before = images.clone()
    changed, *_ = augment(build(name, options), images, range(batch))
    assert (changed.shape, changed.dtype) == (images.shape, torch.float32)
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not changed.requires_grad
    assert torch.equal(images, before)


@every_augmenter
def test_the_same_draws_give_the_same_pixels_whatever_was_drawn_before(build, name, options):
    augmenter, images = build(name, options), pictures(8)
    once = augment(augmenter, images, range(8))
    torch.rand(3)
    augment(augmenter, images, range(8), epoch=3)
    assert same(augment(augmenter, images, range(8)), once)


@every_augmenter
def test_other_seeds_epochs_positions_or_steps_give_other_pixels(build, name, options):
    augmenter, images = build(name, options), pictures(16, 48, 48)
    once, *_ = augment(augmenter, images, range(16))
    positions, step = (range(16), 1) if name in MIXING else (range(16, 32), 0)
    others = [
        augment(augmenter, images, range(16), seed=1),
        augment(augmenter, images, range(16), epoch=5),
        augment(augmenter, images, positions, step=step),
    ]
    assert [torch.equal(other, once) for other, *_ in others] == [name == "none"] * 3


@every_augmenter
@pytest.mark.parametrize("channels_last", [False, True], ids=["channels-first", "channels-last"])
def test_a_batch_that_is_split_gets_the_same_pixels(build, name, options, channels_last):
    augmenter = build(name, options)

    @settings(max_examples=8, deadline=None)
    @given(
        batch=st.integers(2, 19),
        first=st.integers(0, 1000),
        cut=st.integers(0, 9),
        size=st.sampled_from([(16, 16), (33, 20), (8, 8)]),
    )
    def check(batch, first, cut, size):
        images = pictures(batch, *size, channels_last=channels_last)
        # Pairs of a mixing augmenter stay together in parts that begin at even positions.
        positions = 2 * first + np.arange(batch)
        cut = min(2 * cut + (name not in MIXING), batch)
        whole = augment(augmenter, images, positions, step=first)
        parts = [
            augment(augmenter, images[rows], positions[rows], step=first)
            for rows in (slice(0, cut), slice(cut, None))
            if len(positions[rows])
        ]
        assert torch.equal(torch.cat([part[0] for part in parts]), whole[0])
        if whole[1] is not None:
            assert np.array_equal(np.concatenate([part[1] for part in parts]), whole[1])
            assert all(part[2] == whole[2] for part in parts)

    check()


@every_augmenter
def test_the_number_of_threads_changes_no_pixel(build, name, options):
    augmenter, images = build(name, options), pictures(8, 96, 96)
    threads = torch.get_num_threads()
    whole = augment(augmenter, images, range(8))
    try:
        torch.set_num_threads(1)
        assert same(augment(augmenter, images, range(8)), whole)
    finally:
        torch.set_num_threads(threads)


@every_augmenter
def test_the_order_of_images_in_a_batch_changes_no_pixel(build, name, options):
    augmenter, images = build(name, options), pictures(12)
    order = np.array([7, 0, 11, 3, 4, 10, 1, 2, 9, 8, 6, 5])
    whole = augment(augmenter, images, range(12))[0]
    assert torch.equal(augment(augmenter, images[order], order)[0], whole[order])
