"""Preprocessing: bytes to normalised floats, and a round trip through plain values."""

import json

import pytest
import torch

from artkit.engine.preprocessing import Preprocessing


def test_training_pixels_get_zero_mean_and_unit_variance_by_channel():
    images = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    unit = images.double() / 255
    mean, std = (tuple(f(unit, dim=(0, 2, 3)).tolist()) for f in (torch.mean, lambda x, dim: x.std(dim, correction=0)))
    preprocessing = Preprocessing.for_pixels(mean, std, image_size=8, fit="squash")
    normalised = preprocessing.normalise(preprocessing.to_unit(images))
    assert normalised.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert normalised.std(dim=(0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_the_memory_format_of_the_loader_is_kept():
    images = torch.zeros((2, 3, 8, 8), dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    preprocessing = Preprocessing.for_pixels((0.5,) * 3, (0.5,) * 3, image_size=8, fit="squash")
    normalised = preprocessing.normalise(preprocessing.to_unit(images))
    assert normalised.is_contiguous(memory_format=torch.channels_last)


def test_a_channel_without_variation_gives_finite_numbers():
    preprocessing = Preprocessing.for_pixels((1.0, 0.5, 0.0), (0.0, 0.1, 0.0), image_size=8, fit="squash")
    assert torch.isfinite(preprocessing.normalise(torch.rand(1, 3, 8, 8))).all()


def test_it_comes_back_from_plain_values_as_it_was():
    preprocessing = Preprocessing.for_pixels((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), image_size=8, fit="squash")
    assert Preprocessing.from_plain(json.loads(json.dumps(preprocessing.to_plain()))) == preprocessing
