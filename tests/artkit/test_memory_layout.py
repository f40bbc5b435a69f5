"""How models lie in memory, and that no gradient spoils it."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from artkit.engine.memory_layout import avoid_narrow_strides, channels_last

NARROW_BATCHES = """
import torch
from torch import nn
from artkit.engine.memory_layout import channels_last, avoid_narrow_strides

model = channels_last(nn.Sequential(nn.Conv2d(8, 16, kernel_size=1, stride=2), nn.BatchNorm2d(16)))
CURE
for _ in range(12):
    for batch in (64, 29, 5):
        features = torch.rand(batch, 8, 16, 16).to(memory_format=torch.channels_last).requires_grad_()
        model(features).square().mean().backward()
    junk = [torch.rand(97 * size) for size in range(1, 300)]
"""


@pytest.fixture
def model():
    """A network with one layer that spoils memory, and some that nearly do."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, kernel_size=3, padding=1),
        nn.Conv2d(8, 16, kernel_size=1, stride=(2, 3)),
        nn.Conv2d(16, 8, kernel_size=1, stride=2),
        nn.Conv2d(8, 12, kernel_size=1),
        nn.Conv2d(12, 4, kernel_size=3, stride=2),
    )


def test_narrow_convolutions_of_one_pixel_and_no_others_learn_without_a_stride(model):
    avoid_narrow_strides(model)
    outputs = [layer(torch.rand(2, layer.in_channels, 9, 9)) for layer in model]
    assert [output.grad_fn._saved_stride for output in outputs] == [(1, 1), (1, 1), (2, 2), (1, 1), (2, 2)]


def test_they_learn_what_they_learnt(model):
    images = torch.rand(5, 3, 17, 14).to(memory_format=torch.channels_last)
    names = list(model.state_dict())
    model(images).square().sum().backward()
    expected = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    avoid_narrow_strides(channels_last(model))
    model(images).square().sum().backward()
    torch.testing.assert_close([parameter.grad for parameter in model.parameters()], expected)
    assert list(model.state_dict()) == names


@torch.no_grad()
def test_their_answers_are_those_of_the_same_model_elsewhere_to_the_last_bit(model):
    images = torch.rand(64, 3, 32, 32).to(memory_format=torch.channels_last)
    expected = channels_last(model)(images)
    avoid_narrow_strides(model)
    assert torch.equal(model(images), expected)


@pytest.mark.slow
def test_narrow_models_learn_from_odd_batches_without_spoiling_memory():
    """Where the fault is, the process dies of it within a few steps."""
    code = NARROW_BATCHES.replace("CURE", "avoid_narrow_strides(model)")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
