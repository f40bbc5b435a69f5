"""Optimizers of the parameter groups that the core prepares; weight decay never reaches biases and normalisations.

All use torch's fused step where there is one: a single pass over the parameters, several times faster on a CPU too.
"""

from typing import TYPE_CHECKING, Annotated, Any

from artkit import Doc, Ge, Gt, Interval, OptimizerContext

if TYPE_CHECKING:
    from torch.optim import Optimizer

__all__ = ["adam", "adamw", "rmsprop", "sgd"]

LearningRate = Annotated[float, Gt(0), Doc("largest learning rate; the schedule multiplies it")]
WeightDecay = Annotated[float, Ge(0), Doc("L2 penalty on weights")]
DecoupledWeightDecay = Annotated[float, Ge(0), Doc("share of a weight lost in a step, times the learning rate")]
Momentum = Annotated[float, Interval(ge=0, lt=1), Doc("share of the last step that is added to the next")]
Betas = Annotated[tuple[float, float], Interval(ge=0, lt=1), Doc("memory of the mean and of the mean square")]
Epsilon = Annotated[float, Gt(0), Doc("keeps steps finite where gradients vanish")]


def sgd(
    ctx: OptimizerContext,
    *,
    lr: LearningRate = 0.1,
    momentum: Momentum = 0.9,
    nesterov: Annotated[bool, Doc("look ahead along the momentum")] = True,
    weight_decay: WeightDecay = 5e-4,
) -> "Optimizer":
    """Stochastic gradient descent with momentum: the best for training from scratch, if the rate is right."""
    import torch

    optimizer = torch.optim.SGD(
        _groups(ctx),
        lr=lr,
        momentum=momentum,
        nesterov=nesterov and momentum > 0,  # without momentum there is nothing to look ahead along
        weight_decay=weight_decay,
        fused=_can_fuse(ctx),
    )
    if momentum > 0:
        # Torch's fused step wants the memory of all parameters or of none, so it fails where some thaw later; and it
        # takes over memory with anything in it where the very first step in float16 is left out.
        for parameter in (parameter for group in ctx.param_groups for parameter in group["params"]):
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def adam(
    ctx: OptimizerContext,
    *,
    lr: LearningRate = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: Epsilon = 1e-8,
    weight_decay: WeightDecay = 0.0,
) -> "Optimizer":
    """Adam (Kingma and Ba 2015): a step of its own for every weight; forgives a wrong rate."""
    import torch

    return torch.optim.Adam(_groups(ctx), lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=_can_fuse(ctx))


def adamw(
    ctx: OptimizerContext,
    *,
    lr: LearningRate = 2e-3,
    betas: Betas = (0.9, 0.999),
    eps: Epsilon = 1e-8,
    weight_decay: DecoupledWeightDecay = 0.05,
) -> "Optimizer":
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""
    import torch

    return torch.optim.AdamW(_groups(ctx), lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=_can_fuse(ctx))


def rmsprop(
    ctx: OptimizerContext,
    *,
    lr: LearningRate = 1e-3,
    alpha: Annotated[float, Interval(ge=0, lt=1), Doc("memory of the mean square")] = 0.99,
    eps: Epsilon = 1e-8,
    momentum: Momentum = 0.0,
    weight_decay: WeightDecay = 0.0,
) -> "Optimizer":
    """RMSprop (Hinton 2012): steps divided by the size of recent gradients."""
    import torch

    return torch.optim.RMSprop(_groups(ctx), lr=lr, alpha=alpha, eps=eps, momentum=momentum, weight_decay=weight_decay)


def _groups(ctx: OptimizerContext) -> list[dict[str, Any]]:
    """Copies, for optimizers write their defaults into the groups they are given."""
    return [dict(group) for group in ctx.param_groups]


def _can_fuse(ctx: OptimizerContext) -> bool:
    """Whether all parameters are floats on a device that has the fused steps; parts of a model have none."""
    from torch.distributed.tensor import DTensor

    parameters = [parameter for group in ctx.param_groups for parameter in group["params"]]
    is_whole = not any(isinstance(p, DTensor) for p in parameters)
    return is_whole and all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters)
