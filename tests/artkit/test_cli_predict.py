"""`artkit predict`: the probabilities of `artkit evaluate` for images from anywhere, and nothing that stops it."""

import csv
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app
from artkit.cli.prediction_sheets import TILES
from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.engine.open_set.calibration import digest_of
from artkit.engine.trained import find_weights
from artkit.errors import ArtkitError
from artkit_shards import ShardsError, open_dataset


def artkit(*arguments, **settings):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **settings)


def predicted(*arguments, **settings):
    """The rows of CSV that `artkit predict` printed, and its notes."""
    result = artkit("predict", *arguments, **settings)
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout))), result.stderr


def refused(*arguments):
    result = artkit("predict", *arguments)
    assert isinstance(result.exception, (ArtkitError, ShardsError)), result.output
    return str(result.exception)


@pytest.fixture(scope="module")
def images(uneven_shards, tmp_path_factory):
    """The test images as files, as they are in the shards, under the names that they were converted from."""
    folder = tmp_path_factory.mktemp("images")
    split = open_dataset(uneven_shards).split("test")
    for row, file in enumerate(split.files):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(split.read(row))
    return folder


def picture(path, colour=(200, 30, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 20), colour).save(path)
    return path


def png_of(width, height):
    """A PNG that claims a size, and has few pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("options", [(), ("--tau", "1"), ("--batch-size", "3")])
def test_files_get_the_probabilities_of_evaluate(uneven_run, images, tmp_path, options):
    judged = [] if "--batch-size" in options else options
    assert artkit("evaluate", uneven_run, *judged, "--out", tmp_path / "judged").exit_code == 0
    with (tmp_path / "judged" / "predictions.csv").open() as file:
        evaluated = {row["file"]: row for row in csv.DictReader(file)}
    rows, _ = predicted(uneven_run, images, *options)
    assert {row["file"].removeprefix(f"{images}/") for row in rows} == set(evaluated)
    for row in rows:
        expected = evaluated[row["file"].removeprefix(f"{images}/")]
        assert row["predicted"] == expected["predicted"]
        assert float(row["p"]) == pytest.approx(float(expected["p_predicted"]), abs=1e-4)


def test_files_tars_data_sets_and_lists_give_the_same(uneven_run, uneven_shards, images, tmp_path):
    def answers(*arguments, **settings):
        rows, _ = predicted(uneven_run, *arguments, **settings)
        # Batches are others in another order, so last digits are as well.
        return sorted(row["predicted"] for row in rows), sorted(float(row["p"]) for row in rows)

    names, p = answers(images)
    assert len(p) == len(open_dataset(uneven_shards).split("test"))
    expected = (names, pytest.approx(p, abs=1e-5))
    assert answers(uneven_shards, "--split", "test") == expected
    assert answers(*uneven_shards.glob("test-*.tar")) == expected
    listed = "\n".join(str(path) for path in images.rglob("*.jpg"))
    assert answers("-", input=listed) == expected
    with tarfile.open(tmp_path / "all.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(images, "any/folder")
    assert answers(tmp_path / "all.tar") == expected


def test_columns_are_those_that_pandas_reads_at_once(uneven_run, images, tmp_path):
    out = tmp_path / "new" / "answers.csv"
    result = artkit("predict", uneven_run, images, "--no-unknown", "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    table = pd.read_csv(out)
    assert list(table) == ["file", "predicted", "p", "second", "p_second", "third", "p_third"]
    assert np.allclose(table[["p", "p_second", "p_third"]].sum(axis=1), 1, atol=1e-4)
    assert (table.p >= table.p_second).all()
    assert f"{len(table)} images answered: {out}" in result.stderr


def test_as_many_classes_are_named_as_are_wanted_and_there_are(uneven_run, images):
    certain = (uneven_run, images, "--no-unknown")
    assert list(predicted(*certain, "--top", 1)[0][0]) == ["file", "predicted", "p"]
    assert list(predicted(*certain, "--top", 9)[0][0])[-1] == "p_third"


def test_images_stranger_than_the_threshold_of_the_run_are_unknown(uneven_run, images):
    (target,) = json.loads((uneven_run / "calibration.json").read_text())["targets"].values()
    threshold = target["thresholds"]["msp"]
    rows, _ = predicted(uneven_run, images)
    assert list(rows[0])[:4] == ["file", "predicted", "best", "p"]
    for row in rows:
        is_unknown = float(row["unknown_score"]) > threshold
        assert row["predicted"] == ("unknown" if is_unknown else row["best"])
        assert row["is_unknown"] == str(is_unknown)
        assert float(row["unknown_score"]) == pytest.approx(1 - float(row["p"]), abs=1e-5)
    named, _ = predicted(uneven_run, images, "--no-unknown")
    assert [row["predicted"] for row in named] == [row["best"] for row in rows]


def test_a_class_named_unknown_is_told_from_unknown_images(uneven_run, images, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(uneven_run, run)
    weights = find_weights(run)
    checkpoint = load_checkpoint(weights)
    checkpoint["targets"][0]["class_names"] = ["unknown", "unknown to all", "some"]
    save_checkpoint(weights, checkpoint)
    calibration = json.loads((run / "calibration.json").read_text())
    calibration["targets"]["class"]["thresholds"]["msp"] = 1.0
    (run / "calibration.json").write_text(json.dumps(calibration | {"sha256": digest_of(weights)}))
    rows, notes = predicted(run, images)
    assert "the model has a class 'unknown'" in notes
    assert "is_unknown tells which they are" in notes
    assert {row["is_unknown"] for row in rows} == {"False"}
    assert [row["predicted"] for row in rows] == [row["best"] for row in rows]
    assert "a class 'unknown'" not in predicted(run, images, "--no-unknown")[1]
    assert "a class 'unknown'" not in predicted(uneven_run, images)[1]


def test_several_targets_have_columns_of_their_own(two_target_run, two_target_shards):
    rows, _ = predicted(two_target_run, two_target_shards, "--split", "test", "--top", 2, "--no-unknown")
    assert list(rows[0]) == [
        *("file", "predicted", "p", "second", "p_second"),
        *("style_predicted", "style_p", "style_second", "style_p_second"),
    ]
    assert {row["predicted"] for row in rows} <= {"A", "B", "C"}
    assert all(float(row["style_p"]) + float(row["style_p_second"]) == pytest.approx(1, abs=1e-5) for row in rows)


def test_json_has_an_object_a_line_with_the_same_content(two_target_run, two_target_shards):
    arguments = (two_target_run, two_target_shards, "--split", "test", "--no-unknown")
    rows, _ = predicted(*arguments)
    result = artkit("predict", *arguments, "--json")
    objects = [json.loads(line) for line in result.stdout.splitlines()]
    for row, one in zip(rows, objects, strict=True):
        assert list(one) == ["file", "predicted", "p", "top", "others"]
        assert (one["file"], one["predicted"], one["p"]) == (row["file"], row["predicted"], float(row["p"]))
        assert [guess["name"] for guess in one["top"]] == [row["predicted"], row["second"], row["third"]]
        assert one["others"]["style"]["predicted"] == row["style_predicted"]


def test_mirror_images_can_be_left_out(uneven_run, images):
    both, alone = predicted(uneven_run, images)[0], predicted(uneven_run, images, "--no-tta")[0]
    assert [row["p"] for row in both] != [row["p"] for row in alone]


def test_other_weights_can_be_used(uneven_run, images):
    assert predicted(uneven_run, images, "--weights", "loss")[0]
    assert "has no weights best_macro_recall.safetensors" in refused(uneven_run, images, "--weights", "macro_recall")


@pytest.fixture
def mixed(tmp_path):
    """A folder with two images and much that is none, under the names of images; and what must be told of each."""
    folder = tmp_path / "mixed"
    picture(folder / "good.png")
    picture(folder / "x.jpg" / "good too.jpg")
    whole = io.BytesIO()
    Image.effect_noise((90, 90), 50).save(whole, "JPEG")
    expected = {
        "bomb.png": (png_of(60_000, 60_000), "too many pixels: 60000x60000"),
        "empty.jpg": (b"", "empty file"),
        "page.png": (b"<!DOCTYPE html><html></html>", "not an image"),
        "drawing.jpg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image"),
        "short.jpg": (whole.getvalue()[:200], ""),
        "zeros.png": (bytes(1 << 20), "not an image"),
        "header.png": (b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 0x7FFFFFFF) + b"IHDR", ""),
    }
    for name, (data, _) in expected.items():
        (folder / name).write_bytes(data)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "round.jpg").symlink_to(folder / "round.jpg")
    (folder / "to-folder.jpg").symlink_to(folder)
    reasons = {name: reason for name, (_, reason) in expected.items()}
    return folder, reasons | {
        "pipe.jpg": "not a regular file",
        "round.jpg": "cannot be read: Too many levels of symbolic links",
        "to-folder.jpg": "cannot be read: Is a directory",
    }


def test_what_cannot_be_used_is_told_at_the_end_and_stops_nothing(uneven_run, mixed, tmp_path):
    folder, reasons = mixed
    rows, notes = predicted(uneven_run, folder, "--rejects", tmp_path / "rejects.csv")
    assert [row["file"] for row in rows] == [f"{folder}/good.png", f"{folder}/x.jpg/good too.jpg"]
    with (tmp_path / "rejects.csv").open() as file:
        told = {row["file"].removeprefix(f"{folder}/"): row["reason"] for row in csv.DictReader(file)}
    assert told.keys() == reasons.keys()
    assert all(told[name].startswith(reason) for name, reason in reasons.items())
    assert f"{len(reasons)} files could not be used: not an image (3), cannot be read (2)" in notes
    assert f"{folder}/bomb.png: too many pixels: 60000x60000\n" in notes
    assert "2 images answered" in notes


def test_without_a_single_answer_the_exit_code_is_1(uneven_run, tmp_path):
    (tmp_path / "one.jpg").write_bytes(b"no image")
    result = artkit("predict", uneven_run, tmp_path / "one.jpg")
    assert result.exit_code == 1
    assert "1 file could not be used: not an image (1)" in result.stderr
    assert "0 images answered" in result.stderr
    assert artkit("predict", uneven_run, "-", input="").exit_code == 1


def test_mistakes_are_told_before_any_work(uneven_run, images, tmp_path):
    answers, pictures = tmp_path / "answers.csv", tmp_path / "pictures"
    answers.write_text("mine")
    picture(pictures / "1.png")
    options = ("--out", tmp_path / "out.csv")
    assert "nowhere.png cannot be used: No such file" in refused(uneven_run, images, "nowhere.png", *options)
    assert "is not a run folder" in refused(tmp_path, images, "--rejects", tmp_path / "rejects.csv", *options)
    assert "--tau inf is no finite number" in refused(uneven_run, images, "--tau", "inf", *options)
    assert "answers.csv is there already; name another --out" in refused(uneven_run, images, "--out", answers)
    assert "name another --rejects" in refused(uneven_run, images, "--rejects", answers, *options)
    assert "pictures is not empty; name another --mosaic" in refused(uneven_run, images, "--mosaic", pictures)
    assert "1.png is there already; name another --mosaic" in refused(
        uneven_run, images, "--mosaic", pictures / "1.png"
    )
    assert "answers.csv/a.csv cannot be written (" in refused(uneven_run, images, "--out", answers / "a.csv")
    assert "has no split 'tset'" in refused(uneven_run, open_dataset_path(uneven_run), "--split", "tset")
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "rejects.csv").exists(), "the same command can be given again"
    assert answers.read_text() == "mine"


def open_dataset_path(run):
    return json.loads((run / "run.json").read_text())["data"]["path"]


def test_pictures_are_shown_on_as_many_sheets_as_it_takes(uneven_run, tmp_path):
    for number in range(TILES + 1):
        picture(tmp_path / "images" / f"{number:03d}.png", (number, 2 * number, 90))
    (tmp_path / "images" / "999.png").write_bytes(b"no image")
    _, notes = predicted(uneven_run, tmp_path / "images", "--mosaic", tmp_path / "sheets")
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["sheet-0001.png", "sheet-0002.png"]
    assert "has 2 sheets of images" in notes
    first, second = (np.array(Image.open(tmp_path / "sheets" / f"sheet-000{n}.png")) for n in (1, 2))
    colours = {tuple(colour) for colour in first.reshape(-1, 3)}
    assert {(number, 2 * number, 90) for number in range(TILES)} <= colours
    assert (TILES, 2 * TILES, 90) in {tuple(colour) for colour in second.reshape(-1, 3)}
    assert first.shape[0] > second.shape[0]
    _, notes = predicted(uneven_run, tmp_path / "images", "--mosaic", tmp_path / "one.png")
    assert np.array_equal(np.array(Image.open(tmp_path / "one.png")), first)
    assert f"one.png shows the first {TILES} of {TILES + 1} images; a folder would get sheets of all" in notes


def test_a_name_of_any_length_and_content_is_shown(uneven_run, tmp_path):
    name = "a\x1b[31m\n" + "ü" * 100 + ".png"
    picture(tmp_path / "images" / name)
    (tmp_path / "images" / f"no{name}").write_bytes(b"")
    given = f"{tmp_path / 'images'}\n{'x' * 90_000}.png"
    rows, notes = predicted(uneven_run, "-", "--mosaic", tmp_path / "sheet.png", input=given)
    assert [row["file"] for row in rows] == [f"{tmp_path / 'images'}/{name}"]
    assert "\x1b" not in notes
    assert "cannot be read: File name too long" in notes
    assert len(notes) < 3000


@pytest.mark.slow
def test_a_reader_that_goes_away_leaves_no_traceback(uneven_run, images):
    command = [sys.executable, "-m", "artkit", "predict", str(uneven_run), str(images)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        notes = process.stderr.read()
    assert "Traceback" not in notes
    assert "BrokenPipe" not in notes


PEAK = """
import resource, sys
from artkit.cli import app
app(["predict", *sys.argv[1:]], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(uneven_run, images):
    def peak_megabytes(count):
        command = [sys.executable, "-c", PEAK, str(uneven_run), "-"]
        listed = f"{next(images.rglob('*.jpg'))}\n" * count
        done = subprocess.run(command, input=listed, capture_output=True, text=True, check=True)
        assert done.stdout.count("\n") == count + 1
        return int(done.stderr.split()[-1]) / 1024

    assert peak_megabytes(5000) - peak_megabytes(500) < 15
