"""A run told to reporters once more, from the files in its folder: what they draw is made anew, without the model.

Reporters hear of the start, the epochs, the answers, the files that others left, and the end. Of steps and progress
they hear nothing, so only those that do without draw by themselves, see `ReporterContext`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artkit.contracts import ErrorInfo, RunInfo
from artkit.engine.answers import ANSWERS, StoredAnswers, read_answers
from artkit.engine.epoch_table import METRICS, read_epochs
from artkit.engine.events import Reporters
from artkit.engine.folder import RECIPE, RunFolder
from artkit.engine.occupation import occupy
from artkit.engine.stored_images import images_of
from artkit.engine.wanted_reports import Wanted, add_reporters, choose_reporters
from artkit.errors import RunError
from artkit.recipe import read_recipe_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrawn:
    """What became of it."""

    folder: Path
    reporters: tuple[str, ...]
    """Those that were told."""
    mistakes: tuple[str, ...]
    """What they could not do."""


def redraw(wanted: Wanted, *, warn: Callable[[str], None] = print) -> Redrawn:
    """Tell reporters of a run once more.

    Args:
        wanted: Of which run, and whom.
        warn: Shows one line to the user.

    Raises:
        RunError: if the run is no such folder, is still going on or was cut off, if its answers are missing, or if its
            images are out of reach; if a reporter would write over the data of the run.
        RecipeError: if there is no such reporter.
    """
    folder = RunFolder(wanted.run.resolve())
    facts = _facts(folder)
    layer = read_recipe_file(folder.path / RECIPE)
    stored = [read_answers(path) for path in _answer_files(wanted, facts)]
    image_of = images_of(stored, wanted.data) if wanted.with_pictures else None
    mistakes: list[str] = []
    reporters = Reporters(mistakes.append, goes_on="the others go on")
    choices = choose_reporters(wanted, layer, warn)
    with _alone(wanted, folder, warn):
        names = add_reporters(reporters, choices, wanted)
        reporters.run_start(_describe(folder, facts, _with_data_of(stored, layer)))
        for values in _epochs(folder, warn):
            reporters.epoch_end(int(values["epoch"]), values)
        for answers in stored:
            reporters.predictions(answers.predictions(image_of and image_of(answers)))
        _tell_of_others(reporters, wanted, folder)
        if wanted.place == folder.path:
            folder.write_artifacts({**folder.read_artifacts(), **reporters.published})
        # One that was killed while reporters drew still says that it runs.
        reporters.run_end("interrupted" if facts["status"] == "running" else facts["status"], _error(facts))
    return Redrawn(folder=wanted.place, reporters=names, mistakes=tuple(mistakes))


def _facts(folder: RunFolder) -> dict[str, Any]:
    facts = folder.read_facts()
    if facts["status"] == "running" and not facts.get("tested"):
        raise RunError(f"{folder.path} has not come to its end; wait for it, or {folder.next_command}")
    return facts


def _answer_files(wanted: Wanted, facts: Mapping[str, Any]) -> list[Path]:
    targets = [head["name"] for head in facts["data"]["targets"]]
    source = wanted.answers or wanted.run
    files = [source / (target if len(targets) > 1 else "") / ANSWERS for target in targets]
    found = [file for file in files if file.is_file()]
    if found or (wanted.is_own and facts.get("tested") is None):
        return found
    if not wanted.is_own:
        raise RunError(f"{source} has no {ANSWERS}; name a folder that `artkit evaluate {wanted.run} --out` wrote")
    raise RunError(
        f"{wanted.run} does not have the answers that reports are drawn from ({ANSWERS}), as of an earlier artkit; "
        f"make them with `artkit evaluate {wanted.run} --out FOLDER`, and draw them with "
        f"`artkit report {wanted.run} --answers FOLDER`"
    )


def _alone(wanted: Wanted, folder: RunFolder, warn: Callable[[str], None]) -> AbstractContextManager[None]:
    return occupy(folder, warn) if wanted.place == folder.path else nullcontext()


def _describe(folder: RunFolder, facts: Mapping[str, Any], layer: Mapping[str, Any]) -> RunInfo:
    heads, train = facts["data"]["targets"], layer["train"]
    return RunInfo(
        id=facts["id"],
        dir=folder.path,
        recipe=layer,
        components=facts["components"],
        targets={head["name"]: head["class_names"] for head in heads},
        class_names=heads[0]["class_names"],
        train_counts=heads[0]["class_counts"],
        split_sizes=facts["data"]["split_sizes"],
        num_parameters=facts["num_parameters"],
        num_epochs=train["epochs"],
        select=train["select"],
        device=facts["machine"]["device"],
        world_size=facts.get("world_size", 1),
    )


def _with_data_of(stored: Sequence[StoredAnswers], layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The recipe with the data set that was judged, which an evaluation chooses."""
    return {**layer, "data": {**layer["data"], "path": stored[0].data_path}} if stored else layer


def _epochs(folder: RunFolder, warn: Callable[[str], None]) -> list[dict[str, float]]:
    epochs = read_epochs(folder.path)
    if not epochs:
        warn(f"{folder.path} has no {METRICS}, so there are no curves")
    return epochs


def _tell_of_others(reporters: Reporters, wanted: Wanted, folder: RunFolder) -> None:
    """Tell of the files that the run left and that were not drawn anew: pages show them, or link to them."""
    if not wanted.is_own:
        return
    drawn = {path.relative_to(wanted.place) for path in reporters.published if path.is_relative_to(wanted.place)}
    for path, (title, kind) in folder.read_artifacts().items():
        if path.relative_to(folder.path) not in drawn:
            reporters.publish(path, title=title, kind=kind)


def _error(facts: Mapping[str, Any]) -> ErrorInfo | None:
    if not facts.get("error"):
        return None
    name, _, message = facts["error"].partition(": ")
    return ErrorInfo(type=name, message=message)
