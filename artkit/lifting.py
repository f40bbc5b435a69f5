"""Lifting what changes one image to an augmenter, which changes a batch, reproducibly."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from artkit.contracts import Augmenter, Draws
from artkit.seeding import seed_generators

if TYPE_CHECKING:
    import torch


def per_sample(transform: "Callable[[torch.Tensor], torch.Tensor]", /) -> Augmenter:
    """Make an augmenter of a transform of torchvision, or of any function of one image.

    The transform is called for one image after another, with the generators of torch, numpy and Python seeded by the
    image's draws, so that an image becomes the same in a batch of any size and in a resumed run. Afterwards the
    generators go on as if nothing had happened.

    Args:
        transform: Takes an image (3, H, W), float32 in [0, 1], on the device of the batch, and returns the same. Random
            numbers that it draws from generators of its own are not reproducible.

    Returns:
        An augmenter; if the transform returns another shape than it was given, or no floats, it raises ValueError.

    Example:
        ::

            def blur(ctx: AugmenterContext, *, sigma: Annotated[float, Gt(0)] = 2.0):
                '''Blur images, each by another strength.'''
                from torchvision.transforms import v2

                return per_sample(v2.GaussianBlur(5, (0.1, sigma)))
    """

    def augment(images_BCHW: "torch.Tensor", draws: Draws, /) -> "torch.Tensor":
        import torch

        changed_BCHW = torch.empty_like(images_BCHW)
        with _own_generators(images_BCHW.device):
            for number, seed in enumerate(draws.seeds().tolist()):
                _seed_all(seed, images_BCHW.device)
                # A copy, since some transforms work in place.
                changed_CHW = transform(images_BCHW[number].clone())
                _check(changed_CHW, images_BCHW[number])
                changed_BCHW[number] = changed_CHW
        return changed_BCHW

    return augment


@contextmanager
def _own_generators(device: "torch.device") -> Iterator[None]:
    """Put the global generators back as they were, whatever is done with them inside."""
    import numpy as np
    import torch

    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        if device.type == "cpu":
            with torch.random.fork_rng([]):
                yield
        else:
            with torch.random.fork_rng([device], device_type=device.type):
                yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


def _seed_all(seed: int, device: "torch.device") -> None:
    import numpy as np

    seed_generators(seed, device)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _check(changed: object, image_CHW: "torch.Tensor") -> None:
    """Raise ValueError unless a transform returned an image of floats, of the shape that it was given."""
    import torch

    if not isinstance(changed, torch.Tensor) or changed.shape != image_CHW.shape:
        given = tuple(changed.shape) if isinstance(changed, torch.Tensor) else type(changed).__name__
        raise ValueError(
            f"the transform returned {given} for an image {tuple(image_CHW.shape)}; it returns an image of the same "
            "shape, so that images of a batch stay together"
        )
    if not changed.is_floating_point():
        raise ValueError(
            f"the transform returned {changed.dtype}; it returns floats in [0, 1] like those it was given: end it with "
            "v2.ToDtype(torch.float32, scale=True)"
        )
