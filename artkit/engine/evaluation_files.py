"""What an evaluation leaves in a folder: answers.safetensors and predictions.csv, as in a run's own, evaluation.json;
beside them unknown.csv, see `open_set.table`, where there are images of classes that training never saw.

For a model of several targets, the first two are in a folder for each.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from artkit.contracts import Predictions, ReporterContext
from artkit.drawing.files import write_whole
from artkit.engine.answers import ANSWERS, write_answers
from artkit.engine.events import Reporters
from artkit.engine.open_set.table import STRANGERS
from artkit.errors import RunError
from artkit.registry import load_registry
from artkit_shards import Dataset

PREDICTIONS: Final = "predictions.csv"
EVALUATION: Final = "evaluation.json"


def claim_folder(folder: Path, targets: Sequence[Path]) -> None:
    """Make the folder, before any work is done.

    Args:
        folder: Where to write.
        targets: Where in it the files of each target go, see `folder_of`.

    Raises:
        RunError: if it cannot be made, or holds what would be written over.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"the folder {folder} cannot be made ({error.strerror}); name another with --out") from None
    tables = [target / name for target in targets for name in (PREDICTIONS, ANSWERS, STRANGERS)]
    for name in (*tables, Path(EVALUATION)):
        if (folder / name).exists():
            raise RunError(f"{folder / name} is there already; name another --out")


def write_evaluation(
    folder: Path,
    predictions: Sequence[Predictions],
    dataset: Dataset,
    figures: Mapping[str, Any],
    *,
    note: Callable[[str], None],
) -> None:
    """Write the files.

    Args:
        folder: Where to.
        predictions: Of each target; go to answers.safetensors, and to predictions.csv, written by the reporter that
            writes it in runs.
        dataset: Whose images were judged.
        figures: Go to evaluation.json.
        note: Shows one line to the user.

    Raises:
        RunError: if the table could not be written.
    """
    for one in predictions:
        write_answers(folder, one, dataset)
    mistakes: list[str] = []
    reporters = Reporters(mistakes.append)
    component = load_registry().component("reporter", "artkit/predictions")
    context = ReporterContext(run_dir=folder, publish=reporters.publish, note=note)
    reporters.add(component, component.build(context))
    for one in predictions:
        reporters.predictions(one)
    if mistakes:
        raise RunError(f"{folder / PREDICTIONS} could not be written: {mistakes[0]}")
    write_whole(folder / EVALUATION, json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
