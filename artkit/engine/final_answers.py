"""The test at the end of a run: what the selected weights say, on disk before anyone hears of it.

What a reporter or a full disk spoils afterwards is drawn again from these files, see redrawing.py.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from artkit.contracts import Predictions
from artkit.engine.answers import write_answers
from artkit.engine.assembly import Assembly
from artkit.engine.checkpoint import load_checkpoint
from artkit.engine.copies import with_copies
from artkit.engine.folder import RunFolder
from artkit.engine.judging import all_predictions
from artkit.engine.ranks.sharding import load_weights
from artkit.engine.retraining import HeadTrainer
from artkit.engine.trainer import Trainer


def judge_selected(assembly: Assembly, folder: RunFolder, trainer: Trainer | HeadTrainer) -> list[Predictions]:
    """Predict with the selected weights, once, and keep the answers.

    Returns:
        Those of each target; nothing if the data set has nothing to predict.

    Raises:
        OSError: if they cannot be written.
    """
    split = assembly.tested
    if split is None:
        return []
    assembly.ranks.wait()  # until the first one has written the weights
    load_weights(assembly.model, load_checkpoint(_selected(assembly, folder))["model"])
    answers = all_predictions(assembly.heads, split, trainer.predict(split))
    judged = [with_copies(predictions, assembly.dataset) for predictions in answers]
    for predictions in judged if folder.writes else ():
        write_answers(folder.path, predictions, assembly.dataset)
    return judged


def final_figures(assembly: Assembly, folder: RunFolder, judged: Sequence[Predictions]) -> dict[str, Any] | None:
    """What run.json says of the test; None if there was none."""
    if not judged:
        return None
    figures = {each.target: {"images": len(each.labels), "metrics": dict(each.metrics)} for each in judged}
    first = figures.pop(assembly.heads[0].name)
    return {"split": judged[0].split, "weights": _selected(assembly, folder).name, **first, "others": figures}


def _selected(assembly: Assembly, folder: RunFolder) -> Path:
    """The file of the weights that are tested."""
    return folder.last_epoch if assembly.validation is None else folder.best(assembly.recipe.train.select)
