"""Tracks runs of artkit with Weights & Biases: a reporter.

tracker.py   tells a tracked run what happens
naming.py    settings as they are shown there
identity.py  which tracked run belongs to a run folder
"""

from typing import TYPE_CHECKING, Annotated, Literal

from artkit import Doc, Ge, RegisterReporters, ReporterContext, hookimpl

if TYPE_CHECKING:
    from artkit_wandb.tracker import WandbReporter

__version__ = "0.1.0"


@hookimpl
def artkit_reporters(register: RegisterReporters) -> None:
    """Register the reporter."""
    register("wandb", wandb, examples=[{"mode": "offline"}])


def wandb(
    ctx: ReporterContext,
    *,
    project: Annotated[str, Doc("project that the run goes to")] = "artkit",
    entity: Annotated[str | None, Doc("user or team that the project belongs to; none: the default one")] = None,
    run_name: Annotated[str | None, Doc("name of the run; none: that of the run folder")] = None,
    tags: Annotated[tuple[str, ...], Doc("tags of the run")] = (),
    mode: Annotated[
        Literal["online", "offline"] | None, Doc("offline: kept in the run folder alone; none: as WANDB_MODE says")
    ] = None,
    every: Annotated[int, Ge(1), Doc("optimizer steps between two that are logged")] = 10,
    log_weights: Annotated[bool, Doc("upload the selected weights at the end")] = False,
) -> "WandbReporter":
    """Weights & Biases: recipe, values of steps, epochs and test, pictures, tables; a resumed run goes on there."""
    from artkit_wandb.tracker import WandbReporter, new_settings

    settings = new_settings(project=project, entity=entity, run_name=run_name, run_tags=tags, mode=mode)
    return WandbReporter(ctx, settings, every=every, logs_weights=log_weights)
