"""The moving average of the weights: smoother than the last ones, which stand where the last few batches pushed them.

Polyak and Juditsky 1992; as an exponential average with a warm-up of its decay in Tan and Le 2019 (the released code).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from artkit.engine.ranks.sharding import own_part, part_of


class WeightAverage:
    """An exponential moving average of all that a model's floating-point parameters and buffers are.

    Buffers are those of batch normalisation, which must fit the weights they are used with. Integers, such as counters,
    are not averaged.

    Args:
        model: The model; it must not move to another device afterwards.
        decay: Share of the average that a step leaves, in [0, 1). The first steps leave less, (1 + n) / (10 + n) in the
            n-th, lest the average remembers the random weights of the beginning.
    """

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        named = [*model.named_parameters(), *model.named_buffers()]
        self._live = {name: tensor.detach() for name, tensor in named if tensor.is_floating_point()}
        self._averages = {name: tensor.clone() for name, tensor in self._live.items()}
        self._decay = decay
        self._steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        averages, live = ([own_part(tensor) for tensor in kept.values()] for kept in (self._averages, self._live))
        torch._foreach_lerp_(averages, live, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """A context in which the model has the averaged weights; afterwards it has its own again, bit for bit."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"steps": self._steps, "tensors": dict(self._averages)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave.

        Raises:
            ValueError: if it is the average of another model.
        """
        tensors = state["tensors"]
        fits = tensors.keys() == self._averages.keys()
        if not fits or any(tensors[name].shape != own.shape for name, own in self._averages.items()):
            raise ValueError("the averaged weights are those of another model")
        # Copied into memory that lies as that of the weights: the layout decides the last bit of later updates.
        for name, own in self._averages.items():
            own.copy_(part_of(tensors[name], own))
        self._steps = state["steps"]

    @torch.no_grad()
    def _exchange(self) -> None:
        """Swap values, not memory: the optimizer and compiled code keep what they refer to."""
        for name, live in self._live.items():
            own = live.clone()
            live.copy_(self._averages[name])
            self._averages[name].copy_(own)
