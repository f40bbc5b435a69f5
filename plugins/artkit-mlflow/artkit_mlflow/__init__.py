"""Tracks runs of artkit with MLflow: a reporter.

tracker.py   tells what happens, without waiting
store.py     the tracked run: what is written where
outbox.py    the thread that writes
naming.py    what values and settings are called there
identity.py  which tracked run belongs to a run folder
"""

from typing import TYPE_CHECKING, Annotated

from artkit import Doc, Ge, RegisterReporters, ReporterContext, hookimpl

if TYPE_CHECKING:
    from artkit_mlflow.tracker import MlflowReporter

__version__ = "0.1.0"


@hookimpl
def artkit_reporters(register: RegisterReporters) -> None:
    """Register the reporter."""
    register("mlflow", mlflow)


def mlflow(
    ctx: ReporterContext,
    *,
    tracking_uri: Annotated[
        str | None, Doc("server or database; none: MLFLOW_TRACKING_URI, else a database in the run folder")
    ] = None,
    experiment: Annotated[str, Doc("experiment that the run goes to; made if it is not there")] = "artkit",
    run_name: Annotated[str | None, Doc("name of the run; none: that of the run folder")] = None,
    tags: Annotated[dict[str, str] | None, Doc("tags of the run")] = None,
    every: Annotated[int, Ge(1), Doc("optimizer steps between two that are logged")] = 10,
    log_weights: Annotated[bool, Doc("upload the selected weights at the end")] = False,
) -> "MlflowReporter":
    """MLflow: recipe, values of steps, epochs and test, pictures, tables; a resumed run goes on there."""
    from artkit_mlflow.store import Destination
    from artkit_mlflow.tracker import MlflowReporter

    destination = Destination.choose(ctx.run_dir, tracking_uri, experiment)
    return MlflowReporter(ctx, destination, run_name=run_name, tags=tags or {}, every=every, logs_weights=log_weights)
