"""Batch normalisation over the images of all ranks, so that what a model learns does not depend on their number.

`torch.nn.SyncBatchNorm` does this on GPUs only, and counts what a rank computes as mere padding. Statistics are merged
as in Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
"""

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

_KINDS: Final = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class GlobalBatchNorm(_BatchNorm):
    """A batch normalisation whose statistics, in training, are those of all ranks together."""

    counts: bool = True
    """Whether the images of this rank have a part in the statistics; False while it computes padding."""

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, ...) -> normalised, of the same shape; all ranks together have two values a channel."""
        if not self.training:
            moments = self.running_mean, self.running_var
            return F.batch_norm(features, *moments, self.weight, self.bias, moments[0] is None, 0.0, self.eps)
        normalised: Tensor
        normalised, mean, variance, count = _Normalise.apply(features, self.weight, self.bias, self.eps, self.counts)
        if self.running_mean is not None:
            self._move(mean, variance * (count / (count - 1)))
        return normalised

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    @torch.no_grad()
    def _move(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(unbiased_variance.to(self.running_var.dtype), share)


def unite_norms(model: nn.Module) -> None:
    """Make all batch normalisations of a model look at the images of all ranks.

    They stay the same objects, so names in the state dict, hooks, and what else refers to them stay as they are.
    """
    for module in model.modules():
        if type(module) in _KINDS:
            module.__class__ = GlobalBatchNorm


def global_norms(model: nn.Module) -> Iterator[GlobalBatchNorm]:
    """The normalisations of a model that look at all ranks."""
    return (module for module in model.modules() if isinstance(module, GlobalBatchNorm))


class _Normalise(torch.autograd.Function):
    """Features, weight (C,), bias (C,) -> normalised features, and mean, variance (C,) and count () over all ranks."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, counts: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        mean, variance, count = _merged_moments(features, counts=counts)
        ctx.eps, ctx.counts = eps, counts
        ctx.save_for_backward(features, weight, mean, variance, count)
        ctx.mark_non_differentiable(mean, variance, count)
        return F.batch_norm(features, mean, variance, weight, bias, False, 0.0, eps), mean, variance, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, mean, variance, count = ctx.saved_tensors
        scale = torch.ones_like(mean) if weight is None else weight
        deviation = torch.rsqrt(variance + ctx.eps)
        # With statistics as constants, this gives the sums over the rank's own images.
        direct, by_scale, by_shift = torch.ops.aten.native_batch_norm_backward(
            grad.to(features.dtype),
            features,
            scale,
            mean,
            variance,
            mean,
            deviation,
            False,
            ctx.eps,
            (True, True, True),
        )
        sums = torch.stack([by_shift, by_scale])
        distributed.all_reduce(sums)
        if ctx.counts:
            through_mean, through_deviation = sums * (scale * deviation / count)
            centred = (features - _by_channel(mean, features)) * _by_channel(deviation * through_deviation, features)
            direct = (direct - centred - _by_channel(through_mean, features)).to(features.dtype)
        own = (by_scale, by_shift) if weight is not None else (None, None)
        return direct, *own, None, None


def _merged_moments(features: Tensor, *, counts: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, variance (C,) and number of values () a channel, over the ranks that count."""
    axes = [axis for axis in range(features.ndim) if axis != 1]
    mean = features.mean(axes, dtype=torch.promote_types(features.dtype, torch.float32))
    squares = (features - _by_channel(mean, features)).square_().sum(axes)
    count = torch.full_like(mean[:1], features.numel() // features.shape[1])
    own = torch.cat([count, mean, squares])
    if not counts:
        own.zero_()
    parts = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, own)
    counts_R1, means_RC, squares_RC = torch.split_with_sizes(torch.stack(parts), [1, len(mean), len(mean)], dim=1)
    total = counts_R1.sum()
    merged = (counts_R1 * means_RC).sum(0) / total
    spread = (squares_RC + counts_R1 * (means_RC - merged).square()).sum(0)
    return merged, spread / total, total


def _by_channel(values_C: Tensor, features: Tensor) -> Tensor:
    return values_C.view(1, -1, *[1] * (features.ndim - 2))
