"""Judges a trained model on a split: with the figures of its own run, or on another data set by the classes they share.

What a model sees and how its answers are scored is the same code as in the run itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import Predictions
from artkit.engine.assembly import TEST, VALIDATION, judged_split
from artkit.engine.evaluation import compute_metrics, predict_split, softmax
from artkit.engine.intervals import Interval, score_intervals
from artkit.engine.precision import Precision, PrecisionName
from artkit.engine.prior import adjust_logits
from artkit.engine.trained import TrainedModel
from artkit.errors import RunError
from artkit.suggest import suggest
from artkit_shards import Dataset, Split, fit_image
from artkit_shards.wording import listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out."""

    dataset: Dataset
    predictions: Predictions
    """Of every image whose class the model knows."""
    intervals: Mapping[str, Interval]
    """95 % interval of each metric."""
    left_out: Mapping[str, int]
    """Classes that the model does not know -> their images, which were left out."""
    without_class: int
    """Images without any class, which were left out too."""
    tau: float

    @property
    def supports(self) -> NDArray[np.int64]:
        """Images of each class that occurs, int64."""
        counts = np.bincount(self.predictions.labels)
        return counts[counts > 0].astype(np.int64)

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values."""
        predictions = self.predictions
        return {
            "data": {"path": str(self.dataset.path), "fingerprint": self.dataset.fingerprint},
            "split": predictions.split,
            "images": len(predictions.labels),
            "classes": len(self.supports),
            "tau": self.tau,
            "metrics": dict(predictions.metrics),
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "left_out": dict(self.left_out),
            "without_class": self.without_class,
        }


def split_to_judge(dataset: Dataset, name: str | None) -> Split:
    """A split by name; by default "test", or "val" where no image of "test" has a class.

    Raises:
        RunError: if it is not there, or has no image with a class.
    """
    if name is None:
        split = judged_split(dataset, TEST) or judged_split(dataset, VALIDATION)
        if split is None:
            raise RunError(
                f"{dataset.path} has neither '{TEST}' nor '{VALIDATION}' with classes; choose another with --split: "
                f"{', '.join(dataset.split_names)}"
            )
        return split
    if name not in dataset.split_names:
        near = suggest(name, dataset.split_names)
        raise RunError(f"{dataset.path} has no split '{name}', only {', '.join(dataset.split_names)}. {near}".rstrip())
    split = judged_split(dataset, name)
    if split is None:
        raise RunError(f"no image in the split '{name}' of {dataset.path} has a class, so nothing can be judged")
    return split


def judging_precision(trained: TrainedModel) -> PrecisionName:
    """The precision of training; float32 where that was fp16, which a CPU has not."""
    name = trained.recipe.train.precision
    return "float32" if name == "fp16" and trained.device.type == "cpu" else name


def evaluate(
    trained: TrainedModel,
    dataset: Dataset,
    split: Split,
    *,
    tau: float = 0.0,
    on_batch: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Judge a model on a split.

    Args:
        trained: The model.
        dataset: Any data set; its classes are matched by name with those of the model.
        split: One of its splits.
        tau: Strength of the logit adjustment by the prior of training; 0 leaves the answers as they are.
        on_batch: Called with the number of images done so far.

    Raises:
        RunError: if the model knows none of the classes.
    """
    labels = _labels_of_model(trained, dataset, split)
    logits_NK = predict_split(
        trained.model,
        trained.recipe.model.component,
        split,
        trained.preprocessing,
        batch_size=trained.recipe.train.batch_size,
        threads=trained.recipe.data.threads,
        device=trained.device,
        precision=Precision(judging_precision(trained), trained.device),
        mirrored=trained.recipe.train.tta,
        num_classes=len(trained.class_names),
        on_batch=on_batch,
    )
    rows = np.flatnonzero(labels >= 0)
    probabilities_NK = softmax(adjust_logits(logits_NK, trained.class_counts, tau))[rows]
    predictions = _predictions(trained, split, rows, labels[rows], probabilities_NK)
    unknown = np.bincount(split.labels[(split.labels >= 0) & (labels < 0)], minlength=len(dataset.class_names))
    return Evaluation(
        dataset=dataset,
        predictions=predictions,
        intervals=_intervals(predictions),
        left_out={name: int(count) for name, count in zip(dataset.class_names, unknown, strict=True) if count},
        without_class=int((split.labels < 0).sum()),
        tau=tau,
    )


def _labels_of_model(trained: TrainedModel, dataset: Dataset, split: Split) -> NDArray[np.int64]:
    """The model's number of each image's class, (N,); -1 where it has none."""
    number_of = {name: number for number, name in enumerate(trained.class_names)}
    translation = np.array([number_of.get(name, -1) for name in dataset.class_names], dtype=np.int64)
    labels = np.where(split.labels >= 0, translation[split.labels], -1)
    if not (labels >= 0).any():
        raise RunError(_no_class_in_common(trained, dataset, split))
    return labels


def _no_class_in_common(trained: TrainedModel, dataset: Dataset, split: Split) -> str:
    there = [name for name, count in zip(dataset.class_names, split.class_counts, strict=True) if count]
    near = next(filter(None, (suggest(name, trained.class_names) for name in there)), "")
    return (
        f"the model knows none of the classes in '{split.name}' of {dataset.path}: {listed(there, 5)}. "
        f"It knows {listed(trained.class_names, 5)}. {near}".rstrip()
        + "\n  Classes are matched by name; convert the images with the names that the model knows."
    )


def _predictions(
    trained: TrainedModel,
    split: Split,
    rows: NDArray[np.int64],
    labels_N: NDArray[np.int64],
    probabilities_NK: NDArray[np.float64],
) -> Predictions:
    probabilities_NK.flags.writeable = False
    return Predictions(
        split=split.name,
        class_names=trained.class_names,
        train_counts=trained.class_counts.tolist(),
        keys=[split.keys[row] for row in rows.tolist()],
        files=[split.files[row] for row in rows.tolist()],
        labels=labels_N,
        probabilities=probabilities_NK,
        metrics=compute_metrics(labels_N, probabilities_NK),
        image=lambda row, size: fit_image(split.read(int(rows[row])), size),
    )


def _intervals(predictions: Predictions) -> dict[str, Interval]:
    labels_N = predictions.labels
    true_probability = predictions.probabilities[np.arange(len(labels_N)), labels_N]
    losses_N = -np.log(np.clip(true_probability, np.finfo(np.float64).tiny, None))
    return score_intervals(labels_N, predictions.predicted, losses_N)
