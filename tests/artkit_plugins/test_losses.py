"""Losses against their formulas, written out in numpy."""

import numpy as np
import pytest
import torch

from artkit import LossContext, RecipeError
from artkit_plugins.losses import (
    balanced_softmax,
    cross_entropy,
    effective_number,
    focal,
    ldam,
    weighted_cross_entropy,
)

NAMES = ("Claude Monet", "Paul Klee", "Vincent van Gogh", "Frida Kahlo")


def context(drawn=(80, 15, 4, 1), class_counts=(80, 15, 4, 1), *, is_deferred=False):
    return LossContext(
        class_names=NAMES,
        class_counts=np.array(class_counts),
        drawn_counts=np.array(drawn),
        is_deferred=is_deferred,
    )


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


def test_without_weights_every_image_counts_the_same():
    assert_loss(weighted_cross_entropy(context(), weights=None), manual_loss(*batch()))


def test_a_power_that_would_have_no_effect_is_refused():
    with pytest.raises(RecipeError, match=r"loss\.power=0\.5 has no effect on weights given by name"):
        weighted_cross_entropy(context(), weights={"Paul Klee": 2.0}, power=0.5)
    with pytest.raises(RecipeError, match=r"loss\.power=0\.5 has no effect without weights"):
        weighted_cross_entropy(context(), weights=None, power=0.5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("tau", [1.0, 0.3])
def test_balanced_softmax_adds_the_logarithm_of_the_prior(tau, smoothing):
    shift = tau * np.log(np.array([0.8, 0.15, 0.04, 0.01]))
    loss = balanced_softmax(context(), tau=tau, label_smoothing=smoothing)
    assert_loss(loss, manual_loss(*batch(), shift=shift, smoothing=smoothing))


@pytest.mark.parametrize("factory", [weighted_cross_entropy, effective_number, balanced_softmax])
def test_with_classes_drawn_equally_often_nothing_is_corrected_a_second_time(factory):
    assert_loss(factory(context(drawn=(25, 25, 25, 25))), manual_loss(*batch()))


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


def test_weights_by_name_wait_while_the_loss_is_deferred():
    for factory, option in ((weighted_cross_entropy, "weights"), (focal, "alpha")):
        plain = factory(context(is_deferred=True), **{option: {"Paul Klee": 7.0}})
        weighted = factory(context(), **{option: {"Paul Klee": 7.0}})
        equal = factory(context(), **{option: {"Paul Klee": 1.0}})
        assert plain(*batch()).item() == pytest.approx(equal(*batch()).item(), rel=1e-6)
        assert weighted(*batch()).item() != pytest.approx(equal(*batch()).item(), rel=1e-3)


def test_an_empty_table_of_weights_is_refused():
    with pytest.raises(RecipeError, match=r"loss\.weights is an empty table; name at least one class, such as 'Claude"):
        weighted_cross_entropy(context(), weights={})


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("beta", [0.5, 0.9, 0.999, 0.999999])
def test_effective_number_weights_are_the_formula(beta, smoothing):
    weights = [(1 - beta) / sum(beta**i * (1 - beta) for i in range(n)) for n in (80, 15, 4, 1)]  # a geometric series
    loss = effective_number(context(), beta=beta, label_smoothing=smoothing)
    assert_loss(loss, manual_loss(*batch(), weights=weights / np.mean(weights), smoothing=smoothing))


def test_effective_number_goes_from_no_weights_to_inverse_ones():
    assert_loss(effective_number(context(), beta=0.0), manual_loss(*batch()))
    assert_loss(effective_number(context(), beta=1 - 1e-9), weighted_cross_entropy(context())(*batch()).item())


def manual_focal(logits, labels, *, gamma, weights=(1, 1, 1, 1)):
    probabilities = np.exp(log_softmax(logits.numpy()))[np.arange(len(labels)), labels.numpy()]
    weights = np.array(weights)[labels.numpy()]
    return (-weights * (1 - probabilities) ** gamma * np.log(probabilities)).sum() / weights.sum()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_is_the_formula(gamma):
    assert_loss(focal(context(), gamma=gamma), manual_focal(*batch(), gamma=gamma))
    weights = 1 / np.array([80, 15, 4, 1])
    assert_loss(focal(context(), gamma=gamma, alpha="auto"), manual_focal(*batch(), gamma=gamma, weights=weights))
    loss = focal(context(), gamma=gamma, alpha={"Frida Kahlo": 3.0})
    assert_loss(loss, manual_focal(*batch(), gamma=gamma, weights=(1, 1, 1, 3)))


def test_focal_without_focus_is_cross_entropy():
    assert_loss(focal(context(), gamma=0.0), cross_entropy(context())(*batch()).item())
    assert_loss(focal(context(), gamma=0.0, alpha="auto"), weighted_cross_entropy(context())(*batch()).item())


def test_a_misspelt_class_in_alpha_is_refused():
    with pytest.raises(RecipeError, match=r"loss\.alpha has the class 'Frida', .* Did you mean 'Frida Kahlo'"):
        focal(context(), alpha={"Frida": 2.0})


@pytest.mark.parametrize("gamma", [0.1, 0.5, 2.0])
def test_focal_gradients_are_finite_and_vanish_where_the_model_is_sure(gamma):
    logits = torch.tensor([[200.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], requires_grad=True)
    focal(context(), gamma=gamma)(logits, torch.tensor([0, 0])).backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[0].abs().max() < 1e-6
    assert logits.grad[1].abs().max() > 0.01


def manual_ldam(logits, labels, *, margins, scale, weights=(1, 1, 1, 1)):
    shifted = logits.numpy().copy()
    shifted[np.arange(len(labels)), labels.numpy()] -= np.array(margins)[labels.numpy()]
    logs = log_softmax(scale * shifted)[np.arange(len(labels)), labels.numpy()]
    weights = np.array(weights)[labels.numpy()]
    return -(weights * logs).sum() / weights.sum()


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_ldam_is_the_formula(scale):
    margins = 0.5 * np.array([80, 15, 4, 1]) ** -0.25
    assert_loss(ldam(context(), scale=scale), manual_ldam(*batch(), margins=margins, scale=scale))
    weights = (1 - 0.999) / (1 - 0.999 ** np.array([80, 15, 4, 1]))
    expected = manual_ldam(*batch(), margins=margins, scale=scale, weights=weights)
    assert_loss(ldam(context(), scale=scale, beta=0.999), expected)


def test_ldam_without_margin_is_cross_entropy_of_scaled_logits():
    logits, labels = batch()
    assert_loss(ldam(context(), max_margin=0.0, scale=3.0), cross_entropy(context())(3 * logits, labels).item())


def test_margins_are_those_of_the_images_there_are_whatever_is_drawn():
    natural, balanced = context(), context(drawn=(25, 25, 25, 25))
    assert ldam(natural)(*batch()).item() == ldam(balanced)(*batch()).item()
    assert ldam(balanced)(*batch()).item() == pytest.approx(ldam(balanced, beta=0.999)(*batch()).item(), rel=1e-6)
    assert ldam(natural)(*batch()).item() != pytest.approx(ldam(natural, beta=0.999)(*batch()).item(), rel=1e-3)


def test_a_class_without_images_has_the_margin_of_the_rarest_one():
    margins = [0.5 * 40**-0.25, 0.5 * 20**-0.25, 0.5, 0.5]
    loss = ldam(context(class_counts=(80, 40, 2, 0)))
    assert_loss(loss, manual_ldam(*batch(), margins=margins, scale=1.0))
