"""What optimizers keep: the groups they are given, the rate that the schedule sets, and all of their state."""

import copy
from typing import Any

import torch
from torch.optim import Optimizer

from artkit.engine.returned import check_optimizer
from artkit.testing.check import check, require
from artkit.testing.contexts import param_groups
from artkit.testing.subject import Subject


@check("optimizer", is_basic=True)
def form(subject: Subject) -> None:
    """A factory returns a torch optimizer with a learning rate in each group, which the schedule sets."""
    check_optimizer(subject.build(), subject.component)


@check("optimizer", is_basic=True)
def keeps_groups(subject: Subject) -> None:
    """An optimizer has the groups of its context: the same parameters, and weight_decay = 0 where they say so."""
    given = param_groups()
    optimizer: Optimizer = subject.build(param_groups=given)
    require(len(optimizer.param_groups) == len(given), f"it has {len(optimizer.param_groups)} groups of {len(given)}")
    for own, group in zip(optimizer.param_groups, given, strict=True):
        same = [id(one) for one in own["params"]] == [id(one) for one in group["params"]]
        require(same, "its groups have other parameters than the context's")
        decay = own.get("weight_decay", 0.0)
        require("weight_decay" not in group or decay == group["weight_decay"], f"a group without decay has {decay}")


@check("optimizer")
def obeys_decay(subject: Subject) -> None:
    """What must not decay does not move without a gradient."""
    groups = param_groups()
    optimizer = subject.build(param_groups=groups)
    bias = groups[1]["params"][0]
    before = bias.detach().clone()
    for _ in range(3):
        _set_gradients(groups, 0.0)
        optimizer.step()
    require(torch.equal(bias, before), "a parameter of a group without decay moves although its gradient is 0")


@check("optimizer")
def lowers_quadratic(subject: Subject) -> None:
    """Steps along the gradient of a quadratic lower it."""
    groups = param_groups()
    optimizer = subject.build(param_groups=groups)
    values = [_quadratic(groups).item(), *(_step(optimizer, groups) for _ in range(30))]
    lowest = values[0] * 0.999
    require(min(values[1:]) < lowest, f"after 30 steps it went from {values[0]:.4g} to {values[-1]:.4g}")
    require(values[-1] < values[0], f"after 30 steps it went from {values[0]:.4g} up to {values[-1]:.4g}")


@check("optimizer")
def obeys_rate(subject: Subject) -> None:
    """The schedule sets group["lr"]; with a rate of 0, nothing moves."""
    groups = param_groups()
    optimizer = subject.build(param_groups=groups)
    _step(optimizer, groups)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = [one.detach().clone() for group in groups for one in group["params"]]
    _step(optimizer, groups)
    after = [one for group in groups for one in group["params"]]
    require(all(map(torch.equal, before, after)), "parameters move although the learning rate of all groups is 0")


@check("optimizer")
def state_round_trip(subject: Subject) -> None:
    """All of its state is in state_dict: another one that loads it takes the same steps."""
    groups = param_groups()
    optimizer = subject.build(param_groups=groups)
    for _ in range(3):
        _step(optimizer, groups)
    other_groups = copy.deepcopy(groups)
    other = subject.build(param_groups=other_groups)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    ours = [_step(optimizer, groups) for _ in range(3)]
    theirs = [_step(other, other_groups) for _ in range(3)]
    require(ours == theirs, f"after state_dict and load_state_dict it goes on at {theirs}, not at {ours}")


def _quadratic(groups: list[dict[str, Any]]) -> torch.Tensor:
    squares = [(one - 3).square().sum() for group in groups for one in group["params"]]
    return torch.stack(squares).sum()


def _step(optimizer: Optimizer, groups: list[dict[str, Any]]) -> float:
    """Take a step; the value before it is lowered further by the next."""
    optimizer.zero_grad()
    value = _quadratic(groups)
    torch.autograd.backward(value)
    optimizer.step()
    return _quadratic(groups).item()


def _set_gradients(groups: list[dict[str, Any]], value: float) -> None:
    for one in (one for group in groups for one in group["params"]):
        one.grad = torch.full_like(one, value)
