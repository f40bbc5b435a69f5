"""What the answers of a model are worth, target by target. Images without a class in a target are not judged in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import Predictions
from artkit.engine.evaluation import compute_metrics, softmax, true_losses
from artkit.engine.intervals import Interval, score_intervals
from artkit.engine.open_set.figures import auroc, fpr_at_tpr
from artkit.engine.open_set.judgement import OpenSet
from artkit.engine.targets import TargetHead, folder_of
from artkit_shards import Split, fit_image


def judge(heads: Sequence[TargetHead], split: Split, logits_NK: NDArray[np.float64]) -> dict[str, float]:
    """The metrics of all targets, such as "accuracy" of the first one and "style_accuracy" of another.

    Args:
        heads: The targets.
        split: What was judged.
        logits_NK: Of all targets, in the order of the split.
    """
    values: dict[str, float] = {}
    for head, rows in _judged(heads, split):
        probabilities = softmax(head.of(logits_NK))[rows]
        metrics = compute_metrics(split.targets[head.name][rows], probabilities)
        values |= {f"{head.prefix}{name}": value for name, value in metrics.items()}
    return values


def all_predictions(
    heads: Sequence[TargetHead],
    split: Split,
    logits_NK: NDArray[np.float64],
    open_sets: Mapping[str, OpenSet] = MappingProxyType({}),
) -> Iterator[Predictions]:
    """What a model said in each target in which the split has classes.

    Args:
        heads: The targets.
        split: What was judged.
        logits_NK: Of all targets, in the order of the split.
        open_sets: How strange the images are found to be in each target.
    """
    for head, _ in _judged(heads, split):
        labels_N, folder = split.targets[head.name], folder_of(head, heads)
        yield make_predictions(head, split, head.of(logits_NK), labels_N, folder, open_sets.get(head.name))


def make_predictions(
    head: TargetHead,
    split: Split,
    logits_NK: NDArray[np.float64],
    labels_N: NDArray[np.int64],
    folder: Path,
    open_set: OpenSet | None = None,
) -> Predictions:
    """What a model said in one target.

    Args:
        head: The target.
        split: What was judged.
        logits_NK: Of this target, in the order of the split.
        labels_N: The head's number of each image's class; -1 where it has none: such images are left out.
        folder: Where files about it go, relative to the run folder.
        open_set: How strange the images are found to be; None if nobody asked.
    """
    rows = np.flatnonzero(labels_N >= 0)
    labels = labels_N[rows]
    probabilities = softmax(logits_NK)[rows]
    probabilities.flags.writeable = False  # all reporters share it
    predictions = Predictions(
        target=head.name,
        split=split.name,
        class_names=head.class_names,
        train_counts=head.class_counts.tolist(),
        keys=[split.keys[row] for row in rows.tolist()],
        files=[split.files[row] for row in rows.tolist()],
        labels=labels,
        probabilities=probabilities,
        metrics=compute_metrics(labels, probabilities),
        image=lambda row, size: fit_image(split.read(int(rows[row])), size),
        folder=folder,
        intervals=_intervals(labels, probabilities),
    )
    return predictions if open_set is None else _with_strangeness(predictions, open_set, rows)


def _with_strangeness(predictions: Predictions, open_set: OpenSet, rows: NDArray[np.int64]) -> Predictions:
    """Predictions that say how strange their images are, and how strange those are that training never saw."""
    scores, strangers = open_set.scores[open_set.chosen][rows], open_set.chosen_of_strangers
    for shared in (scores, strangers):
        shared.flags.writeable = False
    metrics = dict(predictions.metrics)
    if len(strangers):
        metrics |= {"unknown_auroc": auroc(scores, strangers), "unknown_fpr95": fpr_at_tpr(scores, strangers)}
    return replace(
        predictions,
        metrics=metrics,
        temperature=1.0 if open_set.temperature is None else open_set.temperature,
        unknown_score=open_set.chosen,
        unknown_scores=scores,
        unknown_threshold=open_set.thresholds.get(open_set.chosen),
        stranger_scores=strangers if len(strangers) else None,
    )


def _intervals(labels_N: NDArray[np.int64], probabilities_NK: NDArray[np.float64]) -> dict[str, Interval]:
    """95 % interval of each metric."""
    return score_intervals(labels_N, probabilities_NK.argmax(axis=1), true_losses(probabilities_NK, labels_N))


def _judged(heads: Sequence[TargetHead], split: Split) -> Iterator[tuple[TargetHead, NDArray[np.int64]]]:
    """The targets in which a split has classes, and the rows that have one."""
    for head in heads:
        rows = np.flatnonzero(split.targets[head.name] >= 0)
        if len(rows):
            yield head, rows
