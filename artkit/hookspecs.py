"""Every hook that a plugin can implement: eight that register components, eight that tell reporters of a run.

This page is the whole plugin contract on pluggy's side. Registration hooks are called once per plugin, in a fixed order
that authors cannot and need not influence; each gets `register`, of a type of its own (`artkit/registering.py`):

    @hookimpl
    def artkit_models(register: RegisterModels) -> None:
        register("vit-tiny", vit)

Run events are implemented by the objects that reporter factories return; ask only for the arguments you need.
An argument of a hook implementation must not have a default: pluggy would never fill it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pluggy

from artkit.contracts import ErrorInfo, Kind, Predictions, RunInfo, RunStatus
from artkit.registering import (
    RegisterAugmenters,
    RegisterLosses,
    RegisterModels,
    RegisterOptimizers,
    RegisterReporters,
    RegisterSamplers,
    RegisterSchedules,
    RegisterSources,
)

PROJECT: Final = "artkit"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin, or a method of a reporter, as the implementation of the hook of the same name."""

# --- registration: one hook a kind ----------------------------------------------------------------------------------


@hookspec
def artkit_models(register: RegisterModels) -> None:
    """Register models: `factory(ctx: ModelContext, *, ...) -> nn.Module`."""


@hookspec
def artkit_augmenters(register: RegisterAugmenters) -> None:
    """Register augmenters: `factory(ctx: AugmenterContext, *, ...) -> Augmenter`."""


@hookspec
def artkit_samplers(register: RegisterSamplers) -> None:
    """Register samplers: `factory(ctx: SamplerContext, *, ...) -> Sampler`."""


@hookspec
def artkit_losses(register: RegisterLosses) -> None:
    """Register losses: `factory(ctx: LossContext, *, ...) -> Loss`."""


@hookspec
def artkit_optimizers(register: RegisterOptimizers) -> None:
    """Register optimizers: `factory(ctx: OptimizerContext, *, ...) -> torch.optim.Optimizer`."""


@hookspec
def artkit_schedules(register: RegisterSchedules) -> None:
    """Register schedules of the learning rate: `factory(ctx: ScheduleContext, *, ...) -> Schedule`."""


@hookspec
def artkit_reporters(register: RegisterReporters) -> None:
    """Register reporters: `factory(ctx: ReporterContext, *, ...)` gives an object with run events as methods."""


@hookspec
def artkit_sources(register: RegisterSources) -> None:
    """Register sources for `artkit shard`: `factory(ctx: SourceContext, *, ...) -> Source`."""


REGISTRATION_HOOKS: Final[Mapping[str, Kind]] = {
    "artkit_models": "model",
    "artkit_augmenters": "augmenter",
    "artkit_samplers": "sampler",
    "artkit_losses": "loss",
    "artkit_optimizers": "optimizer",
    "artkit_schedules": "schedule",
    "artkit_reporters": "reporter",
    "artkit_sources": "source",
}


# --- run events: methods of reporters -------------------------------------------------------------------------------


@hookspec
def artkit_run_start(run: RunInfo) -> None:
    """First event of a run, also of a resumed one (`run.first_step` > 0): everything is built, nothing trained yet."""


@hookspec
def artkit_progress(run: RunInfo, phase: str, done: int, total: int) -> None:
    """After every batch: `done` of `total` images of a phase: "train", or the split that is evaluated."""


@hookspec
def artkit_log(run: RunInfo, step: int, epoch: int, split: str, values: Mapping[str, float]) -> None:
    """After every optimizer step: `values` has "loss" and "learning_rate", and "gradient_norm" where it is clipped.

    Steps and epochs count from 0. The norm is that before clipping.
    """


@hookspec
def artkit_epoch_end(run: RunInfo, epoch: int, values: Mapping[str, float]) -> None:
    """After training and validation of an epoch.

    `values`: "epoch", "train_loss", "train_accuracy", "learning_rate", "images_per_s", "seconds", and for each value of
    the validation "val_<name>", such as "val_loss", "val_accuracy", "val_macro_recall"; "best_accuracy" and "best_loss"
    are 1.0 in epochs that were the best so far; "clipped" is the share of steps whose gradient was clipped.

    Where several targets are learnt, these are the values of the first. The others have theirs with their names in
    them: "train_style_accuracy", "val_style_loss". "train_loss" is the weighted sum over the targets, which is learnt;
    that of each, the first one too, is "train_artist_loss".
    """


@hookspec
def artkit_checkpoint(run: RunInfo, step: int, path: Path, best: bool) -> None:
    """After a checkpoint was written whole; `best` if it holds the best weights so far, else it is for resuming."""


@hookspec
def artkit_predictions(run: RunInfo, predictions: Predictions) -> None:
    """Once for each target, after training: what the selected weights say about every test sample.

    Of validation, if there is no test.
    """


@hookspec
def artkit_artifact(run: RunInfo, path: Path, title: str, kind: str) -> None:
    """A reporter wrote a file for people to look at: "figure", "mosaic", "table" or "file"."""


@hookspec
def artkit_run_end(run: RunInfo, status: RunStatus, error: ErrorInfo | None) -> None:
    """Last event of a run, whatever happened. Artifacts are all published by now."""


RUN_EVENTS: Final = (
    "artkit_run_start",
    "artkit_progress",
    "artkit_log",
    "artkit_epoch_end",
    "artkit_checkpoint",
    "artkit_predictions",
    "artkit_artifact",
    "artkit_run_end",
)
