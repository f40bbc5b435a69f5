"""Checks of what optimizers, schedules and losses return, so that a breach of the contract names who broke it."""

import math

import torch

from artkit.errors import ComponentError
from artkit.registry import Component


def check_optimizer(optimizer: object, component: Component) -> None:
    """Raise ComponentError unless it is an optimizer whose learning rate a schedule can set."""
    if not isinstance(optimizer, torch.optim.Optimizer):
        given = type(optimizer).__name__
        _refuse(component, f"returned {given}; an optimizer's factory returns a torch.optim.Optimizer")
    elif any("lr" not in group for group in optimizer.param_groups):
        _refuse(component, "has parameter groups without 'lr', the learning rate, which the schedule sets")


def check_multiplier(multiplier: float, component: Component) -> None:
    """Raise ComponentError unless a learning rate can be multiplied with it."""
    if not (math.isfinite(multiplier) and multiplier >= 0):
        _refuse(component, f"returned {multiplier}; a schedule returns a finite number from 0 up")


def check_loss(loss: object, logits: torch.Tensor, component: Component, model: Component) -> None:
    """Raise ComponentError unless one can learn from it: a tensor with one number, with a gradient to the weights."""
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        given = f"a tensor {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
        _refuse(component, f"returned {given}; a loss returns a tensor with one number, the mean over the batch")
    elif not logits.requires_grad:
        _refuse(model, "returned logits without a gradient (detached, or made under no_grad); nothing can be learnt")
    elif not loss.requires_grad:
        _refuse(component, "returned a number without a gradient (detached, or not computed from logits)")


def _refuse(component: Component, breach: str) -> None:
    raise ComponentError(f"{component.owner} {breach}", plugin=component.plugin.label)
