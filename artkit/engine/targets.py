"""The targets of a run: what is learnt of each image at once, such as its artist and its style, by one backbone.

A model has one head, a linear layer with as many outputs as all targets have classes together; which of these belong to
which target is settled here. As no output shares a weight with another, that is the same as a linear head for each
target, and no model needs to know of it.

`N` images, `B` images of a batch, `K` outputs or classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from artkit.errors import RecipeError
from artkit.recipe import DataSettings
from artkit.suggest import suggest
from artkit_shards import Dataset
from artkit_shards.format.dataset import count_classes

LogitsT = TypeVar("LogitsT", torch.Tensor, NDArray[np.float64])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetHead:
    """A target, and the outputs of the model that are about it."""

    name: str
    class_names: tuple[str, ...]
    """Classes in the order of the outputs."""
    class_counts: NDArray[np.int64]
    """Training images of each class, (K,)."""
    columns: slice
    """The outputs."""

    @property
    def prefix(self) -> str:
        """Stands before the names of its values, such as "style_"; "" for the first target."""
        return f"{self.name}_" if self.columns.start else ""

    def of(self, logits_BK: LogitsT) -> LogitsT:
        """The logits of this target, of those of all of them: (B, all outputs) -> (B, K)."""
        is_all = logits_BK.shape[1] == len(self.class_names)
        return logits_BK if is_all else logits_BK[:, self.columns]

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values, for `read_heads`."""
        return {"name": self.name, "class_names": list(self.class_names), "class_counts": self.class_counts.tolist()}


def chosen_targets(settings: DataSettings, dataset: Dataset) -> tuple[str, ...]:
    """The targets that a recipe learns from a data set: those it names, or the first.

    Raises:
        RecipeError: if the data set does not have one, or a weight is given to one that is not learnt or to none.
    """
    for name in settings.targets:
        if name not in dataset.targets:
            raise RecipeError(
                f"{dataset.path} has no target '{name}', only {', '.join(dataset.targets)}. "
                f"{suggest(name, dataset.targets)}".rstrip()
            )
    names = settings.targets or tuple(dataset.targets)[:1]
    for name in settings.target_weights:
        if name not in names:
            raise RecipeError(
                f"section [data]: target_weights has '{name}', which is not learnt, only {', '.join(names)}. "
                f"{suggest(name, names) or f'Learn it too: --target {name}'}"
            )
    if not any(settings.target_weights.get(name, 1.0) for name in names):
        raise RecipeError("section [data]: all target_weights are 0, so nothing would be learnt; raise one above 0")
    return names


def heads_for(dataset: Dataset, split: str, names: Sequence[str]) -> tuple[TargetHead, ...]:
    """The heads that learn these targets from a split, in this order."""
    labels = dataset.split(split).targets
    return _side_by_side(
        (name, dataset.targets[name], count_classes(labels[name], len(dataset.targets[name]))) for name in names
    )


def read_heads(plain: Sequence[Mapping[str, Any]]) -> tuple[TargetHead, ...]:
    """Read what `TargetHead.to_plain` gave for each head."""
    return _side_by_side(
        (target["name"], tuple(target["class_names"]), np.array(target["class_counts"], dtype=np.int64))
        for target in plain
    )


def num_outputs(heads: Sequence[TargetHead]) -> int:
    """Outputs of a model with these heads."""
    return int(heads[-1].columns.stop)


def folder_of(head: TargetHead, heads: Sequence[TargetHead]) -> Path:
    """Where files about a target go, relative to the run folder: one of its name, if there are several targets."""
    return Path(head.name) if len(heads) > 1 else Path()


def _side_by_side(targets: Any) -> tuple[TargetHead, ...]:
    heads: list[TargetHead] = []
    start = 0
    for name, class_names, class_counts in targets:
        columns = slice(start, start + len(class_names))
        heads.append(TargetHead(name=name, class_names=class_names, class_counts=class_counts, columns=columns))
        start = columns.stop
    return tuple(heads)
