"""What the head of a trained model is given for each image of a split: its features, of the image as it is shown.

Shapes: `N` images, `B` of a batch, `D` features, `K` outputs.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from artkit.engine.evaluation import predict_split
from artkit.engine.head_input import HeadInput
from artkit.engine.open_set.scores import unit_length
from artkit.engine.precision import Precision, PrecisionName
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
    precision: PrecisionName,
    on_batch: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Features of images, of unit length, float32 (N, D), in the order of the split.

    Args:
        trained: The model.
        split: All of its images are judged.
        rows: Those whose features are kept, ascending; by default all.
        precision: What the model computes in.
        on_batch: Called with the number of images done so far.

    Raises:
        RunError: if the model has no head whose input can be told, or does something behind it.
    """
    tapped = _Tapped(trained.model, _head_of(trained), np.arange(len(split)) if rows is None else rows)
    predict_split(
        tapped,
        trained.recipe.model.component,
        split,
        trained.preprocessing,
        batch_size=trained.recipe.train.batch_size,
        threads=trained.recipe.data.threads,
        device=trained.device,
        precision=Precision(precision, trained.device),
        mirrored=False,
        columns=[head.columns for head in trained.heads],
        on_batch=on_batch,
    )
    if not tapped.is_last:
        raise _refusal(trained, "does something behind its last layer, or calls it more than once an image")
    return unit_length(np.concatenate(tapped.kept))


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


class _Tapped(nn.Module):
    """A model that answers as ever, and keeps what its head is given.

    Args:
        model: Answers.
        head: Its last layer.
        rows: Of the images to keep, ascending; images come in the order of their rows.
    """

    def __init__(self, model: nn.Module, head: nn.Linear, rows: NDArray[np.int64]) -> None:
        super().__init__()
        self.model = model
        self.is_last = True
        """Whether the head said all that the model did, each time."""
        self.kept: list[NDArray[np.float32]] = []
        self._head_input = HeadInput(head)
        self._rows = rows
        self._done = 0

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        with self._head_input.listening():
            logits_BK: torch.Tensor = self.model(images_BCHW)
        features_BD = self._head_input.features(logits_BK)
        self.is_last &= features_BD is not None
        if features_BD is not None:
            first, last = np.searchsorted(self._rows, (self._done, self._done + len(images_BCHW)))
            self.kept.append(features_BD.float().cpu().numpy()[self._rows[first:last] - self._done])
        self._done += len(images_BCHW)
        return logits_BK
