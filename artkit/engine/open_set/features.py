"""What the head of a trained model is given for each image of a split: its features, of the image as it is shown.

Shapes: `N` images, `M` of them whose features are kept, `B` of a batch, `D` features, `K` outputs.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from artkit.engine.asking import ask_split
from artkit.engine.head_input import HeadInput
from artkit.engine.open_set.scores import unit_length
from artkit.engine.structure import StructureError, find_head
from artkit.engine.targets import num_outputs
from artkit.engine.trained import TrainedModel
from artkit.errors import RunError
from artkit_shards import Split


def split_features(
    trained: TrainedModel,
    split: Split,
    rows: NDArray[np.int64] | None = None,
    *,
    on_batch: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Features of images, of unit length, float32 (M, D), in the order of the split.

    Args:
        trained: The model.
        split: All of its images are shown.
        rows: Those whose features are kept, ascending; by default all.
        on_batch: Called with the number of images done so far.

    Raises:
        RunError: if the model has no head whose input can be told, or does something behind it.
    """
    _, features_MD = overhear_split(trained, split, rows, mirrored=False, on_batch=on_batch)
    return features_MD


def overhear_split(
    trained: TrainedModel,
    split: Split,
    rows: NDArray[np.int64] | None = None,
    *,
    mirrored: bool,
    on_batch: Callable[[int], None] = lambda _: None,
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Logits (N, K) and features (M, D) of images from one pass over them; see `ask_split` and `split_features`.

    With mirror images, these have a say in the logits, and none in the features.
    """
    kept_rows = np.arange(len(split)) if rows is None else rows
    listener = _Listener(trained, kept_rows, shown=2 if mirrored else 1)
    logits_NK = ask_split(trained, split, mirrored=mirrored, model=listener, on_batch=on_batch)
    return logits_NK, unit_length(np.concatenate(listener.kept))


def check_head(trained: TrainedModel) -> None:
    """Raise RunError, before any work, if the model has no head whose input can be told."""
    _head_of(trained)


def _head_of(trained: TrainedModel) -> nn.Linear:
    try:
        return find_head(trained.model, num_outputs(trained.heads))
    except StructureError as error:
        raise _refusal(trained, str(error)) from None


def _refusal(trained: TrainedModel, reason: str) -> RunError:
    return RunError(
        f"the score knn compares what the head of a model is given, and {trained.recipe.model.component.owner} "
        f"{reason}; use another one: --unknown-score msp"
    )


class _Listener(nn.Module):
    """A model that answers as ever, and keeps what its head is given.

    Args:
        trained: The model.
        rows: Of the images to keep, ascending; images come in the order of their rows.
        shown: How often each batch comes, the first time as it is.
    """

    def __init__(self, trained: TrainedModel, rows: NDArray[np.int64], *, shown: int) -> None:
        super().__init__()
        self.model = trained.model
        self.kept: list[NDArray[np.float32]] = []
        """Features of the rows so far, (B, D) each."""
        self._trained = trained
        self._head_input = HeadInput(_head_of(trained))
        self._rows = rows
        self._shown = shown
        self._calls = 0
        self._done = 0

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        is_first = self._calls % self._shown == 0
        self._calls += 1
        if not is_first:
            logits_BK: torch.Tensor = self.model(images_BCHW)
            return logits_BK
        with self._head_input.listening():
            logits_BK = self.model(images_BCHW)
        self._keep(self._head_input.features(logits_BK))
        self._done += len(images_BCHW)
        return logits_BK

    def _keep(self, features_BD: torch.Tensor | None) -> None:
        if features_BD is None:
            raise _refusal(self._trained, "does something behind its last layer, or calls it more than once an image")
        first, last = np.searchsorted(self._rows, (self._done, self._done + len(features_BD)))
        self.kept.append(features_BD.float().cpu().numpy()[self._rows[first:last] - self._done])
