"""The contexts that checks build components with: small, of uneven sizes, the same every time.

Options in cases that name classes name these: class-0, class-1, class-2, class-3, class-4. The column that samplers can
ask for is `class`, which tells them.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import (
    AugmenterContext,
    Kind,
    LossContext,
    ModelContext,
    OptimizerContext,
    ReporterContext,
    SamplerContext,
    ScheduleContext,
    SourceContext,
)
from artkit.errors import RecipeError

CLASS_NAMES: Final = tuple(f"class-{label}" for label in range(5))
CLASS_COUNTS: Final = (23, 9, 5, 2, 1)
"""Images of each class; a long tail."""
IMAGE_SIZE: Final = 32
NUM_EPOCHS: Final = 5


def context_for(kind: Kind, folder: Path, **changes: Any) -> Any:
    """The usual context of a kind.

    Args:
        kind: Of component.
        folder: The run folder of a reporter, the root of a source.
        changes: Fields that differ.
    """
    makers: dict[Kind, Callable[..., Any]] = {
        "model": _model,
        "augmenter": _augmenter,
        "sampler": _sampler,
        "loss": _loss,
        "optimizer": _optimizer,
        "schedule": _schedule,
        "reporter": partial(_reporter, folder),
        "source": partial(_source, folder),
    }
    return makers[kind](**changes)


def labels_of(class_counts: tuple[int, ...]) -> NDArray[np.int64]:
    """Labels of so many images of each class, mixed, read-only, (N,)."""
    labels = np.repeat(np.arange(len(class_counts)), class_counts)
    labels = np.random.default_rng(0).permutation(labels)
    labels.flags.writeable = False
    return labels


def param_groups() -> list[dict[str, Any]]:
    """Parameters as the core groups them: weights, and a bias that must not decay."""
    import torch

    weight = torch.nn.Parameter(torch.linspace(-1, 1, 12).view(4, 3))
    bias = torch.nn.Parameter(torch.linspace(0.5, 1, 4))
    return [{"params": [weight]}, {"params": [bias], "weight_decay": 0.0}]


def _model(**changes: Any) -> ModelContext:
    return ModelContext(**{"num_outputs": 3, "image_size": 64, "load_weights": False, **changes})


def _augmenter(**changes: Any) -> AugmenterContext:
    return AugmenterContext(**{"image_size": IMAGE_SIZE, **changes})


def _sampler(*, class_counts: tuple[int, ...] = CLASS_COUNTS, **changes: Any) -> SamplerContext:
    names = CLASS_NAMES[: len(class_counts)]
    labels = changes.get("labels", labels_of(class_counts))
    usual = {"labels": labels, "class_names": names, "seed": 7, "num_epochs": NUM_EPOCHS}
    columns = {"class": [names[label] for label in labels]}
    return SamplerContext(**{**usual, "column": partial(_column_of, columns), **changes})


def _column_of(columns: Mapping[str, Sequence[str]], name: str) -> Sequence[str]:
    if name not in columns:
        raise RecipeError(f"there is no column '{name}', only {', '.join(columns)}")
    return columns[name]


def _loss(**changes: Any) -> LossContext:
    counts = np.array(CLASS_COUNTS)
    counts.flags.writeable = False
    return LossContext(**{"class_names": CLASS_NAMES, "class_counts": counts, "drawn_counts": counts, **changes})


def _optimizer(**changes: Any) -> OptimizerContext:
    return OptimizerContext(**{"param_groups": param_groups(), **changes})


def _schedule(**changes: Any) -> ScheduleContext:
    return ScheduleContext(**{"num_epochs": NUM_EPOCHS, "steps_per_epoch": 7, "learning_rate": 0.1, **changes})


def _no_publication(_path: Path, *, title: str, kind: str) -> None:
    """What is published here, nobody hears of."""


def _reporter(folder: Path, **changes: Any) -> ReporterContext:
    return ReporterContext(**{"run_dir": folder, "publish": _no_publication, **changes})


def _source(folder: Path, **changes: Any) -> SourceContext:
    return SourceContext(**{"root": folder, **changes})
