"""How the gradients of all ranks become one: the sum over all images of a step, as if one process had computed it.

Each rank weighs its loss by its share of the step's images. DistributedDataParallel (Li et al. 2020, "PyTorch
Distributed") adds up gradients while others are still computed; only the last batch of a step pays for it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parallel import DistributedDataParallel

from artkit.engine.ranks.group import Ranks
from artkit.engine.ranks.normalisation import global_norms
from artkit.errors import RunError


class JoinedGradients(Protocol):
    """Computes batches of one rank so that their gradients become those of all ranks."""

    def forward(self, images: Tensor, /) -> Tensor:
        """Normalised images (B, 3, H, W) -> logits (B, K)."""

    def batch(self, *, is_last: bool) -> AbstractContextManager[None]:
        """A context for forward and backward pass of a batch; after that of a step's last one, gradients are sums."""


class Alone:
    """The gradients of the only rank.

    Args:
        model: What is trained.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def forward(self, images: Tensor, /) -> Tensor:
        """Normalised images (B, 3, H, W) -> logits (B, K)."""
        logits: Tensor = self._model(images)
        return logits

    def batch(self, *, is_last: bool) -> AbstractContextManager[None]:  # noqa: ARG002 - the same for every batch
        """A context that does nothing."""
        return nullcontext()


class Replicas:
    """The gradients of ranks that have a whole model each.

    Args:
        model: What is trained.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._trainable: tuple[bool, ...] = ()
        self._wrapped: DistributedDataParallel | None = None

    def forward(self, images: Tensor, /) -> Tensor:
        """Normalised images (B, 3, H, W) -> logits (B, K)."""
        assert self._wrapped is not None
        logits: Tensor = self._wrapped(images)
        return logits

    @contextmanager
    def batch(self, *, is_last: bool) -> Iterator[None]:
        """A context for forward and backward pass of a batch; after that of a step's last one, gradients are sums.

        Raises:
            RunError: if parameters have no part in what the model computes.
        """
        self._wrap()
        assert self._wrapped is not None
        with nullcontext() if is_last else self._wrapped.no_sync():
            yield
        if is_last:
            self._check_complete()

    def _wrap(self) -> None:
        """Wrap the model anew if other parameters are trained than before: the rest has no gradient to wait for."""
        trainable = tuple(parameter.requires_grad for parameter in self._model.parameters())
        if trainable != self._trainable:
            self._wrapped = None  # first the old one's hooks must go
            self._wrapped = DistributedDataParallel(self._model)
            self._wrapped.broadcast_buffers = False
            self._trainable = trainable

    def _check_complete(self) -> None:
        named = self._model.named_parameters()
        unused = [name for name, parameter in named if parameter.requires_grad and parameter.grad is None]
        if unused:
            raise RunError(
                f"{unused[0]} has no part in what the model computes ({len(unused)} parameters have none), and several "
                "ranks would wait for its gradient; leave it out of the model, or freeze it with requires_grad_(False)"
            )


class Sharded:
    """The gradients of ranks that have a part of the model each.

    Args:
        model: What `shard_model` left.
    """

    def __init__(self, model: FSDPModule) -> None:
        self._model = model

    def forward(self, images: Tensor, /) -> Tensor:
        """Normalised images (B, 3, H, W) -> logits (B, K)."""
        logits: Tensor = self._model(images)  # type: ignore[operator]
        return logits

    @contextmanager
    def batch(self, *, is_last: bool) -> Iterator[None]:
        """A context for forward and backward pass of a batch; after that of a step's last one, gradients are sums."""
        self._model.set_requires_gradient_sync(is_last)
        yield


def join_gradients(model: nn.Module, ranks: Ranks) -> JoinedGradients:
    """How the gradients of a model are joined.

    Args:
        model: Whole, or in parts.
        ranks: That train it.
    """
    if ranks.is_alone:
        return Alone(model)
    return Sharded(model) if isinstance(model, FSDPModule) else Replicas(model)


def loose_buffers(model: nn.Module) -> list[Tensor]:
    """Buffers of a model that ranks move each for itself; those of united normalisations are equal anyway."""
    united = {id(buffer) for norm in global_norms(model) for buffer in norm.buffers()}
    return [buffer for buffer in model.buffers() if id(buffer) not in united]
