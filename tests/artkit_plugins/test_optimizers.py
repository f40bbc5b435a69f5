"""Optimizers: they honour the groups they are given, lower a loss, and go on after a stop."""

import copy

import pytest
import torch
from torch import nn

from artkit import OptimizerContext
from artkit_plugins.optimizers import adam, adamw, rmsprop, sgd

FACTORIES = [sgd, adam, adamw, rmsprop]


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def context(net):
    weights = [p for p in net.parameters() if p.ndim > 1]
    biases = [p for p in net.parameters() if p.ndim == 1]
    return OptimizerContext(param_groups=[{"params": weights}, {"params": biases, "weight_decay": 0.0}])


def train(net, optimizer, steps):
    inputs = torch.linspace(-1, 1, 32).reshape(8, 4)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (net(inputs).squeeze(1) - inputs.sum(1)).square().mean()
        loss.backward()
        optimizer.step()
    return loss.item()


@pytest.mark.parametrize("factory", FACTORIES)
def test_training_lowers_the_loss(factory):
    net = model()
    optimizer = factory(context(net), lr=0.02)
    assert train(net, optimizer, 100) < 0.1 * train(model(), optimizer, 1)


@pytest.mark.parametrize("factory", FACTORIES)
def test_weight_decay_reaches_only_the_group_that_has_none_of_its_own(factory):
    optimizer = factory(context(model()), weight_decay=0.03, lr=0.01)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.03, 0.0]
    assert {group["lr"] for group in optimizer.param_groups} == {0.01}


@pytest.mark.parametrize("factory", FACTORIES)
def test_the_groups_of_the_context_stay_as_they_are(factory):
    ctx = context(model())
    factory(ctx, lr=0.5)
    assert [sorted(group) for group in ctx.param_groups] == [["params"], ["params", "weight_decay"]]
    assert factory(ctx, lr=0.25).param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize("factory", FACTORIES)
def test_parameters_may_thaw_one_after_the_other(factory):
    parameters = [nn.Parameter(torch.ones(2, 3)) for _ in range(3)]
    optimizer = factory(OptimizerContext(param_groups=[{"params": parameters}]), lr=0.01)
    for number in range(3):
        for parameter in parameters[: number + 1]:
            parameter.grad = torch.ones(2, 3)
        before = [parameter.clone() for parameter in parameters]
        optimizer.step()
        moved = [not torch.equal(now, was) for now, was in zip(parameters, before, strict=True)]
        assert moved == [place <= number for place in range(3)]


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_first_step_that_is_left_out_for_lack_of_range_leaves_no_trace(factory):
    nets = [model(), model()]
    optimizers = [factory(context(net), lr=0.02) for net in nets]
    for parameter in nets[0].parameters():
        parameter.grad = torch.full_like(parameter, float("inf"))
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    scaler.scale(torch.ones(()))  # makes it begin
    scaler.unscale_(optimizers[0])
    scaler.step(optimizers[0])
    assert train(nets[0], optimizers[0], 5) == train(nets[1], optimizers[1], 5)


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_restored_optimizer_goes_on_as_if_nothing_had_happened(factory):
    net = model()
    optimizer = factory(context(net))
    train(net, optimizer, 5)
    other = copy.deepcopy(net)
    restored = factory(context(other))
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert train(net, optimizer, 5) == train(other, restored, 5)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))


def test_sgd_steps_as_its_formula_says():
    weight = nn.Parameter(torch.tensor([[2.0]]))
    optimizer = sgd(OptimizerContext(param_groups=[{"params": [weight]}]), lr=0.1, momentum=0.5, weight_decay=0.2)
    expected, velocity = 2.0, 0.0
    for gradient in (1.0, -3.0):
        weight.grad = torch.tensor([[gradient]])
        optimizer.step()
        decayed = gradient + 0.2 * expected
        velocity = decayed if velocity == 0 else 0.5 * velocity + decayed
        expected -= 0.1 * (decayed + 0.5 * velocity)
        assert weight.item() == pytest.approx(expected, rel=1e-6)


def test_sgd_without_momentum_is_plain_gradient_descent():
    weight = nn.Parameter(torch.tensor([[2.0]]))
    optimizer = sgd(OptimizerContext(param_groups=[{"params": [weight]}]), lr=0.1, momentum=0.0, weight_decay=0.0)
    weight.grad = torch.tensor([[3.0]])
    optimizer.step()
    assert weight.item() == pytest.approx(1.7)


def test_adamw_shrinks_weights_apart_from_the_gradient():
    weight = nn.Parameter(torch.tensor([[2.0]]))
    optimizer = adamw(OptimizerContext(param_groups=[{"params": [weight]}]), lr=0.1, weight_decay=0.5)
    weight.grad = torch.zeros(1, 1)
    optimizer.step()
    assert weight.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5))


@pytest.mark.parametrize("factory", [sgd, adam, adamw])
def test_fused_steps_are_used_where_there_are_some(factory):
    assert factory(context(model())).defaults["fused"] is True
    elsewhere = nn.Linear(2, 2, device="meta")
    assert factory(context(elsewhere)).defaults["fused"] is False
