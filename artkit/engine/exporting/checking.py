"""Whether an exported file answers as PyTorch does: asked with real images, several at once and one alone.

`B` images, `S` pixels a side, `K` classes of a target.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.engine.assembly import TEST, TRAIN, VALIDATION, open_data
from artkit.engine.exporting.formats import Runner
from artkit.engine.exporting.portable import PortableModel
from artkit.engine.predicting import Predictor
from artkit.errors import ArtkitError
from artkit_shards import Dataset, ImageError, SampleError, ShardsError, demo_path, open_dataset

NUM_IMAGES: Final = 8


def real_images(predictor: Predictor) -> NDArray[np.uint8]:
    """Some images as the model is shown them: of the run's data, or of the bundled ones where those are gone.

    Returns:
        RGB, uint8, (B, S, S, 3), with B from 1 to `NUM_IMAGES`.
    """
    pictures = list(_pictures(predictor, _dataset(predictor)))
    return np.stack(pictures or list(_pictures(predictor, open_dataset(demo_path()))))


def largest_difference(model: PortableModel, run: Runner, images_BHWC: NDArray[np.uint8]) -> float:
    """How far the logits of a file are from those of PyTorch, at most.

    Returns:
        The largest difference, as a share of the largest logit of its target if that is above 1.
    """
    images_BCHW = np.ascontiguousarray(images_BHWC.transpose(0, 3, 1, 2)).astype(np.float32) / np.float32(255)
    return max(_difference(model, run, images_BCHW), _difference(model, run, images_BCHW[:1]))


@torch.no_grad()
def _difference(model: PortableModel, run: Runner, images_BCHW: NDArray[np.float32]) -> float:
    expected = [logits_BK.numpy() for logits_BK in model(torch.from_numpy(images_BCHW))]
    differences = [
        float(np.abs(own_BK - said_BK).max() / max(1.0, float(np.abs(own_BK).max())))
        for own_BK, said_BK in zip(expected, run(images_BCHW), strict=True)
    ]
    # What is no number is as far away as can be.
    return max(difference if np.isfinite(difference) else float("inf") for difference in differences)


def _dataset(predictor: Predictor) -> Dataset:
    try:
        return open_data(predictor.trained.recipe)
    except (ArtkitError, ShardsError):  # the data may be elsewhere by now; any real images will do
        return open_dataset(demo_path())


def _pictures(predictor: Predictor, dataset: Dataset) -> Iterator[NDArray[np.uint8]]:
    name = next(name for name in (TEST, VALIDATION, TRAIN, dataset.split_names[0]) if name in dataset.split_names)
    split, num_left = dataset.split(name), NUM_IMAGES
    for row in range(len(split)):
        if not num_left:
            return
        try:
            yield predictor.picture(split.read(row))
        except (ImageError, SampleError):  # another one will do
            continue
        num_left -= 1
