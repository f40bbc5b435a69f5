"""The text of a model card: the sections of Mitchell et al. 2019, "Model cards for model reporting", in Markdown.

What only people know, such as the licence, is left to them and says so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from artkit import Predictions, RunInfo, wilson_interval
from artkit_plugins.reporters.epochs import Epoch, best_epoch
from artkit_plugins.reporters.statistics import ClassScore, class_scores, confused_pairs, confusion_counts, worst_first
from artkit_plugins.reporters.text import component_names, interval_text, learnt_classes, percent, plural

SHOWN: Final = 10
"""Worst classes and most confused pairs in the card."""
FEW: Final = 20
"""Test images of a class below which its figures say little: an interval is then some 40 points wide."""
TO_FILL_IN: Final = "*To be filled in by whoever publishes the model.*"
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|#~&])")


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiesFound:
    """Images with the same bytes in a data set."""

    extra: int
    """Images that could go without loss."""
    across_splits: int
    """Pictures that stand in more than one split."""
    across_classes: int
    """Pictures that are said to be of several classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a card is written from, beside the run itself."""

    epochs: Sequence[Epoch]
    predictions: Sequence[Predictions]
    """Of each target, the first one first; at least one."""
    facts: Mapping[str, Any]
    """What run.json says; may be empty."""
    calibration: Mapping[str, Any]
    """Target -> what calibration.json says of it; may be empty."""
    copies: CopiesFound | None
    """None if nobody looked."""


def card_text(run: RunInfo, findings: Findings) -> str:
    """Write the card of a run."""
    sections = (
        ("Model details", _details(run, findings)),
        ("Intended use", _use(run, findings)),
        ("Factors", _factors(run)),
        ("Metrics", _metrics(run, findings)),
        ("Training data", _training_data(run, findings)),
        ("Evaluation data", _evaluation_data(findings)),
        ("Quantitative analyses", _analyses(findings)),
        ("Ethical considerations", _ethics()),
        ("Caveats and recommendations", _caveats(findings)),
    )
    parts = [f"# Model card: {plain(run.id)}"]
    parts += [f"## {title}\n\n" + "\n".join(lines).rstrip() for title, lines in sections]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """A name as Markdown shows it: on one line, its characters meaning nothing."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _details(run: RunInfo, findings: Findings) -> Iterator[str]:
    facts = findings.facts
    size = run.recipe.get("data", {}).get("image_size")
    seen = f", for images of {size} x {size} pixels" if size else ""
    model = plain(component_names(run.components.get("model", "a model")))
    yield f"- Model: {model}, {run.num_parameters:,} trainable parameters{seen}."
    yield f"- Says of an image: {plain(learnt_classes(run))}."
    yield f"- Trained: {_date(facts)}{plural(len(findings.epochs), 'epoch')} of {run.num_epochs}{_seed(run)}."
    yield f"- Weights: {_weights(run, findings)}."
    yield f"- Licence, contact, citation: {TO_FILL_IN}"
    versions = facts.get("versions", {})
    if versions:
        yield f"- Made with {', '.join(f'{name} {plain(str(version))}' for name, version in versions.items())}."
    yield ""
    yield from _table(("part", "provided by"), _provided(run), "ll")


def _date(facts: Mapping[str, Any]) -> str:
    started = str(facts.get("started") or "")
    return f"{plain(started[:10])}, " if started else ""


def _seed(run: RunInfo) -> str:
    seed = run.recipe.get("train", {}).get("seed")
    return "" if seed is None else f", seed {seed}"


def _weights(run: RunInfo, findings: Findings) -> str:
    best = best_epoch(findings.epochs, run.select)
    if best is None:
        return "`last_epoch.safetensors`, those of the last epoch; there was no validation to choose by"
    chosen = f"the best in validation by {run.select.replace('_', ' ')}"
    return f"`best_{run.select}.safetensors`, those of epoch {best + 1}, {chosen}"


def _provided(run: RunInfo) -> Iterator[tuple[str, str]]:
    return ((plain(kind), plain(who)) for kind, who in run.components.items() if who and kind != "reporter")


def _use(run: RunInfo, findings: Findings) -> Iterator[str]:
    yield f"Tells which of {plain(learnt_classes(run))} an image is likeliest of, with a probability for each:"
    yield ""
    yield "```"
    yield "artkit predict RUN PATH...             # images, folders; RUN is the folder of this card"
    yield "artkit serve RUN                       # the same in a browser"
    yield "artkit evaluate RUN --data SHARDS      # its figures on other images"
    yield "artkit run RUN/recipe.toml             # trains it again"
    yield "```"
    yield ""
    if findings.predictions[0].unknown_threshold is None:
        yield "Every answer is one of the classes that were learnt, also for an image of none of them."
    else:
        yield "An image that is stranger to the model than most of validation is called unknown; `--no-unknown` names a"
        yield "class for every image. Of those of no class that was learnt, many are named one all the same."
    yield "Not meant to tell whether a work is genuine, for attributions that something hangs on, or for anything about"
    yield "people."


def _factors(run: RunInfo) -> Iterator[str]:
    counts = [count for count in run.train_counts if count]
    yield "Figures differ from class to class, above all with the number of training images."
    if counts:
        yield f"The largest class{_of_first(run)} has {max(counts):,}, the smallest {min(counts):,}."
    yield "Beyond that, they were not told apart by medium, period, size or quality of the reproduction."


def _metrics(run: RunInfo, findings: Findings) -> Iterator[str]:
    yield "- Accuracy: share of the images that are recognised. Its 95 % interval is Wilson's, those of other figures"
    yield "  are of the bootstrap over images."
    yield "- Macro recall: the mean over the classes of that share, so that every class counts the same."
    yield "- Macro F1: the mean over the classes of the harmonic mean of precision and recall."
    yield "- Loss: mean negative log-likelihood of the true class, in nats."
    yield ""
    split = findings.predictions[0].split
    if split == "test":
        yield f"Weights were chosen by validation {run.select.replace('_', ' ')}; the test images were looked at once,"
        yield "at the end."
    else:
        yield f"There was no test split: the figures are those of `{split}`, whose images also chose the weights, so"
        yield "expect less on others."


def _training_data(run: RunInfo, findings: Findings) -> Iterator[str]:
    fingerprint = findings.facts.get("data", {}).get("fingerprint")
    splits = ", ".join(f"{name} {size:,}" for name, size in run.split_sizes.items())
    yield f"- Images by split: {plain(splits)}."
    if fingerprint:
        yield f"- Fingerprint of the data set (sha256 of its content): `{fingerprint}`."
    for predictions in findings.predictions:
        counts = sorted(predictions.train_counts)
        rare = sum(count < FEW for count in counts)
        yield (
            f"- {plain(predictions.target)}: {plural(len(counts), 'class', 'classes')} of {counts[0]:,} to "
            f"{counts[-1]:,} training images, median {median(counts):,.0f}; {rare} with fewer than {FEW}."
        )
    yield f"- Copies: {_copies_text(findings.copies)}"
    yield f"- Origin, collection, licence of the images: {TO_FILL_IN}"


def _copies_text(copies: CopiesFound | None) -> str:
    if copies is None:
        return "not looked for when this card was written; `artkit dataset stats SHARDS` does."
    if not copies.extra:
        return "no two images have the same bytes."
    text = f"{plural(copies.extra, 'image')} with the bytes of another one"
    if copies.across_splits:
        text += f"; **{plural(copies.across_splits, 'picture')} in more than one split**, so figures may be too good"
    if copies.across_classes:
        text += f"; {plural(copies.across_classes, 'picture')} under more than one class"
    return f"{text}."


def _evaluation_data(findings: Findings) -> Iterator[str]:
    for predictions in findings.predictions:
        labels = predictions.labels
        present, total = len(set(labels.tolist())), len(predictions.class_names)
        yield (
            f"- {plain(predictions.target)}: {plural(len(labels), 'image')} of the split `{predictions.split}`, of "
            f"{present} of the {total} classes."
        )
    yield ""
    yield "The split is a part of the same collection: other collections, scans or photographs give other figures."


def _analyses(findings: Findings) -> Iterator[str]:
    for predictions in findings.predictions:
        names, labels, predicted = predictions.class_names, predictions.labels, predictions.predicted
        scores = class_scores(labels, predicted, names, predictions.train_counts)
        yield f"### {plain(predictions.target)}"
        yield ""
        yield from _table(("figure", "value", "95 % interval"), _figures(predictions), "lrr")
        yield ""
        yield from _calibration(findings.calibration.get(predictions.target))
        yield "Classes recognised least:"
        yield ""
        worst = [scores[k] for k in worst_first(scores)[:SHOWN]]
        yield from _table(("class", "recall", "95 % interval", "tested", "learnt"), map(_class_row, worst), "lrrrr")
        yield ""
        yield "Classes confused most:"
        yield ""
        pairs = confused_pairs(confusion_counts(labels, predicted, len(names)))[:SHOWN]
        rows = ((plain(names[p.true]), plain(names[p.predicted]), f"{p.n} of {p.of}", percent(p.share)) for p in pairs)
        yield from _table(("true", "taken for", "images", "share"), rows, "llrr")
        yield ""


def _figures(predictions: Predictions) -> Iterator[tuple[str, str, str]]:
    right, total = int((predictions.predicted == predictions.labels).sum()), len(predictions.labels)
    yield "accuracy", percent(right / total), interval_text(*wilson_interval(right, total))
    for name in ("macro_recall", "macro_f1"):
        if name in predictions.metrics:
            words = name.replace("_", " ").replace("f1", "F1")
            interval = predictions.intervals.get(name)
            yield words, percent(predictions.metrics[name]), interval_text(*interval) if interval else ""
    if "loss" in predictions.metrics:
        ends = " to ".join(f"{end:.4f}" for end in predictions.intervals.get("loss", ()))
        yield "loss", f"{predictions.metrics['loss']:.4f}", ends
    yield "guessing: macro recall", percent(1 / len(predictions.class_names)), ""


def _class_row(score: ClassScore) -> tuple[str, ...]:
    interval = interval_text(score.recall_low, score.recall_high)
    return plain(score.name), percent(score.recall), interval, f"{score.support:,}", f"{score.train_count:,}"


def _calibration(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    before, after = found["ece"]["before"], found["ece"]["after"]
    yield (
        f"Probabilities miss the share of right answers by {percent(before)} on average (expected calibration error on "
        f"validation), and by {percent(after)} with logits divided by the temperature {found['temperature']:.3g}."
    )
    yield ""


def _ethics() -> Iterator[str]:
    yield "The model repeats what its training images and their labels say, wrong labels and gaps of the collection"
    yield "included: whose work was not collected, it cannot recognise. It clears no rights in the images that it was"
    yield f"trained on or is shown. {TO_FILL_IN}"


def _caveats(findings: Findings) -> Iterator[str]:
    for predictions in findings.predictions:
        supports = [int((predictions.labels == k).sum()) for k in range(len(predictions.class_names))]
        few, none = sum(0 < support < FEW for support in supports), sum(not support for support in supports)
        of_target = f" of {plain(predictions.target)}" if len(findings.predictions) > 1 else ""
        if few:
            yield (
                f"- {plural(few, 'class', 'classes')}{of_target} with fewer than {FEW} test images: their figures are "
                "guesses, as the intervals say."
            )
        if none:
            yield f"- {plural(none, 'class', 'classes')}{of_target} without a test image: nothing is known of them."
    yield _caveat_of_strangers(findings.predictions[0])
    yield "- The figures are of one seed; `artkit sweep --seeds 3` tells how much another one changes."
    if not findings.calibration:
        yield "- Probabilities were not calibrated: of answers given with 0.9, more or fewer than 90 % may be right."
    yield "- Test it on images of your own before you rely on it: `artkit evaluate`."


def _caveat_of_strangers(predictions: Predictions) -> str:
    """What becomes of images of other classes, as far as the test tells."""
    strangers, threshold = predictions.stranger_scores, predictions.unknown_threshold
    if threshold is None or strangers is None:
        return "- An image of a class that was not learnt may well get an answer all the same, often a confident one."
    images = plural(len(strangers), "image")
    return (
        f"- Of {images} of classes that were held out of training, {percent(float((strangers > threshold).mean()))} "
        "are called unknown; the others get an answer all the same, often a confident one."
    )


def _of_first(run: RunInfo) -> str:
    """What the classes are of, where there are several targets."""
    return f" (of {plain(next(iter(run.targets)))})" if len(run.targets) > 1 else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], alignment: str) -> Iterator[str]:
    """A table of texts that mean nothing to Markdown; `alignment` has an l or r for each column."""
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---:' if side == 'r' else '---' for side in alignment)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
