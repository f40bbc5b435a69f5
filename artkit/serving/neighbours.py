"""The training works that an image is most like, by the cosine of what the model's head is given.

`M` training images, `D` features.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from artkit.engine.assembly import TRAIN, open_data
from artkit.engine.folder import RunFolder
from artkit.engine.open_set.bank import OnProgress, known_rows, open_bank
from artkit.engine.open_set.calibration import digest_of
from artkit.engine.open_set.scores import unit_length
from artkit.engine.structure import StructureError, find_head
from artkit.engine.targets import num_outputs
from artkit.engine.trained import TrainedModel
from artkit.errors import RunError
from artkit_shards import Split, fit_image

THUMBNAIL: Final = 192
"""Height and width of the picture of a work in pixels."""
_QUALITY: Final = 82


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training work."""

    row: int
    """Its number in the training split."""
    file: str
    """Where it came from, relative to the folder that was converted."""
    similarity: float
    """Cosine to the image, in [-1, 1]."""
    classes: dict[str, str | None]
    """Its class by target; None where none is known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbours:
    """Finds training works."""

    split: Split
    rows: NDArray[np.int64]
    """Number of each compared image in the split, (M,)."""
    features: NDArray[np.float32]
    """Of these images, of unit length, (M, D)."""
    class_names: dict[str, tuple[str, ...]]
    """By target."""

    def nearest(self, features_D: NDArray[np.float32], most: int) -> list[Neighbour]:
        """The works that are most like an image, the nearest first.

        Args:
            features_D: Of the image, of any length.
            most: How many at most.
        """
        cosines = self.features @ unit_length(features_D[None])[0]
        order = np.argsort(-cosines, kind="stable")[:most]
        return [self._neighbour(int(self.rows[number]), float(cosines[number])) for number in order]

    def read(self, row: int) -> bytes:
        """The file of a work.

        Raises:
            IndexError: if there is no such row.
            SampleError: if it cannot be read.
        """
        return self.split.read(row)

    def _neighbour(self, row: int, similarity: float) -> Neighbour:
        targets = self.split.targets
        classes = {name: _class_name(names, int(targets[name][row])) for name, names in self.class_names.items()}
        return Neighbour(row, self.split.files[row], similarity, classes)


def _class_name(names: tuple[str, ...], label: int) -> str | None:
    return names[label] if label >= 0 else None


def draw_thumbnail(data: bytes) -> bytes:
    """A small picture of an image, whole, on white.

    Args:
        data: The file of the image.

    Returns:
        A JPEG of `THUMBNAIL` pixels a side.

    Raises:
        ImageError: if it cannot be decoded.
    """
    file = io.BytesIO()
    Image.fromarray(fit_image(data, THUMBNAIL)).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def load_neighbours(
    run: Path, trained: TrainedModel, *, on_progress: OnProgress, tell: Callable[[str], None]
) -> Neighbours:
    """Get ready to find training works of a run; the first time, this is a pass over its data set.

    Args:
        run: The run folder.
        trained: A model of the run.
        on_progress: Hears how far that pass is.
        tell: Hears if its result could not be kept.

    Raises:
        RunError: if the data set is another one by now, or the model has no head whose input can be told.
        ShardsError: if the data set is not there, or cannot be read.
    """
    dataset = open_data(trained.recipe)
    if dataset.fingerprint != RunFolder(run).read_facts()["data"]["fingerprint"]:
        raise RunError(f"{dataset.path} has other content than when the run began")
    try:
        find_head(trained.model, num_outputs(trained.heads))
    except StructureError as error:
        raise RunError(f"the model {error}") from None
    bank = open_bank(run, trained, digest_of(trained.path), on_progress=on_progress, tell=tell)
    split = dataset.split(TRAIN)
    return Neighbours(
        split=split,
        rows=known_rows(trained, split),
        features=bank.training,
        class_names={head.name: dataset.targets[head.name] for head in trained.heads},
    )
