"""Seeding one device gives the random numbers that seeding all of them gives."""

import torch

from artkit.seeding import seed_generators


def test_the_cpu_draws_what_it_draws_after_manual_seed():
    for seed in (0, 7, 2**63 - 1):
        torch.manual_seed(seed)
        expected = torch.rand(5)
        torch.rand(3)
        seed_generators(seed, torch.device("cpu"))
        assert torch.equal(torch.rand(5), expected)
