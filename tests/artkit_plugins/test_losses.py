"""Losses against their formulas, written out in numpy."""

import numpy as np
import pytest
import torch

from artkit import LossContext, RecipeError
from artkit_plugins.losses import balanced_softmax, cross_entropy, weighted_cross_entropy

NAMES = ("Claude Monet", "Paul Klee", "Vincent van Gogh", "Frida Kahlo")


def context(drawn=(80, 15, 4, 1), class_counts=(80, 15, 4, 1)):
    return LossContext(class_names=NAMES, class_counts=np.array(class_counts), drawn_counts=np.array(drawn))


def batch(batch_size=6):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(batch_size, 4, generator=generator, dtype=torch.float64)
    return logits, torch.arange(batch_size) % 4


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def manual_loss(logits, labels, *, weights=(1, 1, 1, 1), shift=(0, 0, 0, 0), smoothing=0.0):
    logs = log_softmax(logits.numpy() + np.array(shift))
    weights, labels = np.array(weights), labels.numpy()
    picked = weights[labels] * logs[np.arange(len(labels)), labels]
    spread = (weights * logs).sum(1) / logs.shape[1]
    return -((1 - smoothing) * picked + smoothing * spread).sum() / weights[labels].sum()


def assert_loss(loss, expected):
    logits, labels = batch()
    assert loss(logits, labels).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_the_formula(smoothing):
    assert_loss(cross_entropy(context(), label_smoothing=smoothing), manual_loss(*batch(), smoothing=smoothing))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("power", [1.0, 0.5])
def test_automatic_weights_are_inverse_to_the_draws(power, smoothing):
    weights = 1 / np.array([80, 15, 4, 1]) ** power
    loss = weighted_cross_entropy(context(), power=power, label_smoothing=smoothing)
    assert_loss(loss, manual_loss(*batch(), weights=weights / weights.mean(), smoothing=smoothing))


def test_weights_belong_to_classes_by_name_in_any_order():
    loss = weighted_cross_entropy(context(), weights={"Vincent van Gogh": 5.0, "Claude Monet": 0.5})
    assert_loss(loss, manual_loss(*batch(), weights=(0.5, 1, 5, 1)))


def test_a_misspelt_class_is_refused_with_the_name_that_was_probably_meant():
    text = r"loss\.weights has the class 'Vincent van Goch', .* Did you mean 'Vincent van Gogh'\?"
    with pytest.raises(RecipeError, match=text):
        weighted_cross_entropy(context(), weights={"Vincent van Goch": 2.0})


def test_a_class_unlike_any_other_is_refused_with_the_first_names():
    with pytest.raises(RecipeError, match=r"has the class 'xyz', .*4 classes begin with 'Claude Monet', 'Paul Klee'"):
        weighted_cross_entropy(context(), weights={"xyz": 2.0})


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf"), float("nan")])
def test_a_weight_that_is_not_above_zero_and_finite_is_refused(weight):
    with pytest.raises(RecipeError, match=r"for the class 'Paul Klee'; a weight must be above 0 and finite"):
        weighted_cross_entropy(context(), weights={"Paul Klee": weight})


def test_a_power_that_would_have_no_effect_is_refused():
    with pytest.raises(RecipeError, match=r"loss\.power=0\.5 has no effect on weights given by name"):
        weighted_cross_entropy(context(), weights={"Paul Klee": 2.0}, power=0.5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("tau", [1.0, 0.3])
def test_balanced_softmax_adds_the_logarithm_of_the_prior(tau, smoothing):
    shift = tau * np.log(np.array([0.8, 0.15, 0.04, 0.01]))
    loss = balanced_softmax(context(), tau=tau, label_smoothing=smoothing)
    assert_loss(loss, manual_loss(*batch(), shift=shift, smoothing=smoothing))


@pytest.mark.parametrize("factory", [weighted_cross_entropy, balanced_softmax])
def test_with_classes_drawn_equally_often_nothing_is_corrected_a_second_time(factory):
    assert_loss(factory(context(drawn=(25, 25, 25, 25))), manual_loss(*batch()))


@pytest.mark.parametrize("factory", [cross_entropy, weighted_cross_entropy, balanced_softmax])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_class_that_is_never_drawn_gives_finite_losses_and_gradients(factory, smoothing):
    loss = factory(context(drawn=(80, 0, 20, 0)), label_smoothing=smoothing)
    for labels in (torch.tensor([0, 2]), torch.tensor([1, 1])):
        logits = torch.zeros(2, 4, requires_grad=True)
        value = loss(logits, labels)
        value.backward()
        assert value.isfinite()
        assert logits.grad.isfinite().all()
        assert logits.grad.abs().sum() > 0


@pytest.mark.parametrize("factory", [cross_entropy, weighted_cross_entropy, balanced_softmax])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_losses_are_float32_scalars_whatever_the_logits_are(factory, dtype):
    logits, labels = batch()
    logits = logits.to(dtype).requires_grad_()
    value = factory(context())(logits * 100, labels)
    expected = factory(context())((logits * 100).float(), labels)
    assert (value.shape, value.dtype) == ((), torch.float32)
    assert value.item() == expected.item()


def test_under_autocast_the_loss_is_computed_in_float32():
    logits, labels = batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = balanced_softmax(context())(logits.float(), labels)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(balanced_softmax(context())(logits.float(), labels).item(), rel=1e-6)


def test_balanced_softmax_teaches_the_rare_class_as_much_as_the_common_one():
    # 90 images of one class and 10 of another that look the same: the best logits of the corrected loss are equal.
    ctx = LossContext(class_names=("a", "b"), class_counts=np.array([90, 10]), drawn_counts=np.array([90, 10]))
    labels = torch.tensor([0] * 90 + [1] * 10)
    differences = {}
    for name, factory in (("plain", cross_entropy), ("balanced", balanced_softmax)):
        logits = torch.zeros(1, 2, requires_grad=True)
        optimizer = torch.optim.SGD([logits], lr=2.0)
        for _ in range(200):
            optimizer.zero_grad()
            factory(ctx)(logits.expand(100, 2), labels).backward()
            optimizer.step()
        differences[name] = (logits[0, 0] - logits[0, 1]).item()
    assert differences["plain"] == pytest.approx(np.log(9), abs=0.01)
    assert differences["balanced"] == pytest.approx(0, abs=0.01)
