"""Who trains together, and what they tell one another.

Ranks are started by torchrun, which says in the environment who each of them is. What they tell one another are a few
numbers on the CPU, so a GPU is never waited for; gradients have ways of their own, see gradients.py.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

from artkit.engine.ranks.failure import cause_of, new_store
from artkit.errors import RunError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """The ranks of a run, as one of them sees them; every method must be called by all, in the same order."""

    rank: int = 0
    """Number of this one, from 0."""
    world_size: int = 1
    """How many there are."""

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes and reports."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is no other."""
        return self.world_size == 1

    def sum(self, *values: float) -> list[float]:
        """Add up each value over the ranks, in float64."""
        if self.is_alone:
            return list(values)
        return [float(value) for value in self.sum_array(np.array(values, dtype=np.float64))]

    def sum_array(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up arrays of equal shape over the ranks, elementwise, in place; returns them."""
        if not self.is_alone:
            distributed.all_reduce(torch.from_numpy(values))
        return values

    def any(self, *wishes: bool) -> tuple[bool, ...]:
        """For each wish, whether any rank has it."""
        return tuple(count > 0 for count in self.sum(*map(float, wishes)))

    def broadcast(self, value: T) -> T:
        """What the first rank gives; what the others give is dropped. Plain values only."""
        if self.is_alone:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0, device=torch.device("cpu"))
        return values[0]

    def gather(self, value: T) -> list[T]:
        """What each rank gives, in their order. Plain values only."""
        if self.is_alone:
            return [value]
        values: list[T] = [value] * self.world_size
        distributed.all_gather_object(values, value)
        return values

    def spread(self, tensors: Sequence[torch.Tensor]) -> None:
        """Overwrite tensors by those of the first rank."""
        if not self.is_alone:
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), src=0)

    def wait(self) -> None:
        """Wait until all ranks are here."""
        self.sum(0.0)


ALONE = Ranks()


@contextmanager
def joined() -> Iterator[Ranks]:
    """A context in which this process is one of the ranks that its environment speaks of, or the only one.

    Raises:
        RunError: if the others cannot be reached.
        RankError: in place of what goes wrong here only because another rank failed.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield ALONE
        return
    store = new_store()  # which knows that the environment is complete
    ranks = Ranks(int(os.environ["RANK"]), world_size)
    try:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, store=store, rank=ranks.rank, world_size=world_size)
        yield ranks
    except Exception as error:
        cause = cause_of(error)
        if cause is error:
            raise
        raise cause from error
    # After an error this would wait for ranks that are gone; the process ends then anyway.
    distributed.destroy_process_group()


def local_device(device: torch.device, ranks: Ranks) -> torch.device:
    """The device of this rank: each rank on a machine has a GPU of its own.

    Args:
        device: As the recipe says.
        ranks: Of the run.

    Raises:
        RunError: if the machine has more ranks than GPUs.
    """
    if ranks.is_alone or device.type != "cuda":
        return device
    number, num_devices = int(os.environ.get("LOCAL_RANK", ranks.rank)), torch.cuda.device_count()
    if number >= num_devices:
        raise RunError(
            f"this machine has {num_devices} GPUs, and each rank on it needs one of its own; use "
            f"torchrun --nproc-per-node {num_devices}, or --device cpu"
        )
    own = torch.device("cuda", number)
    torch.cuda.set_device(own)
    return own
