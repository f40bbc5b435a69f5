"""A trained model asked about all images of a split: what it was trained by decides how they are shown to it.

`N` images, `K` outputs.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import nn

from artkit.engine.evaluation import predict_split
from artkit.engine.trained import TrainedModel
from artkit_shards import Split


def ask_split(
    trained: TrainedModel,
    split: Split,
    *,
    mirrored: bool,
    model: nn.Module | None = None,
    on_batch: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float64]:
    """Logits of all targets, float64 (N, K), in the order of the split.

    Args:
        trained: The model.
        split: All of its images are asked about.
        mirrored: Whether each image is judged together with its mirror image.
        model: Answers in place of the trained one, such as one that listens to it.
        on_batch: Called with the number of images done so far; may raise to leave early.

    Raises:
        ComponentError: if the model raised, or returned something else than logits (B, K).
        RunError: if a logit is not finite.
    """
    return predict_split(
        trained.model if model is None else model,
        trained.recipe.model.component,
        split,
        trained.preprocessing,
        batch_size=trained.recipe.train.batch_size,
        threads=trained.recipe.data.threads,
        device=trained.device,
        precision=trained.precision,
        mirrored=mirrored,
        columns=[head.columns for head in trained.heads],
        on_batch=on_batch,
    )
