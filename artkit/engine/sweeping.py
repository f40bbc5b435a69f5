"""One run after another into folders of their own, so that the same sweep, given again, goes on where it was cut off.

What is finished is kept, what was cut off is resumed, what failed is tried again.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artkit.engine import job
from artkit.engine.assembly import open_data, pick_device
from artkit.engine.folder import RUN, RunFolder
from artkit.engine.job import Outcome
from artkit.engine.occupation import LOCK, occupant
from artkit.engine.resumption import changed_options, check_same_data, decisive_part
from artkit.errors import RunError
from artkit.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run of a sweep."""

    title: str
    """What is special about it."""
    folder: Path
    recipe: Recipe

    @property
    def is_finished(self) -> bool:
        """Whether it was carried out before."""
        return (self.folder / RUN).is_file() and RunFolder(self.folder).read_facts()["status"] == "ok"


def plan_digest(runs: Sequence[tuple[str, Recipe]]) -> str:
    """Eight characters that tell a sweep from others: equal for equal recipes on the same data."""
    plain = [[name, recipe.data.path, decisive_part(recipe)] for name, recipe in runs]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:8]


def check_plan(runs: Sequence[PlannedRun]) -> None:
    """Check that the runs differ, what lies in their folders, and that there are devices and data, before any starts.

    Raises:
        RunError: if two runs are the same, a device is not there, or a folder cannot be made or holds something
            else than its run.
        ShardsError: if a data set cannot be opened.
    """
    _check_different(runs)
    for device in {run.recipe.train.device for run in runs if not run.is_finished}:
        pick_device(device)
    datasets: dict[str, Any] = {}
    for run in runs:
        path = run.recipe.data.path
        if path not in datasets:
            datasets[path] = open_data(run.recipe)
        if not (run.folder / RUN).is_file():
            _check_free(run.folder)
            continue
        facts = RunFolder(run.folder).read_facts()
        check_same_data(datasets[path], facts["data"], run.folder)
        now, before = decisive_part(run.recipe), facts["recipe"]
        changed = changed_options(before, now)
        if changed:
            name = changed[0]
            raise RunError(
                f"{run.folder} holds a run with {name}={before.get(name)}, but {name}={now.get(name)} is wanted; "
                "name another --out"
            )


def carry_out(
    run: PlannedRun,
    *,
    plugins: list[dict[str, Any]],
    without: Collection[str] = (),
    warn: Callable[[str], None],
) -> Outcome:
    """Start a run, or go on with it.

    Args:
        run: One that is not finished, and was checked.
        plugins: The plugins that are loaded, as plain rows, for the record.
        without: Ids of reporters that hear nothing, see `job.start`.
        warn: Shows one line to the user.

    Raises:
        ArtkitError, ShardsError: if it cannot start or go on.
    """
    if RunFolder(run.folder).state.is_file():
        return job.resume(run.recipe, run.folder, without=without, warn=warn)
    if run.folder.exists():
        occupied = occupant(RunFolder(run.folder))
        if occupied:
            raise RunError(
                f"{run.folder} is being carried out by {occupied}; give the same command again when that ends"
            )
        # Cut off before its first checkpoint: nothing in it is worth anything.
        shutil.rmtree(run.folder)
    return job.start(run.recipe, plugins=plugins, out=run.folder, without=without, warn=warn)


def _check_different(runs: Sequence[PlannedRun]) -> None:
    """Values written in two ways, such as 0.1 and 0.10, would make one run twice, which looks like two seeds."""
    titles: dict[str, str] = {}
    for run in runs:
        recipe = json.dumps(run.recipe.to_plain(), sort_keys=True)
        if recipe in titles:
            raise RunError(f"{titles[recipe]} and {run.title} are the same run; leave one of the two out")
        titles[recipe] = run.title


def _check_free(folder: Path) -> None:
    """A folder without run.json must be one that a run had just begun, or nothing at all."""
    for parent in folder.parents:
        if parent.exists() and not parent.is_dir():
            raise RunError(f"{parent} is a file; name another --out")
    names = {path.name for path in folder.iterdir() if path.suffix != ".part"} if folder.is_dir() else set()
    if not names <= {"last", "recipe.toml", LOCK}:
        raise RunError(f"{folder} is there already and is no run; name another --out")
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; name another --out")
