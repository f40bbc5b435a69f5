"""The end of a run: temperature and thresholds from validation, strangers judged, calibration.json and unknown.csv."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artkit.engine.assembly import Assembly
from artkit.engine.folder import RunFolder
from artkit.engine.open_set.calibration import RunCalibration, calibrate_targets, digest_of, write_calibration
from artkit.engine.open_set.judgement import OpenSet, RunRule, SplitAnswers
from artkit.engine.open_set.strangers import UNKNOWN, find_strangers, stranger_split
from artkit.engine.open_set.table import write_strangers
from artkit.engine.targets import folder_of
from artkit_shards import Split

Predict = Callable[[Split], NDArray[np.float64]]
"""Gives the logits of a split, of all targets (N, K)."""


def answer_splits(assembly: Assembly, tested: Split, predict: Predict) -> dict[str, SplitAnswers]:
    """What the selected weights say of all that is judged at the end: split -> answers; each split once.

    Args:
        assembly: Of the run, its model with the selected weights.
        tested: The split of the final figures.
        predict: See `Trainer.predict`.
    """
    splits = filter(None, (assembly.validation, tested, stranger_split(assembly.dataset)))
    return {split.name: SplitAnswers(logits=predict(split)) for split in dict.fromkeys(splits)}


def judge_ending(
    assembly: Assembly, folder: RunFolder, tested: Split, answers: Mapping[str, SplitAnswers], weights: Path
) -> dict[str, OpenSet]:
    """Fit what is fitted to validation, judge strangers, and leave the files.

    Args:
        assembly: Of the run.
        folder: Of the run.
        tested: The split of the final figures.
        answers: See `answer_splits`.
        weights: File of the selected weights.

    Returns:
        For each target, how strange the images are found to be.

    Raises:
        OSError: if a file cannot be written.
    """
    rule = _fit(assembly, folder, answers, weights)
    unknown = stranger_split(assembly.dataset)
    judged = {}
    for head in assembly.heads:
        strangers = find_strangers(unknown, head.name, head.class_names) if unknown is not None else None
        found = rule.judge(head, answers[tested.name], strangers, answers.get(UNKNOWN))
        if folder.writes:
            write_strangers(folder.path / folder_of(head, assembly.heads), found, head.class_names)
        judged[head.name] = found
    return judged


def _fit(assembly: Assembly, folder: RunFolder, answers: Mapping[str, SplitAnswers], weights: Path) -> RunRule:
    """Fit temperature and thresholds, if there is validation, and write them down."""
    settings, split = assembly.recipe.unknown, assembly.validation
    plain = RunRule.uncalibrated(settings.score, settings.accept)
    if split is None:
        return plain
    targets = calibrate_targets(assembly.heads, split, answers[split.name].logits, settings.accept)
    if folder.writes:
        calibration = RunCalibration(
            split=split.name, weights=weights.name, sha256=digest_of(weights), accept=settings.accept, targets=targets
        )
        write_calibration(folder.path, calibration)
    return RunRule(score=plain.score, targets=targets, accept=settings.accept)
