"""The tracked run: the place it is kept in, and what is written there. All of it may wait for a server."""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param
from mlflow.exceptions import MlflowException

from artkit import RecipeError, RunInfo
from artkit_mlflow.identity import keep_id, kept_id
from artkit_mlflow.naming import of_epoch, settings_of

MOST_PARAMS: Final = 100
"""Settings in one request; MLflow refuses more."""
MOST_METRICS: Final = 1000
SQLITE: Final = "sqlite:///"
_Item = TypeVar("_Item")

# MLflow would print the address of each run to where the result of `artkit run --json` goes.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a run is tracked."""

    tracking_uri: str
    experiment: str

    @classmethod
    def choose(cls, run_dir: Path, tracking_uri: str | None, experiment: str) -> "Destination":
        """The place that the user names, else the environment, else a database in the run folder.

        Raises:
            RecipeError: if it is a folder, which MLflow no longer writes to.
        """
        uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{run_dir / 'mlflow' / 'mlflow.db'}"
        if urlsplit(uri).scheme in ("", "file") and not uri.startswith("databricks"):
            raise RecipeError(
                f"the tracking_uri {uri} is a folder, and MLflow no longer keeps runs in plain files; name a database, "
                "such as sqlite:///mlflow.db, or a server, such as http://localhost:5000"
            )
        return cls(tracking_uri=uri, experiment=experiment)

    @property
    def database(self) -> Path | None:
        """The file of the database, if it is one."""
        file = self.tracking_uri.removeprefix(SQLITE)
        return None if file == self.tracking_uri else Path(file).resolve()


class TrackedRun:
    """One run at its destination.

    Args:
        destination: Where.
        folder: The run folder.
        name: Of the run.
        tags: Of the run.
    """

    def __init__(self, destination: Destination, folder: Path, *, name: str, tags: Mapping[str, str]) -> None:
        self._destination = destination
        self._folder = folder
        self._name = name
        self._tags = tags
        self._client: MlflowClient | None = None
        self._id = ""
        self.url = ""
        """Its page, once it is open and has one."""

    def open(self, run: RunInfo) -> None:
        """Go on with the run of this folder, or make a new one; nothing else works before."""
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of each table it makes
        uri, database = self._destination.tracking_uri, self._destination.database
        if database:
            database.parent.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(tracking_uri=uri)
        known = kept_id(self._folder, uri)
        if known is not None and _reopen(client, known):
            self._take(client, known, client.get_run(known).info.experiment_id)
        else:
            self._make(client, run)
        # A run that was tracked only later has none of these, and one that was killed may lack the last.
        there = {metric.step for metric in client.get_metric_history(self._id, "epoch/seconds")} if run.history else ()
        for epoch in run.history:
            if int(epoch["epoch"]) not in there:
                self.log(metrics_at(int(epoch["epoch"]), of_epoch(epoch)))

    def log(self, metrics: Sequence[Metric]) -> None:
        """Write values."""
        if self._client is not None:
            for part in _parts(metrics, MOST_METRICS):
                self._client.log_batch(self._id, metrics=part)

    def send(self, path: Path) -> None:
        """Keep a copy of a file of the run folder, under the same name."""
        if self._client is not None and path.is_file():
            place = path.relative_to(self._folder).parent.as_posix()
            self._client.log_artifact(self._id, str(path), None if place == "." else place)

    def close(self, status: str, tags: Mapping[str, str]) -> None:
        """Say how the run ended.

        Args:
            status: "FINISHED", "FAILED" or "KILLED".
            tags: More to say.
        """
        if self._client is not None:
            for name, text in tags.items():
                self._client.set_tag(self._id, name, text)
            self._client.set_terminated(self._id, status)

    def _make(self, client: MlflowClient, run: RunInfo) -> None:
        experiment = _experiment(client, self._destination)
        made = client.create_run(experiment, run_name=self._name, tags=dict(self._tags))
        self._take(client, made.info.run_id, experiment)
        keep_id(self._folder, self._destination.tracking_uri, self._id)
        params = [Param(name, text) for name, text in settings_of(run).items()]
        for part in _parts(params, MOST_PARAMS):
            client.log_batch(self._id, params=part)

    def _take(self, client: MlflowClient, run_id: str, experiment: str) -> None:
        self._client, self._id = client, run_id
        uri = self._destination.tracking_uri
        if urlsplit(uri).scheme in ("http", "https"):
            self.url = f"{uri.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"


def metrics_at(step: int, values: Mapping[str, float]) -> list[Metric]:
    """Values at a step or epoch, of now."""
    now = int(1000 * time.time())
    return [Metric(name, value, now, step) for name, value in values.items()]


def _parts(items: Sequence[_Item], most: int) -> list[list[_Item]]:
    """Cut into lists that MLflow takes in one request."""
    return [list(items[start : start + most]) for start in range(0, len(items), most)]


def _reopen(client: MlflowClient, run_id: str) -> bool:
    """Go on with a run; False if it is no longer there."""
    try:
        client.update_run(run_id, status="RUNNING")
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
    return True


def _experiment(client: MlflowClient, destination: Destination) -> str:
    """The id of the experiment, which is made if it is not there; files go beside a database, not where one is."""
    found: Experiment | None = client.get_experiment_by_name(destination.experiment)
    if found is None:
        database = destination.database
        files = (database.parent / "mlruns").as_uri() if database else None
        try:
            return str(client.create_experiment(destination.experiment, artifact_location=files))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(destination.experiment)  # another run was first
    return str(found.experiment_id)
