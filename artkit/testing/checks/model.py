"""What models keep: images (B, C, H, W) -> logits (B, K), reproducibly, on any device, in any precision.

A model is built small, on the CPU: 64 pixels and 3 classes, or 224 where its factory refuses 64.
"""

import copy
from typing import Any, Final

import torch
from torch import Tensor, nn

from artkit.engine.returned import check_logits, check_model
from artkit.engine.structure import ATTRIBUTE, find_structure
from artkit.testing.check import NotApplicable, check, fail, require
from artkit.testing.observing import fixed_generators
from artkit.testing.subject import Subject, image_sizes

_OF_TRAINING: Final = (
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout),
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
)
"""Layers that are meant to compute something else in training."""
_TOLERANCE: Final = 1e-3
"""Largest difference between two ways of computing the same, as a share of the largest logit."""


@check("model", is_basic=True)
def logits(subject: Subject) -> None:
    """A model returns float logits (B, num_outputs), for any image_size and num_outputs that its factory takes."""
    model = subject.share(_model)
    check_model(model, subject.component)
    larger = subject.share(image_sizes)[1]
    other = _build(subject, num_outputs=5, image_size=larger)
    for each, num_outputs, size in ((model, 3, subject.share(image_sizes)[0]), (other, 5, larger)):
        found = _forward(each.eval(), _images(2, size))
        check_logits(found, 2, num_outputs, subject.component)
        require(found.is_floating_point(), f"it returns {found.dtype}")
        require(found.isfinite().all(), f"it returns numbers that are not finite for images of {size} pixels")


@check("model", is_basic=True)
def eval_mode(subject: Subject) -> None:
    """In evaluation a model is a fixed function: the same images give the same logits, and no buffer changes."""
    model, images = subject.share(_model).eval(), subject.share(_batch)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    _require_equal(_forward(model, images), _forward(model, images), "the same images get other logits")
    changed = [name for name, value in model.state_dict().items() if not _equal(value, before[name])]
    require(not changed, f"a forward pass changes {_some(changed)}")


@check("model", is_basic=True)
def batch_of_one(subject: Subject) -> None:
    """A model in evaluation takes a single image."""
    check_logits(_forward(subject.share(_model).eval(), subject.share(_batch)[:1]), 1, 3, subject.component)


@check("model", is_basic=True)
def copies(subject: Subject) -> None:
    """A copy by copy.deepcopy computes the same and shares nothing with the model."""
    model = subject.share(_model)
    twin = copy.deepcopy(model)
    found = _forward(twin.eval(), subject.share(_batch))
    _require_equal(found, subject.share(_eval_logits), "a copy gives other logits")
    own = {parameter.data_ptr() for parameter in model.parameters() if parameter.numel()}
    shared = [name for name, parameter in twin.named_parameters() if parameter.data_ptr() in own]
    require(not shared, f"a copy shares {_some(shared)} with the model")


@check("model")
def batch_independent(subject: Subject) -> None:
    """In evaluation the logits of an image do not depend on the images beside it."""
    images = subject.share(_batch)
    whole = subject.share(_eval_logits)
    alone = torch.cat([_forward(subject.share(_model).eval(), images[row : row + 1]) for row in range(2)])
    _require_close(alone, whole[:2], "alone, images get other logits than in a batch")


@check("model", is_basic=True)
def backward(subject: Subject) -> None:
    """In training too a model returns logits, and a finite gradient reaches every parameter that can be trained."""
    model = subject.share(_trained)
    missing = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    require(not missing, f"no gradient reaches {_some(missing)}")
    wild = [name for name, p in model.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
    require(not wild, f"gradients are not finite in {_some(wild)}")


@check("model")
def train_mode(subject: Subject) -> None:
    """Training differs from evaluation by dropout and normalisation only."""
    model = copy.deepcopy(subject.share(_model)).train()
    for module in model.modules():
        if isinstance(module, _OF_TRAINING):
            module.eval()
    found = []
    for seed in (1, 2):
        with fixed_generators(seed):
            found.append(_forward(model, subject.share(_batch)))
    if not _equal(*found):
        raise NotApplicable("it draws random numbers of its own in training")
    _require_close(found[0], subject.share(_eval_logits), "without dropout and normalisation, training gives others")


@check("model")
def input_untouched(subject: Subject) -> None:
    """A model does not change the images that it is given."""
    images = subject.share(_batch).clone()
    with torch.no_grad():
        subject.share(_model).eval()(images)
    _require_equal(images, subject.share(_batch), "the images are others after the forward pass")


@check("model")
def same_seed_same_weights(subject: Subject) -> None:
    """The same context, options and seed give the same weights."""
    first, again = subject.share(_model).state_dict(), _build(subject).state_dict()
    require(first.keys() == again.keys(), "built again, it has tensors of other names")
    others = [name for name, value in first.items() if not _equal(value, again[name])]
    require(not others, f"built again with the same seed, {_some(others)} differ")


@check("model")
def state_round_trip(subject: Subject) -> None:
    """All that a model computes with is in its state_dict: loaded into a new one, that gives the same logits."""
    other = _build(subject, seed=1)
    try:
        other.load_state_dict(subject.share(_model).state_dict(), strict=True)
    except RuntimeError as error:
        fail(f"its state_dict does not load into a new model: {str(error).splitlines()[-1].strip()}")
    found = _forward(other.eval(), subject.share(_batch))
    _require_close(found, subject.share(_eval_logits), "with the same state_dict a new model gives other logits")


@check("model")
def moves(subject: Subject) -> None:
    """A model moves whole to another device and dtype: tensors it makes follow its images, the rest are registered."""
    model, size = subject.share(_model), subject.share(image_sizes)[0]
    for words in ({"dtype": torch.float64}, {"device": "meta"}):
        moved = copy.deepcopy(model).to(**words).eval()
        try:
            found = _forward(moved, _images(2, size).to(**words))
        except Exception as error:
            if "device" in words and not _mixes_devices(error):
                return  # meta tensors have no values: some operations cannot be had there
            fail(f"moved to {next(iter(words.values()))}, it raises {type(error).__name__}: {str(error)[:200]}")
        require(found.is_meta or found.dtype == torch.float64, f"moved to float64, it returns {found.dtype}")


@check("model")
def amp_forward(subject: Subject) -> None:
    """Under bf16 autocast, logits and gradients are finite."""
    model = copy.deepcopy(subject.share(_model)).train()
    with torch.autocast("cpu", torch.bfloat16):
        found = model(subject.share(_batch).clone())
    torch.autograd.backward(found.float().logsumexp(1).sum())
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    require(found.isfinite().all(), "logits are not finite")
    require(all(grad.isfinite().all() for grad in grads), "gradients are not finite")


@check("model")
def channels_last(subject: Subject) -> None:
    """Images in channels_last memory give the same logits, but for rounding."""
    images = subject.share(_batch).contiguous(memory_format=torch.channels_last)
    found = _forward(subject.share(_model).eval(), images)
    _require_close(found, subject.share(_eval_logits), "images in channels_last memory get other logits")


@check("model")
def stages(subject: Subject) -> None:
    """What a model says in artkit_stages are parts of it, all but the head."""
    model = subject.share(_model)
    if getattr(model, ATTRIBUTE, None) is None:
        raise NotApplicable(f"it says nothing in {ATTRIBUTE}")
    try:
        find_structure(model, 3)
    except ValueError as error:
        fail(f"it {error}")


def _build(subject: Subject, *, seed: int = 0, num_outputs: int = 3, image_size: int | None = None) -> nn.Module:
    with fixed_generators(seed):
        size = image_size or subject.share(image_sizes)[0]
        model: nn.Module = subject.build(num_outputs=num_outputs, image_size=size)
    return model


def _model(subject: Subject) -> nn.Module:
    return _build(subject)


def _trained(subject: Subject) -> nn.Module:
    """A copy after a forward and a backward pass in training."""
    model = copy.deepcopy(subject.share(_model)).train()
    found = model(subject.share(_batch).clone())
    check_logits(found, 4, 3, subject.component)
    require(found.requires_grad, "its logits have no gradient")
    loss: Tensor = torch.nn.functional.cross_entropy(found, torch.arange(len(found)) % 3)
    torch.autograd.backward(loss)
    return model


def _batch(subject: Subject) -> Tensor:
    return _images(4, subject.share(image_sizes)[0])


def _eval_logits(subject: Subject) -> Tensor:
    logits_BK: Tensor = _forward(subject.share(_model).eval(), subject.share(_batch))
    return logits_BK


def _images(batch: int, size: int) -> Tensor:
    """Noise, normalised, (B, 3, H, W)."""
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


def _forward(model: nn.Module, images_BCHW: Tensor) -> Any:
    with torch.no_grad():
        return model(images_BCHW.clone(memory_format=torch.preserve_format))


def _mixes_devices(error: Exception) -> bool:
    return any(words in str(error) for words in ("expected device", "same device"))


def _equal(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(), other.nan_to_num())


def _require_equal(one: Tensor, other: Tensor, problem: str) -> None:
    require(one.shape == other.shape and _equal(one, other), problem)


def _require_close(one: Tensor, other: Tensor, problem: str) -> None:
    require(one.shape == other.shape, f"{problem}: {tuple(one.shape)} for {tuple(other.shape)}")
    difference = (one - other).abs().max().item()
    scale = max(other.abs().max().item(), 1e-6)
    require(difference <= _TOLERANCE * scale, f"{problem}: they differ by up to {difference:.2g} of {scale:.2g}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
