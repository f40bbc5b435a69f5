"""`artkit report`: what reporters drew is drawn again from the run folder; what they spoil costs no data."""

import csv
import json
import re
import resource
import shutil
import signal
import subprocess

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.folder import RunFolder
from artkit.errors import ArtkitError
from artkit_shards import ShardsError

SMALL = ["--image-size", "16", "--batch-size", "4", "--set", "data.threads=1", "--epochs", "2"]
UNDRAWN = [f"--reporter={name}" for name in ("none", "console", "metrics", "predictions")]
DATA = ("predictions.csv", "metrics.csv", "steps.csv", "per_class.csv", "answers.safetensors", "run.json")

SKETCH = """
    from artkit import hookimpl

    @hookimpl
    def artkit_reporters(register):
        register("sketch", lambda ctx: Sketch(ctx))

    @hookimpl
    def artkit_models(register):
        register("linear", linear)

    def linear(ctx):
        from torch import nn
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * ctx.image_size**2, ctx.num_outputs))

    class Sketch:
        redraws = True

        def __init__(self, ctx):
            self.ctx = ctx

        @hookimpl
        def artkit_predictions(self, run, predictions):
            if (run.dir.parent / "broken").exists():
                raise RuntimeError("the pencil broke")
            path = self.ctx.run_dir / "sketch.txt"
            path.write_text(f"{(run.dir / 'answers.safetensors').exists()} {predictions.metrics['accuracy']}")
            self.ctx.publish(path, title="Sketch", kind="file")
"""


def artkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def done(*arguments):
    result = artkit(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments):
    result = artkit(*arguments)
    assert isinstance(result.exception, (ArtkitError, ShardsError)), result.output
    return str(result.exception)


@pytest.fixture(scope="module")
def finished(shape_shards, tmp_path_factory):
    """The folder of a finished run that drew everything; do not change it."""
    folder = tmp_path_factory.mktemp("drawn") / "run"
    done("run", "--data", shape_shards, "--out", folder, *SMALL, "--set", "model.width=8")
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """A copy of it."""
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def mine(tmp_path):
    """A plugin with a reporter that draws, or fails while a file "broken" lies beside the run."""
    file = tmp_path / "mine.py"
    file.write_text("\n".join(line[4:] for line in SKETCH.splitlines()))
    return file


def block(run):
    """What the scripts of a page read."""
    page = (run / "report.html").read_text()
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1])


def rows(path, *columns):
    with path.open() as file:
        return [[row[column] for column in columns] for row in csv.DictReader(file)]


def test_all_that_was_drawn_is_drawn_again_and_no_data_is_touched(finished, run):
    drawn = [path for path in run.rglob("*") if path.suffix in (".png", ".html") or "confus" in path.name]
    drawn.remove(run / "saliency.png")  # only the model can say where it looks
    assert len(drawn) > 8
    for path in drawn:
        path.unlink()
    output = done("report", run)
    assert output.splitlines()[-2:] == [
        f"drawn in {run}: confusion-matrix, per-class, confused-pairs, top-losses, mosaic, calibration, curves, report",
        f"report   {run / 'report.html'}",
    ]
    for path in drawn:
        before = finished / path.relative_to(run)
        if path.suffix != ".html":
            assert path.read_bytes() == before.read_bytes(), path.name
    assert block(run) == block(finished)
    for name in DATA:
        assert (run / name).read_bytes() == (finished / name).read_bytes(), name


def test_a_page_drawn_alone_shows_what_the_others_left(run):
    links = re.findall(r'href="([^#"]+)"', (run / "report.html").read_text())
    (run / "report.html").unlink()
    done("report", run, "--reporter", "report")
    again = re.findall(r'href="([^#"]+)"', (run / "report.html").read_text())
    assert {"curves.png", "confusion.png", "metrics.csv", "predictions.csv"} <= set(again)
    assert set(again) == set(links)


def test_a_reporter_draws_elsewhere_with_other_options(finished, tmp_path):
    before = sorted(finished.rglob("*"))
    options = ["--reporter", "top-losses", "--set", "reporter.top-losses.tile=40", "--out", tmp_path / "out"]
    done("report", finished, *options)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"mosaics", "top_losses.csv"}
    widths = []
    for folder in (finished, tmp_path / "out"):
        with Image.open(folder / "mosaics" / "top_losses.png") as sheet:
            widths.append(sheet.width)
    assert widths[0] > widths[1]
    assert sorted(finished.rglob("*")) == before


def test_reporters_of_data_need_another_folder(finished, tmp_path):
    message = refused("report", finished, "--reporter", "predictions", "--reporter", "metrics")
    assert "reporter 'predictions' (artkit" in message
    assert "may write over what it left while the run went on; name another folder with --out FOLDER" in message
    done("report", finished, "--reporter", "predictions", "--reporter", "metrics", "--out", tmp_path / "out")
    words, numbers = ("key", "file", "true", "predicted"), ("p_true", "p_predicted", "loss")
    tables = [folder / "predictions.csv" for folder in (finished, tmp_path / "out")]
    one, other = (rows(table, *words) for table in tables)
    assert one == other
    one, other = (np.array(rows(table, *numbers), dtype=float) for table in tables)
    np.testing.assert_allclose(one, other, rtol=1e-5)
    one, other = (json.loads((folder / "test_metrics.json").read_text()) for folder in (finished, tmp_path / "out"))
    assert one == other


def test_a_data_set_that_was_moved_is_asked_for(shape_shards, tmp_path):
    shutil.copytree(shape_shards, tmp_path / "here")
    done("run", "--data", tmp_path / "here", "--out", tmp_path / "run", *SMALL, "--set", "model.width=8")
    mosaic = tmp_path / "run" / "mosaics" / "top_losses.png"
    before = mosaic.read_bytes()
    (tmp_path / "here").rename(tmp_path / "there")
    message = refused("report", tmp_path / "run")
    assert f"the data set of the answers cannot be opened: {tmp_path / 'here'}" in message
    assert "name its folder with --data FOLDER, or draw without pictures: --no-pictures" in message
    done("report", tmp_path / "run", "--no-pictures")
    assert mosaic.read_bytes() == before
    assert block(tmp_path / "run")["pictures"] == []
    done("report", tmp_path / "run", "--data", tmp_path / "there")
    assert len(block(tmp_path / "run")["pictures"]) == 6


def test_another_data_set_is_not_taken_for_that_of_the_run(finished, uneven_shards):
    message = refused("report", finished, "--data", uneven_shards)
    assert f"{uneven_shards} does not hold the images that the answers are about" in message


def test_a_run_without_its_answers_is_told_how_to_make_them(run, tmp_path):
    (run / "answers.safetensors").unlink()
    message = refused("report", run)
    assert f"make them with `artkit evaluate {run} --out FOLDER`" in message
    assert f"`artkit report {run} --answers FOLDER`" in message
    done("evaluate", run, "--out", tmp_path / "answers")
    done("report", run, "--answers", tmp_path / "answers")
    assert block(tmp_path / "answers")["targets"] == block(run)["targets"]
    assert "has no answers.safetensors" in refused("report", run, "--answers", tmp_path)


def test_an_evaluation_on_other_images_has_a_report_of_its_own(finished, shape_shards, tmp_path):
    done("evaluate", finished, "--split", "val", "--out", tmp_path / "val")
    before = (finished / "report.html").read_bytes()
    done("report", finished, "--answers", tmp_path / "val")
    assert "Accuracy on val" in (tmp_path / "val" / "report.html").read_text()
    assert f"val of {shape_shards}" in (tmp_path / "val" / "report.html").read_text()
    assert (tmp_path / "val" / "confusion.png").is_file()
    assert (finished / "report.html").read_bytes() == before


def test_answers_are_on_disk_before_a_reporter_hears_of_them(shape_shards, tmp_path, mine):
    done("run", "--data", shape_shards, "--out", tmp_path / "run", *SMALL, *UNDRAWN, "-P", mine, "--reporter", "sketch",
         "--model", "linear")  # fmt: skip
    accuracy = json.loads((tmp_path / "run" / "run.json").read_text())["tested"]["metrics"]["accuracy"]
    assert (tmp_path / "run" / "sketch.txt").read_text() == f"True {accuracy}"


def test_a_reporter_that_raises_costs_nothing_and_draws_later(shape_shards, tmp_path, mine):
    (tmp_path / "broken").write_text("")
    folder = tmp_path / "run"
    output = done("run", "--data", shape_shards, "--out", folder, *SMALL, *UNDRAWN, "-P", mine, "--reporter", "sketch",
                  "--model", "linear")  # fmt: skip
    told = " ".join(output.split())
    assert "raised RuntimeError in artkit_predictions: the pencil broke; the run goes on" in told
    assert f"once the cause is mended: `artkit report {folder} --reporter sketch`" in told
    assert RunFolder(folder).read_facts()["status"] == "ok"
    for name in ("best_accuracy.safetensors", "answers.safetensors", "predictions.csv", "metrics.csv"):
        assert (folder / name).is_file(), name
    assert "the pencil broke; the others go on" in refused("report", folder, "--reporter", "sketch")
    (tmp_path / "broken").unlink()
    done("report", folder, "--reporter", "sketch")
    assert (folder / "sketch.txt").read_text().startswith("True ")
    assert {"path": "sketch.txt", "title": "Sketch", "kind": "file"} in json.loads(
        (folder / "artifacts.json").read_text()
    )


def test_a_plugin_that_is_gone_leaves_out_only_what_it_drew(shape_shards, tmp_path, mine):
    folder = tmp_path / "run"
    quick = [f"--reporter={name}" for name in ("none", "metrics", "predictions", "curves")]
    done("run", "--data", shape_shards, "--out", folder, *SMALL, *quick, "-P", mine, "--reporter", "sketch",
         "--model", "linear")  # fmt: skip
    (tmp_path / "elsewhere").mkdir()
    moved = mine.rename(tmp_path / "elsewhere" / "mine.py")
    assert "not there any more" not in done("report", folder, "--plugin", moved)
    output = done("report", folder)
    assert f"the plugin {mine} is not there any more; if it was moved, name it with --plugin" in output
    assert f"drawn in {folder}: curves" in output


def test_files_that_cannot_be_written_by_reporters_cost_no_data(shape_shards, tmp_path, mine, exit_code_of_fork):
    folder = tmp_path / "run"

    def run_with_small_files_only():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (39_000, 39_000))
        result = artkit("run", "--data", shape_shards, "--out", folder, *SMALL, "-P", mine, "--model", "linear")
        told = " ".join(result.output.split())
        return result.exit_code + 2 * (f"`artkit report {folder} --reporter report`" not in told)

    assert exit_code_of_fork(run_with_small_files_only) == 0
    assert not (folder / "report.html").exists()
    assert RunFolder(folder).read_facts()["status"] == "ok"
    for name in ("best_accuracy.safetensors", "last/state.safetensors", *DATA):
        assert (folder / name).is_file(), name
    assert not list(folder.rglob("*.part"))
    done("report", folder)
    assert (folder / "report.html").is_file()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_reports_fill_costs_no_data(shape_shards, small_disk, tmp_path, mine):
    folder = small_disk / "run"
    result = artkit("run", "--data", shape_shards, "--out", folder, *SMALL, "-P", mine, "--model", "linear")
    assert "No space left on device" in result.output
    assert "artkit report" in result.output
    for name in ("best_accuracy.safetensors", "last/state.safetensors", "answers.safetensors"):
        assert (folder / name).is_file(), name
    kept = shutil.copytree(folder, tmp_path / "kept")
    facts = json.loads((kept / "run.json").read_text())
    assert facts["tested"]["images"] == 6
    done("report", folder, "--out", tmp_path / "out")
    assert len(block(tmp_path / "out")["targets"]) == 1


def test_a_run_that_was_cut_off_is_finished_first(run):
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "status": "running", "tested": None}))
    assert f"has not come to its end; wait for it, or go on with it: `artkit run --resume {run}`" in refused(
        "report", run
    )


def test_an_interrupted_run_has_its_page_drawn_again(run):
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "status": "interrupted", "tested": None}))
    (run / "answers.safetensors").unlink()
    done("report", run, "--reporter", "report")
    assert "The run was interrupted" in (run / "report.html").read_text()


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    assert "is not a run folder" in refused("report", tmp_path)


def test_a_name_that_no_reporter_has_is_refused(finished):
    assert "no reporter 'mosaics'. Did you mean 'mosaic'?" in refused("report", finished, "--reporter", "mosaics")


def test_each_target_is_drawn_from_answers_of_its_own(two_target_shards, tmp_path):
    folder = tmp_path / "run"
    targets = ["--target", "artist", "--target", "style", "--set", "model.width=8"]
    done("run", "--data", two_target_shards, "--out", folder, *SMALL, *targets, "--reporter=no:mosaic",
         "--reporter=no:confusion-matrix")  # fmt: skip
    before = block(folder)
    assert [len(target["classes"]["name"]) for target in before["targets"]] == [3, 2]
    (folder / "report.html").unlink()
    done("report", folder)
    assert block(folder) == before
    assert (folder / "style" / "answers.safetensors").is_file()
