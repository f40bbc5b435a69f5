"""Random numbers of training depend on (seed, epoch, position, stream) only."""

import numpy as np
import torch

from artkit.engine.randomness import PositionDraws, seed_torch


def draws(positions, *, seed=0, epoch=0, stream=0):
    return PositionDraws(seed, epoch, np.asarray(positions), stream)


def test_an_image_draws_the_same_in_any_batch():
    together = draws(range(10))
    first, second = together.uniform(), together.uniform(-2, 3)
    for position in range(10):
        alone = draws([position])
        assert alone.uniform() == first[position]
        assert alone.uniform(-2, 3) == second[position]


def test_calls_epochs_seeds_and_streams_draw_differently():
    base = draws(range(50))
    seen = [base.uniform(), base.uniform()]
    seen += [draws(range(50), **other).uniform() for other in ({"seed": 1}, {"epoch": 1}, {"stream": 1})]
    for number, values in enumerate(seen):
        assert all((values != other).any() for other in seen[:number])


def test_numbers_are_float32_within_their_bounds():
    values = draws(range(1000)).uniform(-0.25, 0.5)
    assert values.dtype == torch.float32
    assert values.shape == (1000,)
    assert values.min() >= -0.25
    assert values.max() < 0.5
    assert abs(values.mean().item() - 0.125) < 0.03


def test_torch_is_seeded_by_the_position_of_the_step():
    seed_torch(1, 2, 3)
    once = torch.rand(4)
    seed_torch(1, 2, 4)
    assert (torch.rand(4) != once).any()
    seed_torch(1, 2, 3)
    assert (torch.rand(4) == once).all()


def test_the_upper_end_of_a_range_is_never_reached():
    high = float(np.nextafter(np.float32(1), np.float32(2)))
    values = PositionDraws(0, 0, np.arange(100), 0).uniform(1.0, high)
    assert (values < high).all()
    assert (values >= 1).all()
