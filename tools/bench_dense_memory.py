"""What a step of training keeps in memory: tensors saved for the backward pass, and the most that lives at once."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass
class Saved:
    """Bytes of storages that automatic differentiation keeps, each counted once: by the address of the storage."""

    sizes: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(self.sizes.values())

    @property
    def largest(self) -> int:
        """Bytes of the largest storage."""
        return max(self.sizes.values())


@contextmanager
def saved_for_backward(parameters: Iterable[Tensor]) -> Iterator[Saved]:
    """Count what is saved for the backward pass within; parameters are left out. What is saved has to stay alive."""
    known = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    saved = Saved()

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            saved.sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield saved


class LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows the storages that operations make; `peak` is the most bytes of them that were alive at once.

    Scratch space within an operation is not seen, nor is what was there before.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._alive: dict[StorageWeakRef, int] = {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation and look at what it returns."""
        results = func(*args, **(kwargs or {}))
        self._alive = {ref: size for ref, size in self._alive.items() if not _is_gone(ref)}
        given = _storages((args, kwargs))
        self._alive |= {ref: size for ref, size in _storages(results).items() if ref not in given}
        self.peak = max(self.peak, sum(self._alive.values()))
        return results


def _storages(tree: Any) -> dict[StorageWeakRef, int]:
    """Storages of the tensors in nested containers, with their bytes."""
    storages = [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
    return {StorageWeakRef(storage): storage.nbytes() for storage in storages}  # type: ignore[no-untyped-call]


def _is_gone(ref: StorageWeakRef) -> bool:
    return bool(ref.expired())  # type: ignore[no-untyped-call]
