"""The table of a comparison: a row a run, for spreadsheets and programs.

It is made anew from the folders of the runs each time, so runs that end at the same moment cannot lose one another's
rows, and what was deleted is gone from it.
"""

import csv
import io

from artkit.engine.comparison.comparing import Comparison
from artkit.engine.comparison.results import RunResult
from artkit.engine.intervals import Interval

_ABOUT = ("run", "started", "status", "model", "seed", "data", "target", "split", "images")


def summary_csv(comparison: Comparison) -> str:
    """The table as CSV, the run that was started first on top.

    A score has three columns, such as accuracy, accuracy_low and accuracy_high: the figure, and its 95 % interval as
    far as what the run left allows. `data` is the fingerprint of the data set.
    """
    header = [*_ABOUT, *(f"{score}{end}" for score in comparison.scores for end in ("", "_low", "_high"))]
    rows: list[list[object]] = [
        [*_about(run), *(cell for score in comparison.scores for cell in _figure(run, intervals, score))]
        for run, intervals in zip(comparison.runs, comparison.intervals, strict=True)
    ]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    rows.sort(key=lambda row: (str(row[1]), str(row[0])))
    writer.writerows(rows)
    return buffer.getvalue()


def _about(run: RunResult) -> tuple[object, ...]:
    model = run.recipe.get("model.name", "")
    return run.name, run.started, run.status, model, run.seed, run.fingerprint, run.target, run.split, run.images


def _figure(run: RunResult, intervals: dict[str, Interval], score: str) -> tuple[object, ...]:
    return run.metrics.get(score, ""), *intervals.get(score, ("", ""))
