"""Batch norm, ReLU and what follows, keeping their input alone: the rest is computed again in the backward pass.

A dense layer normalises and rectifies everything before it, so that plain automatic differentiation keeps each channel
once more for every layer that reads it, and memory grows with the square of the depth. Concatenating, normalising and
rectifying are cheap; here they are done twice instead. Statistics of a batch are inputs of what is done twice: running
averages move once.

Paper: Pleiss, Chen, Huang, Li, van der Maaten and Weinberger 2017, "Memory-Efficient Implementation of DenseNets".
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from artkit_plugins.models.densenet_statistics import Normalisation, Pieces, join, normalisation

aten: Final = torch.ops.aten

Grads = tuple[Any, ...]
"""Gradients of the arguments of a function, in their order; None for those that have none."""


class Step(NamedTuple):
    """What a batch norm, a ReLU and a convolution of stride 1 are told besides tensors.

    Attributes:
        eps: What the batch norm adds to variances.
        from_batch: Whether it goes by the statistics of the batch, through which gradients flow.
        padding: Of the convolution.
    """

    eps: float
    from_batch: bool
    padding: tuple[int, ...] = (0, 0)


class Steps(NamedTuple):
    """Two steps in a row, the share of values between them that are set to 0, and whether those are kept."""

    first: Step
    second: Step
    dropout: float
    keep: bool


def norm_relu_conv(norm: nn.BatchNorm2d, conv: nn.Conv2d, pieces: Pieces) -> Tensor:
    """Give `conv(relu(norm(pieces)))`, keeping the pieces alone for the backward pass.

    Args:
        norm: Its running statistics move, once, if it is in training.
        conv: Of stride 1, without bias.
        pieces: Features, with as many channels in all as `norm` expects.

    Returns:
        (B, K, H, W), in the precision of `torch.autocast` where that is on.

    Raises:
        ValueError: `norm` is in training and there is one value a channel.
    """
    out: Tensor = _NormReluConv.apply(_step(norm, conv), _kernel(conv), *normalisation(norm, pieces), *pieces.tensors)
    return out


def two_convolutions(
    norms: tuple[nn.BatchNorm2d, nn.BatchNorm2d],
    convs: tuple[nn.Conv2d, nn.Conv2d],
    pieces: Pieces,
    *,
    dropout: float = 0.0,
    keep: bool,
) -> Tensor:
    """Give `conv2(relu(norm2(dropout(conv1(relu(norm1(pieces)))))))`, keeping little for the backward pass.

    Args:
        norms: The running statistics of those in training move, once.
        convs: Of stride 1, without bias.
        pieces: Features, with as many channels in all as the first norm expects.
        dropout: Share of the values between that are set to 0; above 0, which these are is kept, in a byte a value.
        keep: Whether what the first convolution gives is kept beside the pieces, or computed again.

    Returns:
        (B, K, H, W), in the precision of `torch.autocast` where that is on.

    Raises:
        ValueError: A norm is in training and what it normalises has one value a channel.
    """
    steps = _step(norms[0], convs[0]), _step(norms[1], convs[1])
    kernels = _kernel(convs[0]), _kernel(convs[1])
    first = normalisation(norms[0], pieces)
    with torch.no_grad():
        between = _Stage(steps[0], (kernels[0], *first), pieces.joined()).forward()
        kept = F.dropout(torch.ones_like(between), dropout) > 0 if dropout else None
        between = _drop(between, kept, dropout)
    second = normalisation(norms[1], Pieces(between))
    tensors = (kernels[0], *first, kernels[1], *second, *pieces.tensors)
    out: Tensor = _TwoConvolutions.apply(Steps(*steps, dropout, keep), between, kept, *tensors)
    return out


def norm_relu_pool(norm: nn.BatchNorm2d, pool: nn.MaxPool2d, features_BCHW: Tensor) -> Tensor:
    """Give `pool(relu(norm(features)))`, keeping the features alone for the backward pass.

    Raises:
        ValueError: `norm` is in training and there is one value a channel.
    """
    window = (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode)
    tensors = (*normalisation(norm, Pieces(features_BCHW)), features_BCHW)
    out: Tensor = _NormReluPool.apply(Step(norm.eps, norm.training), window, *tensors)
    return out


class _Stage:
    """Batch norm, ReLU and convolution of features, forwards and backwards.

    Args:
        step: What they are told.
        tensors: Kernel, then the four of the normalisation.
        features: (B, C, H, W).
    """

    def __init__(self, step: Step, tensors: Sequence[Tensor], features: Tensor) -> None:
        self.step, self.features = step, features
        self.kernel, self.norm = tensors[0], Normalisation(*tensors[1:])
        self.rectified = _rectify(features, self.norm, step).to(self.kernel.dtype)

    def forward(self) -> Tensor:
        """Give the convolved features."""
        return F.conv2d(self.rectified, self.kernel, padding=self.step.padding)

    def backward(self, grad: Tensor, *, kernel: bool) -> tuple[Tensor, Grads]:
        """From the gradient of what `forward` gives, give that of the features and those of the tensors."""
        grad, grad_kernel, _ = aten.convolution_backward(
            grad,
            self.rectified,
            self.kernel,
            None,
            stride=(1, 1),
            padding=self.step.padding,
            dilation=(1, 1),
            transposed=False,
            output_padding=(0, 0),
            groups=1,
            output_mask=(True, kernel, False),
        )
        grad = aten.threshold_backward(grad, self.rectified, 0)
        del self.rectified
        grad, *grads_norm = _norm_backward(grad, self.features, self.norm, self.step)
        return grad, (grad_kernel, *grads_norm)


class _NormReluConv(torch.autograd.Function):
    """Kernel, normalisation (4 tensors), features in pieces -> convolved features."""

    @staticmethod
    def forward(ctx: Any, step: Step, *tensors: Tensor) -> Tensor:
        ctx.step = step
        ctx.save_for_backward(*tensors)
        return _Stage(step, tensors[:5], join(tensors[5:])).forward()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Grads:
        tensors = ctx.saved_tensors
        stage = _Stage(ctx.step, tensors[:5], join(tensors[5:]))
        grad, grads = stage.backward(grad, kernel=ctx.needs_input_grad[1])
        return None, *grads, *_part(grad, tensors[5:])


class _TwoConvolutions(torch.autograd.Function):
    """Kernel and normalisation (5 tensors), those of the second convolution, features in pieces -> convolved features.

    What is between the convolutions comes ready into the forward pass; no gradient flows to it there.
    """

    @staticmethod
    def forward(ctx: Any, steps: Steps, between: Tensor, kept: Tensor | None, *tensors: Tensor) -> Tensor:
        ctx.steps = steps
        ctx.save_for_backward(between if steps.keep else None, kept, *tensors)
        return _Stage(steps.second, tensors[5:10], between).forward()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Grads:
        steps: Steps = ctx.steps
        between, kept, *tensors = ctx.saved_tensors
        first = _Stage(steps.first, tensors[:5], join(tensors[10:]))
        if between is None:
            between = _drop(first.forward(), kept, steps.dropout)
        second = _Stage(steps.second, tensors[5:10], between)
        grad, later = second.backward(grad, kernel=ctx.needs_input_grad[8])
        grad, earlier = first.backward(_drop(grad, kept, steps.dropout), kernel=ctx.needs_input_grad[3])
        return None, None, None, *earlier, *later, *_part(grad, tensors[10:])


class _NormReluPool(torch.autograd.Function):
    """Normalisation (4 tensors), features -> their maxima in windows."""

    @staticmethod
    def forward(ctx: Any, step: Step, window: tuple[Any, ...], *tensors: Tensor) -> Tensor:
        ctx.step, ctx.window = step, window
        ctx.save_for_backward(*tensors)
        pooled: Tensor = F.max_pool2d(_rectify(tensors[4], Normalisation(*tensors[:4]), step), *window)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Grads:
        *norm, features = ctx.saved_tensors
        rectified = _rectify(features, Normalisation(*norm), ctx.step)
        where = aten.max_pool2d_with_indices(rectified, *ctx.window)[1]
        grad = aten.max_pool2d_with_indices_backward(grad, rectified, *ctx.window, where)
        grad = aten.threshold_backward(grad, rectified, 0)
        del rectified, where
        grad, *grads_norm = _norm_backward(grad, features, Normalisation(*norm), ctx.step)
        return None, None, *grads_norm, grad


def _step(norm: nn.BatchNorm2d, conv: nn.Conv2d) -> Step:
    assert not isinstance(conv.padding, str)
    return Step(norm.eps, norm.training, conv.padding)


def _kernel(conv: nn.Conv2d) -> Tensor:
    """Weights in the precision that `torch.autocast` would give them: it is off in the backward pass."""
    device = conv.weight.device.type
    if torch.is_autocast_enabled(device):
        return conv.weight.to(torch.get_autocast_dtype(device))
    return conv.weight


def _rectify(features_BCHW: Tensor, norm: Normalisation, step: Step) -> Tensor:
    """Normalise by given statistics and set what is negative to 0."""
    scale, shift, mean, variance = norm
    normalised: Tensor = F.batch_norm(features_BCHW, mean, variance, scale, shift, training=False, eps=step.eps)
    return torch.relu_(normalised)


def _norm_backward(grad: Tensor, features: Tensor, norm: Normalisation, step: Step) -> Grads:
    """Give the gradients of the features, scale, shift, and none for statistics: theirs is part of the features'."""
    grads: Grads = aten.native_batch_norm_backward(
        grad.to(features.dtype),
        features,
        norm.scale,
        norm.mean,
        norm.variance,
        norm.mean,
        torch.rsqrt(norm.variance + step.eps),
        step.from_batch,
        step.eps,
        (True, True, True),
    )
    return *grads, None, None


def _drop(features: Tensor, kept: Tensor | None, dropout: float) -> Tensor:
    """Set to 0 what is not kept, and make up for it, as dropout does; the same goes for gradients."""
    return features if kept is None else features * (kept.to(features.dtype) / (1 - dropout))


def _part(joined: Tensor, pieces: Sequence[Tensor]) -> Sequence[Tensor]:
    return torch.split_with_sizes(joined, [piece.shape[1] for piece in pieces], dim=1)
