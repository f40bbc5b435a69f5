"""Images of a split that training has too, byte for byte: what is right there may have been learnt by heart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import Predictions
from artkit.engine.assembly import TRAIN, open_data
from artkit.engine.folder import RunFolder
from artkit.errors import ArtkitError
from artkit.recipe import Recipe
from artkit_shards import Dataset, ShardsError, Split


def find_learnt(run: Path, recipe: Recipe, judged: Dataset) -> Dataset | None:
    """The data set that a run was trained on, if it is within reach and as it was.

    Args:
        run: The run folder.
        recipe: Its recipe, which says where the data set is.
        judged: What is judged; very often it is the same.
    """
    fingerprint = RunFolder(run).read_facts()["data"]["fingerprint"]
    if judged.fingerprint == fingerprint:
        return judged
    try:
        found = open_data(recipe)
    except (ArtkitError, ShardsError):  # it may have been moved since; the caller says what is not known then
        return None
    return found if found.fingerprint == fingerprint else None


def with_copies(predictions: Predictions, split: Split, learnt: Dataset) -> Predictions:
    """Predictions that know which of their images are in training, see `Predictions.copies`.

    Args:
        predictions: Of a split, of this data set or of another.
        split: That one.
        learnt: The data set that the model was trained on.
    """
    known = copies_in_training(split, learnt, predictions.target)
    rows = [(row, *known[key]) for row, key in enumerate(predictions.keys) if key in known] if known else []
    return replace(predictions, copies=tuple(rows))


def copies_in_training(split: Split, learnt: Dataset, target: str) -> dict[str, tuple[str, str]]:
    """Find them by what the index says, so that no image is read.

    Files of the same size and CRC-32 are taken for equal: in a data set of a million images, hardly ever are two so by
    chance.

    Args:
        split: Is compared with training.
        learnt: The data set that the model was trained on.
        target: Whose classes are told.

    Returns:
        Key of each such image -> file and class of one that is in training; "" where that has no class. Nothing if the
        split is that of training itself.
    """
    is_training = split.name == TRAIN and split.fingerprint == learnt.fingerprint
    if is_training or TRAIN not in learnt.split_names:
        return {}
    train = learnt.split(TRAIN)
    marks, known = _marks(split), _marks(train)
    order = np.argsort(known, kind="stable")
    places = np.minimum(np.searchsorted(known[order], marks), len(order) - 1)
    found = np.flatnonzero(known[order[places]] == marks)
    names, labels = learnt.targets[target], train.targets[target]
    copies = {}
    for row in found.tolist():
        other = int(order[places[row]])
        copies[split.keys[row]] = (train.files[other], names[labels[other]] if labels[other] >= 0 else "")
    return copies


def _marks(split: Split) -> NDArray[np.uint64]:
    """Size and checksum of each image as one number, (N,)."""
    marks: NDArray[np.uint64] = (split.image_bytes.astype(np.uint64) << np.uint64(32)) | split.checksums
    return marks
