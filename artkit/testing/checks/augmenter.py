"""What augmenters keep: the images they are given, their form and range, and the same pixels for the same draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from artkit.contracts import Augmenter, Mixed
from artkit.engine.randomness import PositionDraws
from artkit.engine.returned import check_augmented, check_mixed
from artkit.testing.check import NotApplicable, check, require
from artkit.testing.contexts import IMAGE_SIZE
from artkit.testing.observing import observed
from artkit.testing.subject import Subject

_ROUNDING = 1e-5
_BATCH = 12


@check("augmenter", is_basic=True)
def keeps_form(subject: Subject) -> None:
    """Images come back with the shape and dtype they had, without a gradient; also one, and of odd sizes."""
    augmenter = subject.share(_augmenter)
    for shape in ((_BATCH, IMAGE_SIZE, IMAGE_SIZE), (1, IMAGE_SIZE, IMAGE_SIZE), (4, 21, 9), (2, 48, 48)):
        images = _images(*shape)
        changed = _apply(subject, augmenter, images, range(len(images)))[0]
        check_augmented(changed, images, subject.component)
        require(not changed.requires_grad, "what it returns has a gradient")


@check("augmenter", is_basic=True)
def repeatable(subject: Subject) -> None:
    """The same draws give the same pixels, whatever was augmented before, and in an augmenter that is built anew."""
    augmenter, images, once = subject.share(_augmenter), _images(), subject.share(_changed)
    _apply(subject, augmenter, images, range(_BATCH), epoch=3)
    require(_same(_apply(subject, augmenter, images, range(_BATCH)), once), "the same draws give other pixels")
    again = _apply(subject, subject.build(), images, range(_BATCH))
    require(_same(again, once), "built again, it gives other pixels for the same draws")


@check("augmenter")
def keeps_range(subject: Subject) -> None:
    """Images stay finite and in [0, 1]."""
    changed = subject.share(_changed)[0]
    require(changed.isfinite().all(), "pixels are not finite")
    least, most = changed.min().item(), changed.max().item()
    require(least >= 0 and most <= 1, f"pixels are from {least:.3g} to {most:.3g}")


@check("augmenter")
def input_untouched(subject: Subject) -> None:
    """An augmenter does not change the images that it is given."""
    images = _images()
    subject.share(_augmenter)(images, _draws(range(_BATCH)))
    require(torch.equal(images, _images()), "the images that it was given are others afterwards")


@check("augmenter")
def no_other_randomness(subject: Subject) -> None:
    """Random numbers come from draws only; the generators of Python, numpy and torch are left alone."""
    with observed() as seen:
        _apply(subject, subject.share(_augmenter), _images(), range(_BATCH))
    changed = [what for what in seen.changed if "random" in what]
    require(not changed, f"it takes from {' and '.join(changed)}")


@check("augmenter")
def draws_matter(subject: Subject) -> None:
    """Other draws give other pixels, unless an augmenter draws nothing."""
    draws = _CountingDraws(_draws(range(_BATCH)))
    subject.share(_augmenter)(_images(), draws)
    if not draws.calls:
        raise NotApplicable("it draws nothing")
    others = [_apply(subject, subject.share(_augmenter), _images(), range(_BATCH), epoch=epoch) for epoch in (1, 2, 3)]
    once = subject.share(_changed)
    require(not all(_same(other, once) for other in others), "three other epochs give the same pixels")


@check("augmenter")
def batch_split(subject: Subject) -> None:
    """An image becomes the same in a batch of any size, and on any of several ranks."""
    images, whole = _images(), subject.share(_changed)[0]
    # Pairs (2k, 2k + 1) stay together, as they do on ranks: an augmenter may mix them.
    for rows in (range(4), range(4, 12), [0, 1, 4, 5, 8, 9], [10, 11, 2, 3]):
        part = _apply(subject, subject.share(_augmenter), images[list(rows)], rows)[0]
        difference = (part - whole[list(rows)]).abs().max().item()
        require(difference <= _ROUNDING, f"images {list(rows)} of {_BATCH} become others in a batch of their own")


@check("augmenter")
def memory_formats(subject: Subject) -> None:
    """Images in channels_last memory become the same."""
    images = _images().contiguous(memory_format=torch.channels_last)
    found = _apply(subject, subject.share(_augmenter), images, range(_BATCH))[0]
    difference = (found - subject.share(_changed)[0]).abs().max().item()
    require(difference <= _ROUNDING, "images in channels_last memory become others")


@check("augmenter")
def mixes_labels(subject: Subject) -> None:
    """What mixes images says whose labels they have: partners of the batch, and a weight for one's own in [0, 1]."""
    augmenter = subject.share(_augmenter)
    if not getattr(augmenter, "mixes", False):
        raise NotApplicable("it does not mix images")
    for epoch in range(4):
        mixed = check_mixed(augmenter(_images(), _draws(range(_BATCH), epoch)), _images(), subject.component)
        inside = (mixed.partners >= 0) & (mixed.partners < _BATCH)
        require(inside.all(), f"the partners {mixed.partners.tolist()} are not all places in a batch of {_BATCH}")
        alone = check_mixed(augmenter(_images()[:1], _draws([0], epoch)), _images()[:1], subject.component)
        require(alone.partners.tolist() == [0], "a single image has a partner other than itself")


class _CountingDraws:
    """Draws that count how often they are asked."""

    def __init__(self, draws: PositionDraws) -> None:
        self._draws = draws
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        self.calls += 1
        return getattr(self._draws, name)


def _augmenter(subject: Subject) -> Augmenter:
    augmenter: Augmenter = subject.build()
    return augmenter


def _changed(subject: Subject) -> tuple[Tensor, Any, float]:
    return _apply(subject, subject.share(_augmenter), _images(), range(_BATCH))


def _apply(
    subject: Subject, augmenter: Augmenter, images_BCHW: Tensor, positions: Sequence[int], epoch: int = 0
) -> tuple[Tensor, Any, float]:
    """Images, partners and weight; the step is the same for all parts of a batch."""
    changed = augmenter(images_BCHW.clone(memory_format=torch.preserve_format), _draws(positions, epoch))
    if getattr(augmenter, "mixes", False):
        mixed: Mixed = check_mixed(changed, images_BCHW, subject.component)
        return mixed.images, mixed.partners, mixed.weight
    return check_augmented(changed, images_BCHW, subject.component), None, 1.0


def _same(one: tuple[Tensor, Any, float], other: tuple[Tensor, Any, float]) -> bool:
    partners = one[1] is None or torch.equal(one[1], other[1])
    return torch.equal(one[0], other[0]) and partners and one[2] == other[2]


def _draws(positions: Sequence[int], epoch: int = 0) -> PositionDraws:
    return PositionDraws(5, epoch, np.asarray(positions, dtype=np.int64), step=0, stream=0)


def _images(batch: int = _BATCH, height: int = IMAGE_SIZE, width: int = IMAGE_SIZE) -> Tensor:
    """Noise; the first image is plain, the second has pixels at both ends of the range only."""
    images = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))
    images[:1] = 0.25
    images[1:2] = images[1:2].round()
    return images
