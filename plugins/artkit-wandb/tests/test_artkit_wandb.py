"""Runs tracked offline, read back from the files that wandb writes."""

import json
import os
import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("artkit_wandb", reason="pip install plugins/artkit-wandb")

from wandb.proto import wandb_internal_pb2

from artkit import RecipeError
from artkit.testing import FakeRun, Harness, contract
from artkit.tracking import of_epoch
from artkit_wandb import wandb
from artkit_wandb.identity import Identity
from artkit_wandb.naming import settings_of

OFFLINE = {"mode": "offline"}
BLOCK = 32768
"""Bytes of a block of LevelDB's log format, in which wandb writes records."""

test_contract = contract("artkit-wandb", cases={"wandb": [OFFLINE]})


@pytest.fixture(scope="module", autouse=True)
def no_account(tmp_path_factory):
    """Nothing of this machine's user takes part: no login, no settings, no cache."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            patch.delenv(name)
        for name in ("HOME", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
            patch.setenv(name, str(home))
        patch.setenv("WANDB_ERROR_REPORTING", "false")
        patch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there; wandb reads this once a process
        yield


def records(file):
    """The records of an offline run, parsed."""
    data, place, parts, found = file.read_bytes(), 7, b"", []
    while place + 7 <= len(data):
        left = BLOCK - place % BLOCK
        if left < 7:
            place += left
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + 7])
        parts += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # the whole of a record, or its last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            found.append(record)
            parts = b""
    return found


def whole(file):
    """The records once the last one is there, which wandb's own process writes when it gets to it."""
    deadline = time.monotonic() + 30
    while not any(record.HasField("exit") for record in records(file)):
        assert time.monotonic() < deadline, f"{file} has no end"
        time.sleep(0.05)
    return records(file)


def items(record_items):
    found = {}
    for item in record_items:
        *tables, name = [item.key] if item.key else item.nested_key
        table = found
        for key in tables:
            table = table.setdefault(key, {})
        table[name] = json.loads(item.value_json)
    return found


class Tracked:
    """What the offline runs of a folder say."""

    def __init__(self, folder):
        self.files = sorted((folder / "wandb").glob("offline-run-*/run-*.wandb"))
        self.records = [record for file in self.files for record in whole(file)]
        self.history = [items(r.history.item) for r in self.records if r.HasField("history")]
        self.config = {}
        self.summary = {}
        for record in self.records:
            if record.HasField("run"):
                self.config |= items(record.run.config.update)
            if record.HasField("summary"):
                self.summary |= items(record.summary.update)
        self.exit_codes = [r.exit.exit_code for r in self.records if r.HasField("exit")]
        self.runs = [r.run for r in self.records if r.HasField("run")]

    def over(self, axis, name):
        return {row[axis]: row[name] for row in self.history if axis in row and name in row}


def start(folder, run=None, **options):
    """A fake run and its reporter."""
    folder.mkdir(exist_ok=True)
    run = run or FakeRun(folder)
    return run, wandb(run.context, **{**OFFLINE, **options})


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    return Harness(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def real_run(harness):
    """A tiny real run with everything on."""
    reporters = ["metrics", "confusion-matrix", {"name": "top-losses", "tile": 32}]
    tracker = {"name": "wandb", **OFFLINE, "every": 2, "tags": ["tail"], "log_weights": True}
    return harness.run(plugin="artkit-wandb", steps=4, reporter=[*reporters, tracker])


@pytest.fixture(scope="module")
def tracked(real_run):
    return Tracked(real_run.folder)


def test_a_real_run_is_tracked(real_run, tracked):
    assert (real_run.status, real_run.notes) == ("ok", [])
    assert tracked.exit_codes == [0]
    assert tracked.runs[0].display_name == real_run.folder.name
    assert tracked.runs[0].project == "artkit"
    assert list(tracked.runs[0].tags) == ["tail"]


def test_a_tracked_run_learns_the_same_as_another(harness, real_run):
    assert harness.run(steps=4).losses == real_run.losses


def test_every_second_step_is_logged_over_steps_from_0(real_run, tracked):
    losses = real_run.losses
    assert tracked.over("step", "step/loss") == {step: losses[step] for step in (0, 2)}


def test_values_of_epochs_are_logged_over_epochs(real_run, tracked):
    values = next(arguments["values"] for name, arguments in real_run.events if name == "artkit_epoch_end")
    assert tracked.over("epoch", "val/accuracy") == {0: values["val_accuracy"]}
    assert tracked.over("epoch", "train/loss") == {0: values["train_loss"]}
    assert tracked.over("epoch", "epoch/seconds") == {0: values["seconds"]}


def test_charts_have_the_axes_that_were_meant(tracked):
    axes = {r.metric.glob_name: r.metric.step_metric for r in tracked.records if r.HasField("metric")}
    assert (axes["step/*"], axes["val/*"], axes["epoch/*"]) == ("step", "epoch", "epoch")


def test_the_summary_has_the_values_of_the_test_and_the_status(real_run, tracked):
    test = {f"test/{name}": value for name, value in real_run.metrics.items()}
    assert {name: tracked.summary[name] for name in test} == test
    assert (tracked.summary["status"], tracked.summary["error"]) == ("ok", None)


def test_the_config_has_the_recipe_flat_and_who_provides_what(tracked):
    assert tracked.config["train.epochs"] == 1
    assert tracked.config["model.width"] == 8
    assert tracked.config["components.model"].startswith("artkit/small-resnet@1")
    assert tracked.config["targets"] == '["class"]'


def test_pictures_are_media_with_their_titles(real_run, tracked):
    row = next(row for row in tracked.history if "pictures/confusion" in row)
    drawn = [name for name in real_run.files if name.endswith(".png") and not name.startswith("wandb/")]
    pictures = {f"pictures/{name[:-4]}": name for name in drawn}
    assert "pictures/mosaics/top_losses" in pictures
    assert set(pictures) <= set(row)
    assert row["pictures/confusion"]["caption"] == "Confusion matrix"
    files = tracked.files[0].parent / "files"
    for name, file in pictures.items():
        assert (files / row[name]["path"]).read_bytes() == (real_run.folder / file).read_bytes()


def test_the_recipe_and_tables_are_an_artifact_and_so_are_the_selected_weights_where_that_is_wanted(tracked):
    sent = [r.request.log_artifact.artifact for r in tracked.records if r.request.HasField("log_artifact")]
    sent += [r.artifact for r in tracked.records if r.HasField("artifact")]
    files = {artifact.type: {content.path for content in artifact.manifest.contents} for artifact in sent}
    assert {"recipe.toml", "per_class.csv", "confusion.csv"} <= files["files"]
    assert files["model"] == {"best_accuracy.safetensors"}


def test_all_is_written_in_the_run_folder(real_run):
    strangers = [path for path in real_run.folder.parent.iterdir() if not path.name.startswith(("run-", "data-"))]
    assert not strangers
    assert "wandb.json" in real_run.files


@pytest.mark.parametrize(("status", "code"), [("failed", 1), ("interrupted", 130)])
def test_how_a_run_ended_is_told(tmp_path, status, code):
    fake, reporter = start(tmp_path, FakeRun(tmp_path, status=status))
    fake.replay(reporter)
    tracked = Tracked(tmp_path)
    assert tracked.exit_codes == [code]
    assert tracked.summary["status"] == status
    assert tracked.summary["error"] == ("RunError: no space left" if status == "failed" else None)


def test_a_resumed_run_goes_on_in_the_same_tracked_run(tmp_path):
    fake, reporter = start(tmp_path, FakeRun(tmp_path, status="interrupted"), every=1)
    fake.replay(reporter)
    time.sleep(1.1)  # wandb names files by the second
    fake, reporter = start(tmp_path, FakeRun(tmp_path, first_epoch=1), every=1)
    fake.replay(reporter)
    tracked = Tracked(tmp_path)
    assert [run.run_id for run in tracked.runs] == [Identity.of(tmp_path).id] * 2
    assert [row["epoch"] for row in tracked.history if "val/loss" in row] == [0, 1, 2]
    assert [row["step"] for row in tracked.history if "step/loss" in row] == list(range(9))


def test_a_run_that_is_tracked_only_since_it_was_resumed_has_its_earlier_epochs(tmp_path):
    fake, reporter = start(tmp_path, FakeRun(tmp_path, first_epoch=2))
    fake.replay(reporter)
    assert sorted(Tracked(tmp_path).over("epoch", "val/accuracy")) == [0, 1, 2]


def test_epochs_that_a_killed_process_may_have_lost_are_logged_again(tmp_path):
    Identity(id="abcd1234").keep(tmp_path)  # what is there after a kill: wandb has written nothing yet
    fake, reporter = start(tmp_path, FakeRun(tmp_path, first_epoch=2))
    fake.replay(reporter)
    tracked = Tracked(tmp_path)
    assert tracked.runs[0].run_id == "abcd1234"
    assert sorted(tracked.over("epoch", "val/accuracy")) == [0, 1, 2]


def test_each_target_has_its_own_values(tmp_path):
    fake, reporter = start(tmp_path, FakeRun(tmp_path, targets=("artist", "style")))
    fake.replay(reporter)
    tracked = Tracked(tmp_path)
    assert {"val/accuracy", "val/style_accuracy"} <= {name for row in tracked.history for name in row}
    assert {"test/accuracy", "test/style_accuracy"} <= set(tracked.summary)


def test_other_ranks_than_the_first_are_silent(tmp_path):
    fake, reporter = start(tmp_path)
    fake.run = replace(fake.run, rank=1, world_size=2)
    fake.replay(reporter)
    assert not list(tmp_path.iterdir())


def test_without_a_login_a_run_is_tracked_in_its_folder_and_that_is_told_as_no_mistake(tmp_path):
    run = Harness(tmp_path).run(plugin="artkit-wandb", reporter=[{"name": "wandb", "mode": "online", "every": 1}])
    assert run.status == "ok"
    (note,) = run.notes
    assert note.startswith(f"the run is tracked in {run.folder / 'wandb'} alone, since wandb cannot reach its server (")
    assert "No API key configured" in note
    assert "send it later with `wandb sync`" in note
    assert len(Tracked(run.folder).over("step", "step/loss")) == 2


def test_without_a_network_a_run_is_tracked_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr("artkit_wandb.tracker.START_S", 2)
    fake, reporter = start(tmp_path, mode="online")
    fake.replay(reporter)
    (note,) = fake.notes
    assert f"tracked in {tmp_path / 'wandb'} alone, since wandb cannot reach its server" in note
    assert Tracked(tmp_path).exit_codes == [0]


def test_a_project_that_cannot_be_is_refused_before_the_run(tmp_path):
    with pytest.raises(RecipeError, match="wandb refuses an option: Invalid project name 'a/b'"):
        wandb(FakeRun(tmp_path).context, project="a/b")


def test_values_are_named_by_split_and_the_rest_by_epoch():
    named = of_epoch({"epoch": 1, "train_loss": 2.0, "val_style_macro_recall": 0.5, "best_loss": 1.0})
    assert named == {"train/loss": 2.0, "val/style_macro_recall": 0.5, "epoch/best_loss": 1.0}


def test_tables_are_flattened_by_number_and_lists_are_text():
    recipe = {"augmenter": [{"name": "affine", "angles": [1, 2]}], "data": {"names": ["ä"], "path": None}, "x": []}
    flat = settings_of(replace(FakeRun(Path()).run, recipe=recipe))
    assert flat["augmenter.0.name"] == "affine"
    assert flat["augmenter.0.angles"] == "[1, 2]"
    assert (flat["data.names"], flat["data.path"], flat["x"]) == ('["ä"]', None, "[]")
