"""Judges a trained model on a split: with the figures of its own run, or on another data set by the classes they share.

What a model sees and how its answers are scored is the same code as in the run itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artkit.contracts import Predictions
from artkit.engine.asking import ask_split
from artkit.engine.assembly import TEST, VALIDATION, judged_split
from artkit.engine.copies import with_copies
from artkit.engine.intervals import Interval
from artkit.engine.judging import make_predictions
from artkit.engine.open_set.features import overhear_split
from artkit.engine.open_set.judgement import OpenSet, RunRule, SplitAnswers, open_set_figures
from artkit.engine.open_set.strangers import UNKNOWN, Strangers, find_strangers, stranger_split
from artkit.engine.prior import adjust_logits
from artkit.engine.targets import TargetHead, folder_of
from artkit.engine.trained import TrainedModel
from artkit.errors import RunError
from artkit.suggest import suggest
from artkit_shards import Dataset, Split
from artkit_shards.wording import listed

OnBatch = Callable[[str, int, int], None]
"""Called with the name of a split, the images done, and those to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetEvaluation:
    """What came out for one target."""

    predictions: Predictions
    """Of every image whose class the model knows."""
    intervals: Mapping[str, Interval]
    """95 % interval of each metric."""
    left_out: Mapping[str, int]
    """Classes that the model does not know -> their images, which were left out."""
    without_class: int
    """Images without any class, which were left out too."""
    open_set: OpenSet
    """How strange its images were found to be, and strangers."""
    figures: Mapping[str, Any]
    """Beside the metrics, see `open_set_figures`."""

    @property
    def supports(self) -> NDArray[np.int64]:
        """Images of each class that occurs, int64."""
        counts = np.bincount(self.predictions.labels)
        return counts[counts > 0].astype(np.int64)

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values."""
        return {
            "images": len(self.predictions.labels),
            "classes": len(self.supports),
            "metrics": dict(self.predictions.metrics),
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "left_out": dict(self.left_out),
            "without_class": self.without_class,
            **self.figures,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out."""

    dataset: Dataset
    split: str
    targets: tuple[TargetEvaluation, ...]
    """At least one."""
    tau: float
    mirrored: bool
    """Whether each image was judged together with its mirror image."""
    precision: str
    """What the model computed in."""

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values: those of the first target, and those of each other one under "others"."""
        first, *others = self.targets
        return {
            "data": {"path": str(self.dataset.path), "fingerprint": self.dataset.fingerprint},
            "split": self.split,
            "tau": self.tau,
            "mirrored": self.mirrored,
            "precision": self.precision,
            "target": first.predictions.target,
            **first.to_plain(),
            "others": {other.predictions.target: other.to_plain() for other in others},
        }


def matched_targets(trained: TrainedModel, dataset: Dataset) -> dict[str, str]:
    """Which target of a data set each target of a model is judged by: that of its name.

    Where both have just one, it is that one, whatever it is called.

    Returns:
        Target of the model -> target of the data set, for those that the data set has; at least one.

    Raises:
        RunError: if the data set has none of them.
    """
    names = [head.name for head in trained.heads]
    if len(names) == len(dataset.targets) == 1:
        return {names[0]: next(iter(dataset.targets))}
    matched = {name: name for name in names if name in dataset.targets}
    if not matched:
        raise RunError(
            f"{dataset.path} has the targets {', '.join(dataset.targets)}, and the model knows {', '.join(names)}; "
            "targets are matched by name: convert the images with the names that the model knows"
        )
    return matched


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


def evaluate(
    trained: TrainedModel,
    dataset: Dataset,
    split: Split,
    *,
    tau: float = 0.0,
    mirrored: bool | None = None,
    rule: RunRule | None = None,
    learnt: Dataset | None = None,
    on_batch: OnBatch = lambda *_: None,
) -> Evaluation:
    """Judge a model on a split, in every target that it shares with the data set; and on strangers, if there are any.

    Args:
        trained: The model.
        dataset: Any data set; its targets and classes are matched by name with those of the model.
        split: One of its splits.
        tau: Strength of the logit adjustment by the prior of training in each target; 0 leaves the answers as they are.
        mirrored: Whether each image is judged together with its mirror image; None: as in the run.
        rule: By what images are found strange, see `read_rule`; by default by logits, without a threshold.
        learnt: The data set that the model was trained on, in which copies of the images are looked for; None: in none.
        on_batch: Hears how far it is.

    Raises:
        RunError: if the model knows none of the targets, or of the classes of the split.
    """
    judged = _known_targets(trained, dataset, split)
    settings = trained.recipe.unknown
    rule = rule or RunRule.uncalibrated(settings.score, settings.accept)
    strangers = _find_strangers(dataset, split, judged)
    mirrored = trained.recipe.train.tta if mirrored is None else mirrored
    answers = answer_split(trained, split, rule, on_batch, mirrored=mirrored)
    stranger_answers = None
    if any(map(len, strangers.values())):
        stranger_answers = answer_split(trained, dataset.split(UNKNOWN), rule, on_batch, mirrored=mirrored)
    targets = []
    for head, target, labels in judged:
        open_set = rule.judge(head, answers, strangers.get(head.name), stranger_answers, tau=tau)
        adjusted = adjust_logits(head.of(answers.logits), head.class_counts, tau)
        predictions = make_predictions(head, split, adjusted, labels, folder_of(head, trained.heads), open_set)
        if learnt is not None:
            predictions = with_copies(predictions, split, learnt)
        targets.append(_judge(predictions, dataset.targets[target], split.targets[target], labels, open_set))
    return Evaluation(
        dataset=dataset,
        split=split.name,
        targets=tuple(targets),
        tau=tau,
        mirrored=mirrored,
        precision=trained.precision.name,
    )


def answer_split(
    trained: TrainedModel,
    split: Split,
    rule: RunRule,
    on_batch: OnBatch = lambda *_: None,
    *,
    mirrored: bool | None = None,
) -> SplitAnswers:
    """What the model says of a split, and what its head is given if the rule needs that, from one pass over it."""
    mirrored = trained.recipe.train.tta if mirrored is None else mirrored
    tell = partial(_tell_done, on_batch, split)
    tell(0)
    if rule.bank is None:
        return SplitAnswers(logits=ask_split(trained, split, mirrored=mirrored, on_batch=tell))
    logits_NK, features_ND = overhear_split(trained, split, mirrored=mirrored, on_batch=tell)
    return SplitAnswers(logits=logits_NK, features=features_ND)


def _tell_done(on_batch: OnBatch, split: Split, done: int) -> None:
    on_batch(split.name, done, len(split))


def _find_strangers(
    dataset: Dataset, split: Split, judged: Sequence[tuple[TargetHead, str, NDArray[np.int64]]]
) -> dict[str, Strangers]:
    """Target of the model -> strangers to it; none where the split of strangers itself is judged."""
    unknown = stranger_split(dataset)
    if unknown is None or unknown is split:
        return {}
    return {head.name: find_strangers(unknown, target, head.class_names) for head, target, _ in judged}


def _judge(
    predictions: Predictions,
    class_names: Sequence[str],
    own_labels: NDArray[np.int64],
    labels: NDArray[np.int64],
    open_set: OpenSet,
) -> TargetEvaluation:
    """Add to predictions how sure they are, and what they leave out.

    Args:
        predictions: Of the images that have a class which the model knows.
        class_names: Classes of the data set.
        own_labels: Their number for each image, (N,).
        labels: The model's number, (N,).
        open_set: How strange the images are found to be.
    """
    unknown = np.bincount(own_labels[(own_labels >= 0) & (labels < 0)], minlength=len(class_names))
    return TargetEvaluation(
        predictions=predictions,
        intervals=predictions.intervals,
        left_out={name: int(count) for name, count in zip(class_names, unknown, strict=True) if count},
        without_class=int((own_labels < 0).sum()),
        open_set=open_set,
        figures=open_set_figures(predictions, open_set, np.flatnonzero(labels >= 0)),
    )


def _known_targets(
    trained: TrainedModel, dataset: Dataset, split: Split
) -> list[tuple[TargetHead, str, NDArray[np.int64]]]:
    """The targets in which the split has classes that the model knows.

    Returns:
        The model's target, that of the data set, and the model's number of each image's class, (N,), -1 without one.
    """
    matched = matched_targets(trained, dataset)
    found = []
    for head in (head for head in trained.heads if head.name in matched):
        target = matched[head.name]
        found.append((head, target, _labels_of_model(head, dataset.targets[target], split.targets[target])))
    known = [each for each in found if (each[2] >= 0).any()]
    if not known:
        head, target, _ = found[0]
        raise RunError(_no_class_in_common(head, dataset.targets[target], split.targets[target], dataset, split))
    return known


def _labels_of_model(head: TargetHead, class_names: Sequence[str], own_labels: NDArray[np.int64]) -> NDArray[np.int64]:
    number_of = {name: number for number, name in enumerate(head.class_names)}
    translation = np.array([number_of.get(name, -1) for name in class_names], dtype=np.int64)
    return np.where(own_labels >= 0, translation[own_labels], -1)


def _no_class_in_common(
    head: TargetHead, class_names: Sequence[str], own_labels: NDArray[np.int64], dataset: Dataset, split: Split
) -> str:
    there = [class_names[label] for label in np.unique(own_labels[own_labels >= 0])]
    near = next(filter(None, (suggest(name, head.class_names) for name in there)), "")
    return (
        f"the model knows none of the classes in '{split.name}' of {dataset.path}: {listed(there, 5)}. "
        f"It knows {listed(head.class_names, 5)}. {near}".rstrip()
        + "\n  Classes are matched by name; convert the images with the names that the model knows."
    )
