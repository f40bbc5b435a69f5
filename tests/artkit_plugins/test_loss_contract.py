"""What every loss that comes with artkit must do, whichever it is."""

import numpy as np
import pytest
import torch

from artkit import LossContext
from artkit.registry import load_registry

LOSSES = {each.name: each for each in load_registry().components("loss") if each.plugin.is_builtin}
VARIANTS = [
    *((name, {}) for name in LOSSES),
    *((name, {"label_smoothing": 0.1}) for name, each in LOSSES.items() if "label_smoothing" in each.options.options),
    ("balanced-softmax", {"tau": 3.0}),
    ("focal", {"gamma": 0.3, "alpha": "auto"}),
    ("ldam", {"scale": 30.0, "beta": 0.9999}),
    ("weighted-cross-entropy", {"weights": {"a": 50.0}}),
]
NAMES = ("a", "b", "c", "d")


def build(variant, drawn=(80, 15, 4, 1), class_counts=(80, 15, 4, 1), *, is_deferred=False):
    name, options = variant
    context = LossContext(
        class_names=NAMES,
        class_counts=np.array(class_counts),
        drawn_counts=np.array(drawn),
        is_deferred=is_deferred,
    )
    return LOSSES[name].build(context, options)


def batch(batch_size=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch_size, 4, generator=generator), torch.arange(batch_size) % 4


pytestmark = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: " ".join(map(str, variant)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e4])
def test_losses_are_finite_scalars_with_finite_gradients_whatever_the_logits(variant, dtype, size):
    logits, labels = batch()
    logits = (logits * size).to(dtype).requires_grad_()
    loss = build(variant)(logits, labels)
    loss.backward()
    assert (loss.shape, loss.dtype) == ((), torch.float32)
    assert loss.isfinite()
    assert loss >= 0
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_losses_are_computed_in_float32_under_autocast_too(variant, dtype):
    logits, labels = batch()
    expected = build(variant)(logits.to(dtype).float(), labels)
    with torch.autocast("cpu", dtype=dtype):
        loss = build(variant)(logits.to(dtype), labels)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("labels", [[0, 2], [1, 1], [3, 0]])
def test_a_class_that_is_never_drawn_gives_finite_losses_and_gradients(variant, labels):
    logits = torch.zeros(2, 4, requires_grad=True)
    loss = build(variant, drawn=(80, 0, 20, 0), class_counts=(80, 0, 20, 0))(logits, torch.tensor(labels))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().sum() > 0


def test_gradients_are_those_of_finite_differences(variant):
    logits, labels = batch(4)
    loss = build(variant)
    logits = logits.requires_grad_()
    loss(logits, labels).backward()
    direction = batch(4, seed=1)[0]
    step = 1e-2 / (30 if "scale" in variant[1] else 1)
    with torch.no_grad():
        slope = (loss(logits + step * direction, labels) - loss(logits - step * direction, labels)) / (2 * step)
    assert (logits.grad * direction).sum().item() == pytest.approx(slope.item(), rel=2e-2, abs=2e-3)


def test_a_step_down_the_gradient_makes_the_labels_more_likely(variant):
    logits, labels = batch()
    logits = logits.requires_grad_()
    build(variant)(logits, labels).backward()
    assert (logits.grad.gather(1, labels[:, None]) < 0).all()
    assert logits.grad.sum(1).abs().max() < 1e-5  # adding a number to all logits of an image changes nothing


def test_it_is_a_mean_so_that_the_same_batch_twice_has_the_same_loss(variant):
    logits, labels = batch()
    loss = build(variant)
    twice = loss(torch.cat([logits, logits]), torch.cat([labels, labels]))
    assert twice.item() == pytest.approx(loss(logits, labels).item(), rel=1e-5)


def test_nothing_is_kept_from_one_call_to_the_next_and_logits_stay_as_they_are(variant):
    logits, labels = batch()
    before = logits.clone()
    loss = build(variant)
    first = loss(logits, labels)
    loss(*batch(seed=5))
    assert loss(logits, labels).item() == first.item()
    assert torch.equal(logits, before)


def test_where_all_classes_are_alike_their_order_does_not_matter(variant):
    logits, labels = batch()
    order = torch.tensor([2, 0, 3, 1])
    loss = build(variant, drawn=(1, 1, 1, 1), class_counts=(20, 20, 20, 20), is_deferred=True)
    moved = loss(logits[:, order], torch.argsort(order)[labels])
    assert moved.item() == pytest.approx(loss(logits, labels).item(), rel=1e-5)


def test_one_image_is_a_batch_too(variant):
    logits, labels = batch(1)
    assert build(variant)(logits, labels).isfinite()
