"""What losses keep: a finite mean over the batch that can be learnt from, whatever the logits."""

import numpy as np
import torch
from torch import Tensor

from artkit.contracts import Loss
from artkit.testing.check import check, require
from artkit.testing.contexts import CLASS_COUNTS
from artkit.testing.subject import Subject

_K = len(CLASS_COUNTS)
_RELATIVE = 1e-4


@check("loss", is_basic=True)
def scalar(subject: Subject) -> None:
    """A loss returns a tensor with one float, also for a single image."""
    for batch in (8, 1):
        found = subject.share(_loss)(*_batch(batch))
        require(isinstance(found, Tensor), f"it returns {type(found).__name__}")
        require(found.numel() == 1, f"it returns a tensor {tuple(found.shape)} for {batch} images")
        require(found.is_floating_point() and found.isfinite(), f"it returns {found}")


@check("loss", is_basic=True)
def stateless(subject: Subject) -> None:
    """A loss keeps nothing from one call to the next, and changes neither logits nor labels."""
    (logits, labels), loss = _batch(), subject.share(_loss)
    once = loss(logits, labels).sum().item()
    loss(*_batch(5, seed=1))
    require(loss(logits, labels).sum().item() == once, "the second time, the same batch costs something else")
    fresh = _batch()
    require(torch.equal(logits, fresh[0]) and torch.equal(labels, fresh[1]), "it changes what it is given")
    require(subject.build()(logits, labels).sum().item() == once, "built again, it costs something else")


@check("loss", is_basic=True)
def differentiable(subject: Subject) -> None:
    """A gradient that is finite and not zero reaches the logits of every image."""
    logits, labels = _batch()
    logits.requires_grad_()
    found = subject.share(_loss)(logits, labels)
    require(found.requires_grad, "it returns a number without a gradient")
    torch.autograd.backward(found.sum())
    require(logits.grad is not None, "no gradient reaches the logits")
    assert logits.grad is not None
    require(logits.grad.isfinite().all(), "the gradient is not finite")
    require((logits.grad.abs().sum(1) > 0).all(), "the gradient of some images is zero")


@check("loss")
def extreme_logits(subject: Subject) -> None:
    """However large the logits, the loss and its gradient are finite, also where the answer is wrong or right."""
    _, labels = _batch()
    for size in (1e4, -1e4):
        logits = (size * torch.eye(_K)[labels]).requires_grad_()
        found = subject.share(_loss)(logits, labels).sum()
        torch.autograd.backward(found)
        require(found.isfinite(), f"it returns {found.item()} for logits of {size:g}")
        assert logits.grad is not None
        require(logits.grad.isfinite().all(), f"its gradient is not finite for logits of {size:g}")


@check("loss")
def learns(subject: Subject) -> None:
    """The right answer costs less than a wrong one."""
    _, labels = _batch()
    right, wrong = 4 * torch.eye(_K)[labels], 4 * torch.eye(_K)[(labels + 1) % _K]
    loss = subject.share(_loss)
    costs = [loss(logits, labels).sum().item() for logits in (right, wrong)]
    require(costs[0] < costs[1], f"the right answer costs {costs[0]:.4g}, a wrong one {costs[1]:.4g}")


@check("loss")
def mean_over_batch(subject: Subject) -> None:
    """A loss is the mean over the batch: the same images twice cost the same, in any order."""
    (logits, labels), loss = _batch(), subject.share(_loss)
    once = loss(logits, labels).sum().item()
    twice = loss(logits.repeat(2, 1), labels.repeat(2)).sum().item()
    require(_close(twice, once), f"a batch costs {once:.5g}, the same twice {twice:.5g}")
    order = torch.tensor([3, 7, 0, 2, 6, 1, 5, 4])
    moved = loss(logits[order], labels[order]).sum().item()
    require(_close(moved, once), f"a batch costs {once:.5g}, in another order {moved:.5g}")


@check("loss")
def half_precision(subject: Subject) -> None:
    """Logits in bf16 and fp16 give a finite loss that is close to that of float32."""
    (logits, labels), loss = _batch(), subject.share(_loss)
    for dtype in (torch.bfloat16, torch.float16):
        exact = loss(logits.to(dtype).float(), labels).sum().item()
        found = loss(logits.to(dtype), labels).sum().item()
        require(np.isfinite(found), f"it returns {found} in {dtype}")
        require(abs(found - exact) <= 0.05 * abs(exact) + 0.01, f"it returns {found:.4g} in {dtype}, not {exact:.4g}")


@check("loss")
def undrawn_class(subject: Subject) -> None:
    """A class that has no images, or is never drawn, makes no number that is not finite."""
    counts = np.array([23, 0, 5, 2, 1])
    found = subject.build(class_counts=counts, drawn_counts=counts)(*_batch()).sum()
    require(found.isfinite(), f"it returns {found.item()} where a class is never drawn")


def _loss(subject: Subject) -> Loss:
    loss: Loss = subject.build()
    return loss


def _batch(batch: int = 8, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, _K, generator=generator), torch.arange(batch) % _K


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= _RELATIVE * max(abs(one), abs(other), 1e-3)
