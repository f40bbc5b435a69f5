"""The test at the end of a run: what the selected weights say, on disk before anyone hears of it.

What a reporter or a full disk spoils afterwards is drawn again from these files, see redrawing.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from artkit.contracts import Predictions
from artkit.engine.answers import write_answers
from artkit.engine.assembly import Assembly
from artkit.engine.checkpoint import load_checkpoint
from artkit.engine.copies import with_copies
from artkit.engine.folder import RunFolder
from artkit.engine.judging import all_predictions
from artkit.engine.open_set.ending import answer_splits, judge_ending
from artkit.engine.open_set.judgement import OpenSet, open_set_figures
from artkit.engine.precision import Precision
from artkit.engine.ranks.sharding import load_weights
from artkit.engine.retraining import HeadTrainer
from artkit.engine.saliency import explained
from artkit.engine.trainer import Trainer
from artkit_shards import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The test in one target."""

    predictions: Predictions
    figures: Mapping[str, Any]
    """What run.json says of it."""


def judge_selected(assembly: Assembly, folder: RunFolder, trainer: Trainer | HeadTrainer) -> list[Judged]:
    """Predict with the selected weights, once, and keep the answers.

    In whatever precision they were trained, they are judged as they are used later: in float32.

    Returns:
        Those of each target; nothing if the data set has nothing to predict.

    Raises:
        OSError: if they cannot be written.
    """
    split = assembly.tested
    if split is None:
        return []
    assembly.ranks.wait()  # until the first one has written the weights
    selected = _selected(assembly, folder)
    load_weights(assembly.model, load_checkpoint(selected)["model"])
    predict = partial(trainer.predict, precision=Precision("float32", assembly.device, exact=True))
    answers = answer_splits(assembly, split, predict)
    open_sets = judge_ending(assembly, folder, split, answers, selected)
    judged = []
    for one in all_predictions(assembly.heads, split, answers[split.name].logits, open_sets):
        predictions = explained(with_copies(one, split, assembly.dataset), assembly, split)
        if folder.writes:
            write_answers(folder.path, predictions, assembly.dataset)
        figures = _figures(predictions, open_sets[predictions.target], split)
        judged.append(Judged(predictions=predictions, figures=figures))
    return judged


def final_figures(assembly: Assembly, folder: RunFolder, judged: Sequence[Judged]) -> dict[str, Any] | None:
    """What run.json says of the test; None if there was none."""
    if not judged:
        return None
    figures = {each.predictions.target: each.figures for each in judged}
    first = figures.pop(assembly.heads[0].name)
    split = judged[0].predictions.split
    return {"split": split, "weights": _selected(assembly, folder).name, **first, "others": figures}


def _figures(predictions: Predictions, open_set: OpenSet, split: Split) -> dict[str, Any]:
    """What run.json says of one target."""
    rows = np.flatnonzero(split.targets[predictions.target] >= 0)
    said = {"images": len(predictions.labels), "metrics": dict(predictions.metrics)}
    return {**said, **open_set_figures(predictions, open_set, rows)}


def _selected(assembly: Assembly, folder: RunFolder) -> Path:
    """The file of the weights that are tested."""
    return folder.last_epoch if assembly.validation is None else folder.best(assembly.recipe.train.select)
