"""Features of the training images, which the score `knn` compares images with, and of the validation images.

They cost a pass over the data, so they are made when they are first asked for and kept in the run folder, in
features.safetensors, which names the weights and the precision that made them: with others they are made anew. Memory
is bounded: of a large training set, images drawn once for all stand for the rest (Sun et al. 2022 lose little with one
in a hundred).

Shapes: `N` images, `M` of the bank, `D` features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.engine.assembly import TRAIN, VALIDATION, judged_split, open_data
from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.engine.folder import RunFolder
from artkit.engine.open_set.features import check_head, split_features
from artkit.engine.open_set.scores import knn, usual_neighbours
from artkit.engine.open_set.threshold import threshold_at
from artkit.engine.trained import TrainedModel
from artkit.errors import RunError
from artkit_shards import Dataset, Split

FEATURES: Final = "features.safetensors"
MOST_IMAGES: Final = 50_000
"""Of a split: 100 MB for a model with 512 features."""
_FORMAT: Final = 1

OnProgress = Callable[[str, int, int], None]
"""Called with the name of a split, the images done, and those to do."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureBank:
    """What `knn` compares with."""

    training: NDArray[np.float32]
    """Features of training images, (M, D), of unit length."""
    validation: NDArray[np.float32]
    """Features of validation images, (N, D), of unit length; (0, D) without validation."""
    neighbours: int
    """k."""

    def scores(self, features_ND: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `scores.knn`."""
        return knn(features_ND, self.training, self.neighbours)

    def threshold(self, accept: float) -> float | None:
        """The score up to which a share of the validation images are accepted; None without any."""
        return threshold_at(self.scores(self.validation), accept) if len(self.validation) else None


def open_bank(
    run: Path,
    trained: TrainedModel,
    sha256: str,
    *,
    on_progress: OnProgress = lambda *_: None,
    tell: Callable[[str], None] = lambda _: None,
) -> FeatureBank:
    """The bank of a run: that of its folder, or a new one, which is left there.

    Args:
        run: The run folder.
        trained: A model of the run.
        sha256: Of the file of its weights.
        on_progress: Hears how far the making is.
        tell: Hears if the bank could not be kept.

    Raises:
        RunError: if the model's head cannot be told, or the training images are not there any more.
        ShardsError: if an image cannot be read.
    """
    settings = trained.recipe.unknown
    origin = {"format": _FORMAT, "weights": sha256, "precision": trained.precision.name}
    found = _read(run / FEATURES, origin)
    if found is None:
        check_head(trained)
        found = _make(trained, _same_data(run, trained), on_progress)
        _keep(run / FEATURES, origin, found, tell)
    empty = np.zeros((0, found[TRAIN].shape[1]), dtype=np.float32)
    return FeatureBank(
        training=found[TRAIN],
        validation=found.get(VALIDATION, empty),
        neighbours=settings.neighbours or usual_neighbours(trained.heads[0].class_counts),
    )


def _same_data(run: Path, trained: TrainedModel) -> Dataset:
    """The data set of the run, as it was."""
    dataset = open_data(trained.recipe)
    if dataset.fingerprint != RunFolder(run).read_facts()["data"]["fingerprint"]:
        raise RunError(
            f"the score knn compares with the training images, and {dataset.path} has other content than when {run} "
            "began; give it its data set back, or use another one: --unknown-score msp"
        )
    return dataset


def _make(trained: TrainedModel, dataset: Dataset, on_progress: OnProgress) -> dict[str, NDArray[np.float32]]:
    """Split -> features of its images that have a class in any target, of `MOST_IMAGES` at most."""
    found = {}
    for split in filter(None, (judged_split(dataset, TRAIN), judged_split(dataset, VALIDATION))):
        on_progress(split.name, 0, len(split))
        told = partial(_tell_done, on_progress, split)
        found[split.name] = split_features(trained, split, known_rows(trained, split), on_batch=told)
    return found


def _tell_done(on_progress: OnProgress, split: Split, done: int) -> None:
    on_progress(split.name, done, len(split))


def known_rows(trained: TrainedModel, split: Split) -> NDArray[np.int64]:
    """The rows of a split whose features are compared, ascending, (M,): of those with a class in any target."""
    known = np.flatnonzero(np.any([split.targets[head.name] >= 0 for head in trained.heads], axis=0))
    if len(known) > MOST_IMAGES:
        known = np.sort(np.random.default_rng(0).choice(known, MOST_IMAGES, replace=False))
    return known


def _read(path: Path, origin: Mapping[str, Any]) -> dict[str, NDArray[np.float32]] | None:
    """What was kept, if it is there, whole, and of this origin."""
    if not path.is_file():
        return None
    try:
        content = load_checkpoint(path)
    except RunError:
        return None
    if any(content.get(name) != value for name, value in origin.items()):
        return None
    return {name: content[name].numpy() for name in (TRAIN, VALIDATION) if name in content}


def _keep(
    path: Path, origin: Mapping[str, Any], found: Mapping[str, NDArray[np.float32]], tell: Callable[[str], None]
) -> None:
    tensors = {name: torch.from_numpy(features) for name, features in found.items()}
    try:
        save_checkpoint(path, {**origin, **tensors})
    except OSError as error:
        tell(f"{path} could not be written ({error.strerror}), so the features are computed again next time")
