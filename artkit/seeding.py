"""Seeding torch for one device, quickly enough to be done for every image."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def seed_generators(seed: int, device: "torch.device") -> None:
    """Seed the generator of the CPU and, if it is another, that of a device.

    `torch.manual_seed` also notes the seed for every kind of accelerator that is not in use, with a printed stack of
    calls for each: on a machine without a GPU that takes a hundred times as long as seeding.

    Args:
        seed: From 0 to 2**63 - 1.
        device: What random numbers are drawn on.
    """
    import torch

    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)
