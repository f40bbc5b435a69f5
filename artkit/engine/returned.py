"""Checks of what components return, so that a breach of the contract names who broke it."""

import math
from typing import NoReturn

import torch
from torch.nn.parameter import UninitializedParameter

from artkit.contracts import Mixed
from artkit.registry import Component


def check_model(model: object, component: Component) -> None:
    """Raise ComponentError unless it is a module with parameters that can be trained."""
    if not isinstance(model, torch.nn.Module):
        _refuse(component, f"returned {type(model).__name__}; a model's factory returns a torch.nn.Module")
    if any(isinstance(parameter, UninitializedParameter) for parameter in model.parameters()):
        _refuse(
            component,
            "has lazy layers, whose sizes are not known before the first image; give them sizes, from "
            "ctx.in_channels, ctx.image_size and ctx.num_outputs",
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        _refuse(component, "has no parameters to train")


def check_logits(logits: object, batch_size: int, num_classes: int, component: Component) -> None:
    """Raise ComponentError unless a model returned logits (B, K)."""
    wanted = (batch_size, num_classes)
    if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != wanted:
        _refuse(
            component,
            f"returned {_given(logits)}; a model returns logits (B, K), here {wanted}: one row an image, "
            "ctx.num_outputs numbers a row",
        )


def check_augmented(augmented: object, images_BCHW: torch.Tensor, component: Component) -> torch.Tensor:
    """Return images, or raise ComponentError unless they have the shape and type of those that it was given."""
    wanted = tuple(images_BCHW.shape)
    if isinstance(augmented, Mixed):
        _refuse(component, "returned Mixed; an augmenter that mixes images has an attribute `mixes` that is True")
    if not isinstance(augmented, torch.Tensor) or tuple(augmented.shape) != wanted:
        rule = f"an augmenter returns images of the shape it was given, {wanted}"
        _refuse(component, f"returned {_given(augmented)}; {rule}")
    if augmented.dtype != images_BCHW.dtype:
        _refuse(component, f"returned {augmented.dtype}; an augmenter returns {images_BCHW.dtype} in [0, 1]")
    return augmented


def check_mixed(mixed: object, images_BCHW: torch.Tensor, component: Component) -> Mixed:
    """Return mixed images, or raise ComponentError unless they are such, with partners in the batch and a weight."""
    if not isinstance(mixed, Mixed):
        rule = "an augmenter whose attribute `mixes` is True returns artkit.Mixed"
        _refuse(component, f"returned {_given(mixed)}; {rule}")
    check_augmented(mixed.images, images_BCHW, component)
    partners, num_images = mixed.partners, len(images_BCHW)
    if not isinstance(partners, torch.Tensor) or partners.shape != (num_images,) or partners.dtype != torch.int64:
        _refuse(component, f"returned partners that are not int64 ({num_images},); take them from draws.partners()")
    if not 0 <= mixed.weight <= 1:
        _refuse(component, f"returned the weight {mixed.weight}; the share of an image's own label is from 0 to 1")
    return mixed


def check_optimizer(optimizer: object, component: Component) -> None:
    """Raise ComponentError unless it is an optimizer whose learning rate a schedule can set."""
    if not isinstance(optimizer, torch.optim.Optimizer):
        _refuse(component, f"returned {_given(optimizer)}; an optimizer's factory returns a torch.optim.Optimizer")
    if any("lr" not in group for group in optimizer.param_groups):
        _refuse(component, "has parameter groups without 'lr', the learning rate, which the schedule sets")


def check_multiplier(multiplier: float, component: Component) -> None:
    """Raise ComponentError unless a learning rate can be multiplied with it."""
    if not (math.isfinite(multiplier) and multiplier >= 0):
        _refuse(component, f"returned {multiplier}; a schedule returns a finite number from 0 up")


def check_loss(loss: object, logits: torch.Tensor, component: Component, model: Component) -> None:
    """Raise ComponentError unless one can learn from it: a tensor with one number, with a gradient to the weights."""
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        _refuse(component, f"returned {_given(loss)}; a loss returns a tensor with one number, the mean over the batch")
    if not logits.requires_grad:
        _refuse(model, "returned logits without a gradient (detached, or made under no_grad); nothing can be learnt")
    if not loss.requires_grad:
        _refuse(component, "returned a number without a gradient (detached, or not computed from logits)")


def _given(value: object) -> str:
    return f"a tensor {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__


def _refuse(component: Component, breach: str) -> NoReturn:
    raise component.breach(breach)
