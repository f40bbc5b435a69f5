"""Changed copies of training images, for those who want them as files.

Copies are made of training images only, never of what is tested, and name the image they are of, so that they can be
told apart and left out. What a copy looks like depends on the seed, the name of the image and the number of the copy
alone. What changes the images is given from outside: see `ImageAugmenter`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from artkit_shards.conversion.layout import Sample
from artkit_shards.conversion.settings import Settings
from artkit_shards.conversion.split import seeded_order
from artkit_shards.errors import ConvertError


class ImageAugmenter(Protocol):
    """Changes images. Workers are other processes, so it must survive being pickled."""

    @property
    def description(self) -> str:
        """What it does and with which options: equal for equal changes only. The manifest records it."""
        ...

    def __call__(self, pixels: NDArray[np.uint8], seed: int, /) -> NDArray[np.uint8]:
        """Change an image.

        Args:
            pixels: RGB (H, W, 3), at the size at which it is stored, of any aspect ratio. Not to be written to.
            seed: From 0, below 2**63. The same seed gives the same change.

        Returns:
            RGB (H, W, 3), uint8, of the same size.
        """
        ...


def with_copies(samples: Sequence[Sample], settings: Settings) -> list[Sample]:
    """Add changed copies to training images.

    Each image gets `augment_copies` copies. Then classes of the main target that still have fewer than `augment_rare`
    get more, as evenly from all of their images as possible; which of these are copied once more is drawn by the seed.

    Args:
        samples: Training images, all different.
        settings: Of which `augment_copies`, `augment_rare` and `seed` count.
    """
    counts = Counter(sample.labels[0] for sample in samples)
    rank_in_class: Counter[int] = Counter()
    with_copies: list[Sample] = []
    for sample in sorted(samples, key=lambda sample: seeded_order(settings.seed, "copy", sample.file)):
        label = sample.labels[0]
        num_copies = settings.augment_copies
        if settings.augment_rare is not None and label >= 0:
            lacking = max(0, settings.augment_rare - counts[label] * (1 + num_copies))
            # As many of the first ones get one more as an even share leaves over.
            num_copies += (lacking + counts[label] - 1 - rank_in_class[label]) // counts[label]
        rank_in_class[label] += 1
        with_copies += [sample, *(_copy(sample, number + 1, settings.seed) for number in range(num_copies))]
    return with_copies


def changed(pixels: NDArray[np.uint8], seed: int, augmenter: ImageAugmenter) -> NDArray[np.uint8]:
    """Change an image, and check what comes back.

    Raises:
        ConvertError: if it is not an image of the same size.
    """
    found = augmenter(pixels, seed)
    if not isinstance(found, np.ndarray) or found.shape != pixels.shape or found.dtype != np.uint8:
        what = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        raise ConvertError(
            f"the augmenter {augmenter.description} made {what} of an image of uint8 {pixels.shape}; "
            "it must return an array of the same shape and type"
        )
    return found


def check_augmenter(augmenter: ImageAugmenter | None, settings: Settings) -> None:
    """Raise ConvertError if copies are wanted and nothing says how to change them, or the other way round."""
    if settings.augments and augmenter is None:
        raise ConvertError("changed copies are wanted, but nothing says how to change them; name an augmenter")
    if augmenter is not None and not settings.augments:
        raise ConvertError(
            "there is an augmenter, but no copies for it to change; say how many copies each training image gets, or "
            "how many images rare classes shall have"
        )


def _copy(sample: Sample, number: int, seed: int) -> Sample:
    digest = seeded_order(seed, "change", f"{sample.file}\0{number}")
    return replace(sample, copy=number, copy_seed=int.from_bytes(digest[:8]) >> 1, encode=True)
