"""Runs tracked in databases and on a real server, read back through MLflow's own client."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("artkit_mlflow", reason="pip install plugins/artkit-mlflow")

from mlflow import MlflowClient

from artkit import RecipeError
from artkit.testing import FakeRun, Harness, contract
from artkit_mlflow import mlflow
from artkit_mlflow.identity import kept_id
from artkit_mlflow.naming import of_epoch, settings_of
from artkit_mlflow.outbox import Outbox

# What MLflow does with SQLAlchemy from 2.1 on; users see nothing of it.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

SERVER_NEEDS = ("flask", "flask_cors", "graphene", "huey")

test_contract = contract("artkit-mlflow")


@pytest.fixture(scope="module", autouse=True)
def database(tmp_path_factory):
    """Where runs go that do not say: making a database takes seconds, so all tests share one."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('shared') / 'mlflow.db'}"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MLFLOW_TRACKING")]:
            patch.delenv(name)
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield uri


class Tracked:
    """The tracked run of a folder."""

    def __init__(self, folder, uri):
        self.client = MlflowClient(tracking_uri=uri)
        self.id = kept_id(folder, uri)
        self.run = self.client.get_run(self.id)
        self.status = self.run.info.status
        self.values = self.run.data.metrics
        self.params = self.run.data.params
        self.tags = self.run.data.tags

    def over(self, name):
        return {metric.step: metric.value for metric in self.client.get_metric_history(self.id, name)}

    def files(self, folder=None):
        found = self.client.list_artifacts(self.id, folder)
        return {file.path for one in found for file in ([one] if not one.is_dir else ())} | {
            path for one in found if one.is_dir for path in self.files(one.path)
        }


def replayed(folder, fake=None, **options):
    """A fake run that was tracked."""
    fake = fake or FakeRun(folder)
    fake.replay(mlflow(fake.context, **options))
    return fake


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    return Harness(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def real_run(harness):
    """A tiny real run with everything on, tracked in its own folder."""
    reporters = ["metrics", "confusion-matrix", {"name": "top-losses", "tile": 32}]
    tracker = {"name": "mlflow", "every": 2, "tags": {"paper": "tail"}, "log_weights": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI")
        return harness.run(plugin="artkit-mlflow", steps=4, reporter=[*reporters, tracker])


@pytest.fixture(scope="module")
def tracked(real_run):
    return Tracked(real_run.folder, f"sqlite:///{real_run.folder / 'mlflow' / 'mlflow.db'}")


def test_a_real_run_is_tracked_in_its_folder_without_a_word(real_run, tracked):
    assert (real_run.status, real_run.notes) == ("ok", [])
    assert (tracked.status, tracked.tags["artkit.status"]) == ("FINISHED", "ok")
    assert tracked.run.info.run_name == real_run.folder.name
    assert tracked.tags["paper"] == "tail"
    assert tracked.client.get_experiment(tracked.run.info.experiment_id).name == "artkit"


def test_a_tracked_run_learns_the_same_as_another(harness, real_run):
    assert harness.run(steps=4).losses == real_run.losses


def test_every_second_step_and_every_epoch_is_logged_from_0(real_run, tracked):
    values = next(arguments["values"] for name, arguments in real_run.events if name == "artkit_epoch_end")
    assert tracked.over("step/loss") == {step: real_run.losses[step] for step in (0, 2)}
    assert tracked.over("val/accuracy") == {0: values["val_accuracy"]}
    assert tracked.over("train/loss") == {0: values["train_loss"]}
    assert tracked.over("epoch/seconds") == {0: values["seconds"]}


def test_values_of_the_test_are_logged(real_run, tracked):
    test = {f"test/{name}": value for name, value in real_run.metrics.items()}
    assert {name: tracked.values[name] for name in test} == test


def test_parameters_are_the_recipe_flat_and_who_provides_what(tracked):
    assert (tracked.params["train.epochs"], tracked.params["model.width"]) == ("1", "8")
    assert tracked.params["components.model"].startswith("artkit/small-resnet@1")
    assert tracked.params["targets"] == '["class"]'


def test_pictures_tables_recipe_and_wanted_weights_are_artifacts(real_run, tracked, tmp_path):
    files = tracked.files()
    assert {"recipe.toml", "confusion.png", "confusion.csv", "mosaics/top_losses.png"} <= files
    assert {"per_class.csv", "best_accuracy.safetensors"} <= files
    copy = tracked.client.download_artifacts(tracked.id, "confusion.png", str(tmp_path))
    assert Path(copy).read_bytes() == (real_run.folder / "confusion.png").read_bytes()


def test_files_go_beside_the_database_wherever_one_is(tmp_path, database, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").write_text("seed = 1")
    replayed(tmp_path / "run")
    tracked = Tracked(tmp_path / "run", database)
    place = Path(database.removeprefix("sqlite:///")).parent / "mlruns" / tracked.id / "artifacts"
    assert tracked.run.info.artifact_uri == place.as_uri()
    assert (place / "recipe.toml").read_text() == "seed = 1"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(("status", "there"), [("failed", "FAILED"), ("interrupted", "KILLED")])
def test_how_a_run_ended_is_told(tmp_path, database, status, there):
    replayed(tmp_path, FakeRun(tmp_path, status=status))
    tracked = Tracked(tmp_path, database)
    assert (tracked.status, tracked.tags["artkit.status"]) == (there, status)
    assert tracked.tags["artkit.error"] == ("RunError: no space left" if status == "failed" else "")


def test_a_resumed_run_goes_on_in_the_same_tracked_run(tmp_path, database):
    replayed(tmp_path, FakeRun(tmp_path, status="interrupted"), every=1)
    before = Tracked(tmp_path, database)
    replayed(tmp_path, FakeRun(tmp_path, first_epoch=1), every=1)
    tracked = Tracked(tmp_path, database)
    assert (tracked.id, tracked.status) == (before.id, "FINISHED")
    assert sorted(tracked.over("val/accuracy")) == [0, 1, 2]
    assert sorted(tracked.over("step/loss")) == list(range(9))
    assert len(tracked.client.get_metric_history(tracked.id, "val/accuracy")) == 3


def test_a_run_that_is_tracked_only_since_it_was_resumed_has_its_earlier_epochs(tmp_path, database):
    replayed(tmp_path, FakeRun(tmp_path, first_epoch=2))
    assert sorted(Tracked(tmp_path, database).over("val/accuracy")) == [0, 1, 2]


def test_a_resumed_run_whose_tracked_run_is_gone_gets_a_new_one(tmp_path, database):
    (tmp_path / "mlflow.json").write_text(f'{{"run_id": "{32 * "0"}", "tracking_uri": "{database}"}}')
    replayed(tmp_path, FakeRun(tmp_path, first_epoch=1))
    assert Tracked(tmp_path, database).status == "FINISHED"


def test_each_target_has_its_own_values_whatever_it_is_called(tmp_path, database):
    replayed(tmp_path, FakeRun(tmp_path, targets=("artist", "style/(old)")))
    values = Tracked(tmp_path, database).values
    assert {"val/accuracy", "val/style-2f--28-old-29-_accuracy"} <= set(values)
    assert {"test/accuracy", "test/style-2f--28-old-29-_accuracy"} <= set(values)


def test_a_loss_that_is_no_number_is_logged_too(tmp_path, database):
    fake = FakeRun(tmp_path)
    events = [(name, dict(arguments)) for name, arguments in fake.events()]
    for name, arguments in events:
        if name == "artkit_log":
            arguments["values"] = {"loss": float("nan")}
    fake.replay(mlflow(fake.context, every=1), events=events)
    assert Tracked(tmp_path, database).status == "FINISHED"
    assert "step/loss" in Tracked(tmp_path, database).values


def test_other_ranks_than_the_first_are_silent(tmp_path):
    fake = FakeRun(tmp_path)
    fake.run = replace(fake.run, rank=1, world_size=2)
    replayed(tmp_path, fake)
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_not_there_is_told_once_as_no_mistake_and_never_stops_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracker = {"name": "mlflow", "tracking_uri": "http://127.0.0.1:9", "every": 1}
    run = Harness(tmp_path).run(plugin="artkit-mlflow", reporter=[tracker])
    assert run.status == "ok"
    (note,) = run.notes
    assert note.startswith("the run is not tracked whole, since MLflow says:")


def test_a_server_that_does_not_answer_holds_neither_training_nor_the_end_up(tmp_path, monkeypatch):
    monkeypatch.setattr("artkit_mlflow.tracker.END_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fake = replayed(tmp_path, tracking_uri=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert fake.notes == ["MLflow did not take everything within 0.1 seconds; what is left is not tracked"]


@pytest.mark.parametrize("uri", ["runs/mlruns", "file:///runs/mlruns"])
def test_a_folder_of_plain_files_is_refused_before_the_run(tmp_path, uri):
    with pytest.raises(RecipeError, match=f"the tracking_uri {uri} is a folder, .* name a database, such as sqlite"):
        mlflow(FakeRun(tmp_path).context, tracking_uri=uri)


def test_a_task_that_fails_does_not_keep_others_from_being_done():
    outbox, done = Outbox(), []

    def fail():
        raise OSError("no route")

    for task in (lambda: done.append(1), fail, fail, lambda: done.append(2)):
        outbox.put(task)
    assert outbox.close(10)
    assert done == [1, 2]
    assert str(outbox.new_failure()) == "no route"
    assert outbox.new_failure() is None


def test_an_outbox_waits_no_longer_than_it_is_told():
    outbox, go_on = Outbox(), threading.Event()
    outbox.put(go_on.wait)
    assert not outbox.close(0.01)
    go_on.set()


def test_values_are_named_by_split_and_the_rest_by_epoch():
    named = of_epoch({"epoch": 1, "train_loss": 2.0, "val_style_macro_recall": 0.5, "best_loss": 1.0})
    assert named == {"train/loss": 2.0, "val/style_macro_recall": 0.5, "epoch/best_loss": 1.0}


def test_tables_are_flattened_by_number_and_values_are_text_of_a_length_that_mlflow_takes():
    recipe = {"augmenter": [{"name": "affine", "angles": [1, 2], "p": 0.5}], "data": {"path": None}, "x": "a" * 7000}
    flat = settings_of(replace(FakeRun(Path()).run, recipe=recipe))
    assert (flat["augmenter.0.name"], flat["augmenter.0.angles"], flat["augmenter.0.p"]) == ("affine", "[1, 2]", "0.5")
    assert (flat["data.path"], len(flat["x"])) == ("none", 6000)


@pytest.fixture
def server(tmp_path):
    """A real server on a free port; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    command += ["--artifacts-destination", str(tmp_path / "server-files")]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process, tmp_path / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def _wait_for(address, process, log):
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"no server after 200 s: {log.read_text()}")


@pytest.mark.slow
@pytest.mark.skipif(
    not all(find_spec(name) for name in SERVER_NEEDS), reason="pip install 'plugins/artkit-mlflow[server]'"
)
def test_a_run_is_tracked_on_a_real_server_and_goes_on_there(tmp_path, server, capsys):
    runs = tmp_path / "runs"
    tracker = {"name": "mlflow", "tracking_uri": server, "every": 1, "experiment": "paintings"}
    run = Harness(runs).run(plugin="artkit-mlflow", reporter=["confusion-matrix", tracker])
    assert run.status == "ok"
    tracked = Tracked(run.folder, server)
    assert tracked.id not in capsys.readouterr().out
    assert tracked.status == "FINISHED"
    assert tracked.over("step/loss") == dict(enumerate(run.losses))
    assert tracked.values["test/accuracy"] == run.metrics["accuracy"]
    assert tracked.params["train.epochs"] == "1"
    assert {"recipe.toml", "confusion.png"} <= tracked.files()
    copy = tracked.client.download_artifacts(tracked.id, "confusion.png", str(tmp_path))
    assert Path(copy).read_bytes() == (run.folder / "confusion.png").read_bytes()
    page = f"{server}/#/experiments/{tracked.run.info.experiment_id}/runs/{tracked.id}"
    assert run.notes == [f"MLflow shows the run at {page}"]

    fake = FakeRun(run.folder, first_epoch=1)
    replayed(run.folder, fake, tracking_uri=server, experiment="paintings")
    again = Tracked(run.folder, server)
    assert (again.id, again.status, sorted(again.over("val/accuracy"))) == (tracked.id, "FINISHED", [0, 1, 2])
