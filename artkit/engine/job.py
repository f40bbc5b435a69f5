"""A whole run: from a resolved recipe, or from the folder of a run that was cut off, to tested weights and reports."""

import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from artkit.contracts import ErrorInfo, ReporterContext, RunInfo, RunStatus
from artkit.engine.allocation import keep_freed_memory
from artkit.engine.assembly import Assembly, assemble, open_data
from artkit.engine.checkpoint import save_checkpoint
from artkit.engine.drift import drift_notes
from artkit.engine.early_ends import ending_notes
from artkit.engine.events import Reporters
from artkit.engine.final_answers import final_figures, judge_selected
from artkit.engine.folder import RECIPE, RunFolder, check_unfinished, now
from artkit.engine.machine import machine_facts, version_facts
from artkit.engine.occupation import occupy
from artkit.engine.preprocessing import Preprocessing
from artkit.engine.progress import kept_values
from artkit.engine.ranks.failure import cause_of
from artkit.engine.ranks.group import Ranks, joined
from artkit.engine.resumption import check_same_data, check_same_recipe, check_selected_weights, decisive_part
from artkit.engine.retraining import HeadTrainer, plan_retraining
from artkit.engine.run_notes import notes
from artkit.engine.signals import StopSignal
from artkit.engine.trainer import StopRequested, Trainer
from artkit.errors import ComponentError, RunError
from artkit.recipe import Recipe
from artkit_shards.errors import is_disk_full

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    folder: Path
    status: RunStatus
    tested: Mapping[str, Any]
    """What run.json says of the final predictions: "split", "metrics" of the first target, "others" of further ones;
    empty if the run was interrupted."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Of the final predictions in the first target; empty if there are none."""
        metrics: Mapping[str, float] = self.tested.get("metrics", {})
        return metrics


def start(
    recipe: Recipe,
    *,
    plugins: list[dict[str, Any]],
    out: Path | None = None,
    like: Path | None = None,
    without: Collection[str] = (),
    warn: Callable[[str], None] = print,
) -> Outcome:
    """Carry out a new run.

    Args:
        recipe: What to run.
        plugins: The plugins that are loaded, as plain rows, for the record.
        out: The run folder; by default the next free one under `runs/`.
        like: The folder of a run that this one repeats: what has changed since is told before it begins.
        without: Ids of reporters that hear nothing, such as "artkit/console" where nothing is to be printed; the recipe
            keeps them, for it repeats the run, not the silence.
        warn: Shows one line to the user.

    Raises:
        ArtkitError, ShardsError: if it cannot start or go on; what was reached is kept in the run folder.
    """
    with joined() as ranks:
        warn = warn if ranks.is_first else _say_nothing
        assembly = assemble(recipe, open_data(recipe), ranks=ranks)
        make_trainer = _pick_trainer(assembly)
        for note in notes(assembly):
            warn(note)
        for note in drift_notes(like, RunFolder(like).read_facts(), assembly) if like else ():
            warn(note)
        folder = _new_folder(out, recipe, ranks)
        with occupy(folder, warn):
            folder.write_recipe(assembly.recipe)
            facts = _first_facts(folder, assembly, plugins)
            folder.write_facts(facts)
            return _carry_out(assembly, folder, facts, warn, make_trainer, without=without)


def resume(
    recipe: Recipe, path: Path, *, without: Collection[str] = (), warn: Callable[[str], None] = print
) -> Outcome:
    """Go on with a run that was cut off, from its last checkpoint.

    Args:
        recipe: The recipe of its folder, resolved.
        path: The run folder.
        without: As for `start`.
        warn: Shows one line to the user.

    Raises:
        RunError: if it is finished or still running, or its data set is not what it was.
        ArtkitError, ShardsError: if it cannot go on.
    """
    with joined() as ranks:
        warn = warn if ranks.is_first else _say_nothing
        folder = RunFolder(path.resolve(), writes=ranks.is_first)
        with occupy(folder, warn):
            folder.remove_leftovers()
            return _resume(recipe, path, folder, warn, ranks, without)


def _resume(
    recipe: Recipe,
    path: Path,
    folder: RunFolder,
    warn: Callable[[str], None],
    ranks: Ranks,
    without: Collection[str],
) -> Outcome:
    facts = folder.read_facts()
    check_unfinished(facts, path)
    if not folder.state.exists():
        raise RunError(
            f"{path} was cut off before its first checkpoint; start it again with `artkit run {path}/recipe.toml`"
        )
    check_same_recipe(recipe, facts["recipe"], folder)
    dataset = open_data(recipe)
    check_same_data(dataset, facts["data"], path)
    resumed = [*facts["resumed"], now()]
    facts = {**facts, "status": "running", "error": None, "resumed": resumed, "world_size": ranks.world_size}
    assembly = assemble(recipe, dataset, resumed=Preprocessing.from_plain(facts["preprocessing"]), ranks=ranks)
    return _carry_out(assembly, folder, facts, warn, Trainer, without=without, resumed=True)


def _pick_trainer(assembly: Assembly) -> Callable[..., Trainer | HeadTrainer]:
    """What trains; raises what `plan_retraining` does."""
    settings = assembly.recipe.retrain
    return Trainer if settings is None else partial(HeadTrainer, plan_retraining(assembly, settings))


def _new_folder(out: Path | None, recipe: Recipe, ranks: Ranks) -> RunFolder:
    """The folder that the first rank makes, as this rank sees it."""
    path = ranks.broadcast(RunFolder.create(out, recipe).path if ranks.is_first else Path())
    if not path.is_dir():
        raise RunError(
            f"the first rank made the run folder {path}, which this machine does not see; name one with --out that is "
            "on a disk of all machines"
        )
    return RunFolder(path, writes=ranks.is_first)


def _say_nothing(_: str) -> None:
    """What all ranks have to say, the first one says."""


def _carry_out(
    assembly: Assembly,
    folder: RunFolder,
    facts: dict[str, Any],
    warn: Callable[[str], None],
    make_trainer: Callable[..., Trainer | HeadTrainer],
    *,
    without: Collection[str],
    resumed: bool = False,
) -> Outcome:
    if assembly.device.type == "cpu":
        keep_freed_memory()
    reporters = Reporters(warn)
    status: RunStatus = "failed"
    error: ErrorInfo | None = None
    ranks = assembly.ranks
    with StopSignal(warn, insists=ranks.is_alone) as stop:
        trainer = make_trainer(assembly, folder, reporters, stop.requested)
        try:
            if ranks.is_first:
                _add_reporters(reporters, assembly.recipe, folder, without)
            if isinstance(trainer, Trainer) and resumed:
                trainer.load()
                ranks.wait()  # until the first one has put best weights into their place
                check_selected_weights(trainer.progress, assembly.recipe.train.select, folder)
            folder.write_facts(facts)
            reporters.run_start(_describe(assembly, folder, trainer))
            if isinstance(trainer, Trainer) and not resumed:
                trainer.save()
            trainer.train()
            for note in ending_notes(assembly.recipe.train, trainer.progress):
                reporters.note(note)
            if assembly.validation is None:
                _save_last(folder, trainer)
            judged = judge_selected(assembly, folder, trainer)
            facts |= {"tested": final_figures(assembly, folder, judged)}
            folder.write_facts(facts)
            for target in judged:
                reporters.predictions(target.predictions)
            # Only what is on disk is done: on a full disk the run stays open, and can be resumed to its reports.
            folder.write_facts({**facts, "status": "ok"})
            status = "ok"
        except (StopRequested, KeyboardInterrupt):
            status = "interrupted"
        except Exception as caught:
            cause = caught if ranks.is_alone else cause_of(caught)
            error = ErrorInfo(type=type(cause).__name__, message=str(cause))
            explained = _explain(cause, folder)
            if explained is caught:
                raise
            raise explained from caught
        finally:
            facts |= {"status": status, "finished": now(), "best": _best(trainer)}
            facts |= {"error": f"{error.type}: {error.message}" if error else None}
            _write_last_facts(folder, facts, reporters.published, warn)
            reporters.run_end(status, error)
    return Outcome(folder=folder.path, status=status, tested=facts.get("tested") or {})


def _save_last(folder: RunFolder, trainer: Trainer | HeadTrainer) -> None:
    """Keep the last weights, which nothing was chosen over."""
    weights = trainer.weights()
    if folder.writes:
        save_checkpoint(folder.last_epoch, weights)


def _add_reporters(reporters: Reporters, recipe: Recipe, folder: RunFolder, without: Collection[str]) -> None:
    context = ReporterContext(run_dir=folder.path, publish=reporters.publish, note=reporters.note)
    for choice in recipe.reporters:
        if choice.component.id in without:
            continue
        reporters.add(choice.component, choice.component.build(context, choice.options))


def _describe(assembly: Assembly, folder: RunFolder, trainer: Trainer | HeadTrainer) -> RunInfo:
    dataset, progress = assembly.dataset, trainer.progress
    return RunInfo(
        id=folder.path.name,
        dir=folder.path,
        recipe=assembly.recipe.to_plain(),
        components=assembly.recipe.components,
        targets={head.name: head.class_names for head in assembly.heads},
        class_names=dataset.class_names,
        train_counts=assembly.train.class_counts.tolist(),
        split_sizes=assembly.split_sizes,
        num_parameters=assembly.num_parameters,
        num_epochs=assembly.recipe.train.epochs,
        select=assembly.recipe.train.select,
        first_epoch=progress.epoch,
        first_step=progress.step,
        history=tuple(progress.history),
        device=str(assembly.device),
        rank=assembly.ranks.rank,
        world_size=assembly.ranks.world_size,
    )


def _first_facts(folder: RunFolder, assembly: Assembly, plugins: list[dict[str, Any]]) -> dict[str, Any]:
    dataset = assembly.dataset
    return {
        "format": _FORMAT,
        "id": folder.path.name,
        "status": "running",
        "started": now(),
        "resumed": [],
        "finished": None,
        "versions": version_facts(),
        "machine": machine_facts(assembly.device),
        "world_size": assembly.ranks.world_size,
        "seed": assembly.recipe.train.seed,
        "components": assembly.recipe.components,
        "provenance": [choice.provenance for choice in assembly.recipe.choices],
        "plugins": plugins,
        "recipe": decisive_part(assembly.recipe),
        "num_parameters": assembly.num_parameters,
        "preprocessing": assembly.preprocessing.to_plain(),
        "data": {
            "path": str(dataset.path),
            "fingerprint": dataset.fingerprint,
            "targets": [head.to_plain() for head in assembly.heads],
            "split_sizes": assembly.split_sizes,
        },
    }


def _explain(error: Exception, folder: RunFolder) -> Exception:
    """The error as the user should see it."""
    if isinstance(error, OSError) and error.strerror:
        return RunError(_of_lost_file(error, folder))
    if _is_lack_of_memory(error):
        return RunError(
            f"not enough memory ({str(error).splitlines()[0] if str(error) else type(error).__name__}); use a smaller "
            f"--batch-size or --image-size, and start again"
        )
    if isinstance(error, ComponentError):
        path = folder.path / "error.txt"
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        wrapped = ComponentError(f"{error}\n  The full traceback is in {path}.", plugin=error.plugin)
        wrapped.traceback_file = path
        return wrapped
    return error


def _of_lost_file(error: OSError, folder: RunFolder) -> str:
    """What to say of a file that the system refused to write."""
    file = error.filename or folder.path
    what, remedy = f"{file} cannot be read or written any more ({error.strerror})", "mend that"
    if is_disk_full(error):
        what, remedy = f"no space left on the device while writing {file}", "free some space"
    if folder.state.is_file():
        return f"{what}; the last checkpoint is kept: {remedy} and go on with `artkit run --resume {folder.path}`"
    return f"{what}, and there is no checkpoint yet; {remedy} and start again with `artkit run {folder.path / RECIPE}`"


def _is_lack_of_memory(error: Exception) -> bool:
    # On the CPU torch has no error of its own for it, only these words.
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def _best(trainer: Trainer | HeadTrainer) -> dict[str, Any]:
    """For each value that weights were kept for: the epoch, and the value there."""
    best: dict[str, Any] = {}
    for name in kept_values(trainer.assembly.recipe.train.select):
        epoch = trainer.progress.best_epoch(f"val_{name}")
        if epoch is not None:
            best[name] = {"epoch": epoch, "value": trainer.progress.history[epoch][f"val_{name}"]}
    return best


def _write_last_facts(
    folder: RunFolder,
    facts: Mapping[str, Any],
    published: Mapping[Path, tuple[str, str]],
    warn: Callable[[str], None],
) -> None:
    # This runs while another error may be on its way; a full disk must not hide that one.
    try:
        folder.write_facts(facts)
        folder.write_artifacts(published)
    except OSError as error:
        warn(f"{folder.path / 'run.json'} could not be brought up to date: {error}")
