"""Images of a split that training has too, byte for byte: what is right there may have been learnt by heart."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import Predictions
from artkit_shards import Dataset, Split

_TRAIN = "train"


def with_copies(predictions: Predictions, dataset: Dataset) -> Predictions:
    """Predictions that know which of their images are in training, see `Predictions.copies`.

    Args:
        predictions: Of a split of the data set.
        dataset: The one that the model was trained on.
    """
    known = copies_in_training(dataset, predictions.split, predictions.target)
    rows = [(row, *known[key]) for row, key in enumerate(predictions.keys) if key in known] if known else []
    return replace(predictions, copies=tuple(rows))


def copies_in_training(dataset: Dataset, split: str, target: str) -> dict[str, tuple[str, str]]:
    """Find them by what the index says, so that no image is read.

    Files of the same size and CRC-32 are taken for equal: in a data set of a million images, hardly ever are two so by
    chance.

    Args:
        dataset: The data set.
        split: Which of its splits is compared with training.
        target: Whose classes are told.

    Returns:
        Key of each such image -> file and class of one that is in training; "" where that has no class.
    """
    if split == _TRAIN or _TRAIN not in dataset.split_names:
        return {}
    judged, train = dataset.split(split), dataset.split(_TRAIN)
    marks, learnt = _marks(judged), _marks(train)
    order = np.argsort(learnt, kind="stable")
    places = np.minimum(np.searchsorted(learnt[order], marks), len(order) - 1)
    found = np.flatnonzero(learnt[order[places]] == marks)
    names, labels = dataset.targets[target], train.targets[target]
    copies = {}
    for row in found.tolist():
        other = int(order[places[row]])
        copies[judged.keys[row]] = (train.files[other], names[labels[other]] if labels[other] >= 0 else "")
    return copies


def _marks(split: Split) -> NDArray[np.uint64]:
    """Size and checksum of each image as one number, (N,)."""
    marks: NDArray[np.uint64] = (split.image_bytes.astype(np.uint64) << np.uint64(32)) | split.checksums
    return marks
