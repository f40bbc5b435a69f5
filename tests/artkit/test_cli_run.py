"""`artkit run` from the command line: what it leaves, and what it says to mistakes."""

import csv
import json
import resource
import shutil

import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import ArtkitError
from artkit_shards import ClassFolders, Settings, ShardsError, convert, index_tars, open_dataset

DRAWN = ["--image-size", "16", "--batch-size", "4", "--set", "model.width=8", "--set", "data.threads=1"]
# What draws takes longer than training does here.
SMALL = [*DRAWN, *(f"--reporter={name}" for name in ("none", "console", "metrics", "predictions"))]
QUICK = [*SMALL, "--epochs", "2"]


def artkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)


def refused(*arguments):
    """The message of a run that must not start."""
    result = artkit("run", *arguments)
    assert isinstance(result.exception, (ArtkitError, ShardsError)), result.output
    return str(result.exception)


@pytest.fixture(scope="module")
def finished(shape_shards, tmp_path_factory):
    """The folder of a finished run, and what it printed."""
    folder = tmp_path_factory.mktemp("run") / "run"
    result = artkit("run", "--data", shape_shards, "--out", folder, *DRAWN, "--epochs", "2")
    assert result.exit_code == 0, result.output
    return folder, result.output


def test_a_file_that_the_system_refuses_to_write_ends_a_run_without_a_traceback(
    shape_shards, tmp_path, exit_code_of_fork
):
    remedy = f"there is no checkpoint yet; mend that and start again with `artkit run {tmp_path / 'run'}/recipe.toml`"

    def run_with_small_files_only():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
        message = refused("--data", shape_shards, "--out", tmp_path / "run", *QUICK)
        return int(f"(File too large), and {remedy}" not in message)

    assert exit_code_of_fork(run_with_small_files_only) == 0


def test_a_run_leaves_the_promised_files(finished):
    folder, _ = finished
    for name in (
        "report.html",
        "recipe.toml",
        "run.json",
        "metrics.csv",
        "predictions.csv",
        "per_class.csv",
        "confused_pairs.csv",
        "confusion.csv",
        "confusion.png",
        "per_class.png",
        "top_losses.csv",
        "saliency.png",
        "curves.png",
        "model_card.md",
        "mosaics/by_true",
        "mosaics/confused_pairs.png",
        "mosaics/top_losses.png",
        "best_accuracy.safetensors",
        "best_loss.safetensors",
        "last/state.safetensors",
    ):
        assert (folder / name).exists(), name
    assert not [path.name for path in folder.rglob("*.part")]


def test_a_run_records_what_it_was(finished, shape_shards):
    facts = json.loads((finished[0] / "run.json").read_text())
    dataset = open_dataset(shape_shards)
    assert facts["status"] == "ok"
    assert facts["data"]["fingerprint"] == dataset.fingerprint
    assert [target["class_names"] for target in facts["data"]["targets"]] == [list(dataset.class_names)]
    assert facts["tested"]["split"] == "test"
    assert facts["components"]["model"] == f"artkit/small-resnet@1 (artkit {facts['versions']['artkit']})"
    assert [row["plugin"] for row in facts["plugins"]][:1] == ["artkit"]


def test_predictions_cover_the_test_split_exactly_once(finished, shape_shards):
    with (finished[0] / "predictions.csv").open() as file:
        keys = [row["key"] for row in csv.DictReader(file)]
    assert keys == list(open_dataset(shape_shards).split("test").keys)


def test_the_terminal_says_where_the_report_is(finished):
    _, output = finished
    assert "report.html" in output
    assert "macro recall" in output


def test_the_resolved_recipe_repeats_the_run_bit_for_bit(finished, tmp_path):
    folder, _ = finished
    result = artkit("run", folder / "recipe.toml", "--out", tmp_path / "again")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "again" / "steps.csv").read_text() == (folder / "steps.csv").read_text()
    first, again = (json.loads((run / "run.json").read_text()) for run in (folder, tmp_path / "again"))
    assert first["tested"] == again["tested"]


def test_json_prints_the_result_and_nothing_else(shape_shards, tmp_path):
    result = artkit("run", "--data", shape_shards, "--out", tmp_path / "run", *QUICK, "--epochs", "1", "--json")
    said = json.loads(result.stdout)
    assert said["status"] == "ok"
    assert said["run"] == str(tmp_path / "run")
    assert (said["split"], said["others"]) == ("test", {})
    assert set(said["metrics"]) == {"accuracy", "macro_recall", "macro_f1", "loss"}


def test_a_quiet_run_prints_nothing_and_repeating_it_is_up_to_the_user(shape_shards, tmp_path):
    quick = ["--data", shape_shards, *QUICK, "--epochs", "1"]
    result = artkit("run", *quick, "--out", tmp_path / "run", "--quiet")
    assert (result.exit_code, result.stdout) == (0, "")
    again = artkit("run", tmp_path / "run" / "recipe.toml", "--out", tmp_path / "again")
    assert "Result on test" in again.stdout


def test_a_run_folder_that_cannot_be_made_is_told_in_a_sentence(shape_shards, tmp_path):
    (tmp_path / "file").write_text("")
    message = refused("--data", shape_shards, "--out", tmp_path / "file" / "run", *QUICK)
    assert "cannot be made (Not a directory); name another with --out" in message


def test_an_image_that_is_left_out_of_every_epoch_is_told(shape_shards, tmp_path):
    out = tmp_path / "run"
    result = artkit("run", "--data", shape_shards, "--out", out, *SMALL, "--epochs", "1", "--batch-size", "11")
    assert result.exit_code == 0, result.output
    assert "12 images an epoch leave one alone in the last batch" in result.output
    assert "it is left out; --batch-size 12 avoids that" in result.output


def test_the_batch_size_that_is_advised_leaves_no_image_alone_either(shape_shards, tmp_path):
    # 13 draws in batches of 3, and in batches of 4, leave one.
    drawn = ["--sampler", "class-balanced", "--set", "sampler.size=13", "--batch-size", "3", "--epochs", "1"]
    result = artkit("run", "--data", shape_shards, "--out", tmp_path / "run", *SMALL, *drawn, "--quiet")
    assert "13 images an epoch leave one alone" in result.output
    assert "it is left out; --batch-size 5 avoids that" in result.output


def test_early_stopping_watches_validation(shape_shards, tmp_path):
    result = artkit(
        *("run", "--data", shape_shards, "--out", tmp_path / "run", *SMALL, "--epochs", "30", "--quiet"),
        *("--set", "train.patience=2", "--optimizer", "sgd", "--set", "optimizer.lr=1e-30"),
    )
    assert result.exit_code == 0, result.output
    with (tmp_path / "run" / "metrics.csv").open() as file:
        assert len(list(csv.DictReader(file))) < 30
    told = "no gain in validation accuracy for 2 epochs (train.patience=2): training ends with epoch"
    assert f"note: {told}" in result.stderr


def test_a_finished_run_cannot_be_resumed(finished):
    folder, _ = finished
    assert refused("--resume", folder) == f"{folder} is finished; repeat it with `artkit run {folder}/recipe.toml`"


def test_resume_takes_no_other_choices(finished):
    assert "so no recipe, component, option or --out can be given with it" in refused(
        "--resume", finished[0], "--epochs", "3"
    )


def test_resume_needs_a_run_folder(tmp_path):
    assert "is not a run folder (it has no recipe.toml)" in refused("--resume", tmp_path)


def test_a_run_that_may_be_meant_is_named(finished):
    run, _ = finished
    assert refused("--resume", run.parent).endswith(f"give one that `artkit run` left, such as {run}")
    assert refused("--resume", run.parent / "rum") == f"there is no folder {run.parent / 'rum'}. Did you mean 'run'?"


def test_a_run_cut_off_before_its_first_checkpoint_is_told_to_start_again(shape_shards, tmp_path):
    run = tmp_path / "run"
    assert artkit("run", "--data", shape_shards, "--out", run, *QUICK, "--epochs", "1", "--quiet").exit_code == 0
    unfinish(run)
    (run / "last" / "state.safetensors").unlink()
    message = f"{run} was cut off before its first checkpoint; start it again with `artkit run {run}/recipe.toml`"
    assert refused("--resume", run) == message


def test_a_sample_damaged_after_conversion_stops_a_run_that_may_replace_none_with_its_name(shape_shards, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(shape_shards, data)
    split = open_dataset(data).split("train")
    shard = data / split.shard_of(5)
    image = split.read(5)
    shard.write_bytes(shard.read_bytes().replace(image, bytes(len(image))))
    message = refused("--data", data, "--out", tmp_path / "run", *QUICK, "--set", "data.max_bad=0")
    assert f"sample {split.keys[5]} of {shard.name}" in message
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"


def test_an_existing_folder_is_never_written_over(finished, shape_shards):
    message = refused("--data", shape_shards, "--out", finished[0], *QUICK)
    assert "is there already and not empty; name another --out, or continue that run" in message


def test_resuming_is_offered_for_run_folders_only(shape_shards, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert "--resume" not in refused("--data", shape_shards, "--out", tmp_path, *QUICK)
    message = refused("--data", shape_shards, "--out", tmp_path / "notes.txt", *QUICK)
    assert "notes.txt is a file; --out takes the folder to make for the run" in message


def test_resuming_with_other_classes_says_which(shape_shards, tmp_path):
    run = cut_off_run_with_other_data(shape_shards, tmp_path, {"shape-0": 8, "shape-1": 8, "circle": 8})
    message = refused("--resume", run)
    assert "are not those that" in message
    assert "(gone: shape-2; new: circle)" in message


def test_resuming_with_other_content_is_refused(shape_shards, tmp_path):
    run = cut_off_run_with_other_data(shape_shards, tmp_path, {"shape-0": 8, "shape-1": 8, "shape-2": 8})
    assert "has other content than when" in refused("--resume", run)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "se-densnet"], "no model 'se-densnet'. Did you mean 'se-densenet'?"),
        (["--sampler", "balanced"], "no sampler 'balanced'."),
        (["--set", "model.widht=3"], "has no option 'widht'. Did you mean 'width'?"),
        (["--set", "model.width=0"], "width=0 is out of bounds; it must be >= 1"),
        (["--epochs", "0"], "section [train]: epochs=0 is out of bounds; it must be >= 1"),
        (["--image-size", "2"], "image_size=2 is out of bounds; it must be >= 8"),
        (["--data", "nowhere"], "nowhere does not exist"),
        (["--data", ""], "section [data]: the path is empty"),
        (["nothing.toml"], "there is no recipe nothing.toml"),
        (["--plugin", "nothing.py"], "the plugin file nothing.py is not there"),
        (["--device", "quantum"], "device 'quantum' cannot be used"),
        (["--reporter", "no:mosiac"], "no reporter 'mosiac'. Did you mean 'mosaic'?"),
    ],
)
def test_mistakes_stop_before_anything_is_written(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["run", ""], ["run", "--out", ""], ["run", "--resume", ""], ["shard", "a", ""]])
def test_an_empty_path_does_not_mean_this_folder(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = artkit(*arguments)
    assert result.exit_code == 2
    assert "the path is empty" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_called_as_the_bundled_data_set_is_not_taken_for_it(shape_shards, tmp_path, monkeypatch):
    shutil.copytree(shape_shards, tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    result = artkit("run", "--data", "demo", "--out", "run", *QUICK, "--epochs", "1", "--quiet")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "run" / "run.json").read_text())["data"]["path"] == str(tmp_path / "demo")


def test_a_data_set_without_validation_says_so_and_uses_the_last_weights(tmp_path):
    data = convert_squares(tmp_path / "images", tmp_path / "data", {"a": 8, "b": 8}, {"train": 1.0})
    result = artkit("run", "--data", data, "--out", tmp_path / "run", *QUICK, "--epochs", "1")
    assert result.exit_code == 0, result.output
    assert "the data set has no split 'val'" in result.output
    assert json.loads((tmp_path / "run" / "run.json").read_text())["tested"] is None


def test_images_whose_class_is_not_known_count_in_no_figure(foreign_tars, tmp_path):
    foreign_tars.write("train.tar", foreign_tars.samples(range(8), cls=lambda number: number % 2))
    labelled = foreign_tars.samples(range(10, 14), cls=lambda number: number % 2)
    foreign_tars.write("val.tar", {**labelled, **foreign_tars.samples(range(20, 23))})
    foreign_tars.write("test.tar", foreign_tars.samples(range(30, 35)))
    index_tars(foreign_tars.folder, max_rejects=1)
    run = tmp_path / "run"
    result = artkit("run", "--data", foreign_tars.folder, "--out", run, *QUICK, "--epochs", "1")
    assert result.exit_code == 0, result.output
    assert "3 images of 'val' without a class: figures are those of the others" in result.output
    assert "no class of any image in the split 'test': the final figures are those of validation" in result.output
    tested = json.loads((run / "run.json").read_text())["tested"]
    assert (tested["split"], tested["images"]) == ("val", 4)
    assert tested["metrics"]["accuracy"] in (0, 0.25, 0.5, 0.75, 1)
    lines = (run / "predictions.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["010", "011", "012", "013"]


def test_a_schedule_that_reacts_to_validation_needs_some(tmp_path):
    data = convert_squares(tmp_path / "images", tmp_path / "data", {"a": 8, "b": 8}, {"train": 1.0})
    message = refused("--data", data, "--out", tmp_path / "run", *QUICK, "--schedule", "plateau")
    assert "reacts to validation, but" in message
    assert "has no split 'val'" in message
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_stops_with_advice(shape_shards, tmp_path):
    message = refused(
        *("--data", shape_shards, "--out", tmp_path / "run", *SMALL, "--epochs", "20", "--set", "optimizer.lr=1e30")
    )
    # A tenth of the rate that was set, whatever the schedule had made of it by then.
    assert "lower the learning rate, such as --set optimizer.lr=1e+29" in message
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"


def cut_off_run_with_other_data(shards, folder, classes):
    """The folder of a run that looks as if it had been killed, and whose data set was replaced since."""
    data, run = folder / "data", folder / "run"
    shutil.copytree(shards, data)
    assert artkit("run", "--data", data, "--out", run, *QUICK, "--epochs", "1", "--quiet").exit_code == 0
    unfinish(run)
    shutil.rmtree(data)
    convert_squares(folder / "images", data, classes)
    return run


def unfinish(run):
    """Make a finished run look like one that was killed before its end."""
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "status": "running"}))


def convert_squares(images, shards, classes, fractions=None):
    for number, (name, count) in enumerate(classes.items()):
        (images / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (20 + index, 20), (80 * number, 10 * index, 0)).save(images / name / f"{index}.png")
    convert(
        ClassFolders(images),
        shards,
        Settings(fractions=fractions or {"train": 0.5, "val": 0.25, "test": 0.25}),
        workers=1,
    )
    return shards
