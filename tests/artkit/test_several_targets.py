"""A run that learns artist and style at once: its options, its files, and all that is done with it afterwards."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.checkpoint import load_checkpoint
from artkit.engine.evaluating import evaluate
from artkit.engine.trained import find_weights, load_trained
from artkit.errors import ArtkitError
from artkit_shards import Record, Settings, convert, open_dataset

OPTIONS = ("--epochs", 2, "--batch-size", 4, "--image-size", 16, "--set", "model.width=8", "--set", "data.threads=1")
FILES = (
    "predictions.csv",
    "per_class.csv",
    "test_metrics.json",
    "confusion.csv",
    "confusion.png",
    "confused_pairs.csv",
    "per_class.png",
    "top_losses.csv",
    "saliency.png",
)
BOTH = ("--target", "artist", "--target", "style")


def artkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments):
    result = artkit(*arguments)
    assert isinstance(result.exception, ArtkitError), result.output
    return str(result.exception)


def facts(run):
    return json.loads((run / "run.json").read_text())


def evaluated(run, *arguments):
    result = artkit("evaluate", run, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def told(two_target_shards, tmp_path_factory):
    """A finished run, with mirrored images and a weight of a class in either target, and what it printed."""
    run = tmp_path_factory.mktemp("both") / "run"
    options = ("--set", "train.tta=true", "--loss", "weighted-cross-entropy", "--set", "loss.weights=A=2,line=3")
    result = artkit("run", "--data", two_target_shards, *BOTH, *options, *OPTIONS, "--out", run)
    assert result.exit_code == 0, result.output
    return run, result.output


@pytest.fixture(scope="module")
def run(told):
    return told[0]


def test_each_target_has_files_in_a_folder_of_its_own(run):
    for target, classes in {"artist": {"A", "B", "C"}, "style": {"flat", "line"}}.items():
        assert all((run / target / name).is_file() for name in FILES)
        assert (run / target / "mosaics" / "top_losses.png").is_file()
        with (run / target / "predictions.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert {row["true"] for row in rows} == classes
    assert len(rows) == 6, "images without a style are not judged by it"
    assert not any((run / name).exists() for name in FILES)


def test_the_first_target_names_its_values_as_if_it_were_alone_and_others_have_their_name_in_them(run):
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ("accuracy", "macro_recall", "macro_f1", "loss")
    expected = {"train_accuracy", "train_style_accuracy", "best_accuracy", "best_loss", "train_artist_loss"}
    expected |= {"train_loss", "train_style_loss"}
    expected |= {f"val_{name}" for name in names} | {f"val_style_{name}" for name in names}
    assert expected <= rows[0].keys()
    best = max(float(row["val_accuracy"]) for row in rows)
    assert facts(run)["best"]["accuracy"]["value"] == best


def test_the_console_has_a_column_and_a_line_for_further_targets(told):
    lines = told[1].splitlines()
    assert any("val acc" in line and "style acc" in line for line in lines)
    assert any("3 classes of artist, 2 classes of style" in line for line in lines)
    assert any(line.startswith("Result on test: artist: 9 images") for line in lines)
    figures = facts(told[0])["tested"]["others"]["style"]
    expected = f"Result on test: style: accuracy {100 * figures['metrics']['accuracy']:.1f} %"
    assert any(line.startswith(expected) and line.endswith("; 6 images") for line in lines)
    assert any(
        "7 images of 'train' without a class in 'style', which is learnt from the others" in line for line in lines
    )
    assert any(
        "3 images of 'test' without a class in 'style': figures are those of the others" in line for line in lines
    )


def test_the_report_has_a_section_for_each_target(run):
    page = (run / "report.html").read_text()
    for target in ("artist", "style"):
        assert f"Accuracy of {target} on test" in page
        assert f"Classes of {target}</h2>" in page
        assert f"Confusion matrix: {target}" in page
    assert page.count("Best epoch") == 1


@pytest.mark.parametrize("split", ["test", "val"])
def test_an_evaluation_gives_the_figures_of_the_run_digit_for_digit(run, split):
    # A run tests itself in float32, and validates in what it trains in.
    precision = "float32" if split == "test" else facts(run)["recipe"]["train.precision"]
    said = evaluated(run, "--split", split, "--precision", precision)
    if split == "test":
        own = facts(run)["tested"]
        expected = {"artist": own["metrics"], "style": own["others"]["style"]["metrics"]}
    else:
        with (run / "metrics.csv").open() as file:
            row = list(csv.DictReader(file))[facts(run)["best"]["accuracy"]["epoch"]]
        names = ("accuracy", "macro_recall", "macro_f1", "loss")
        expected = {"artist": {name: float(row[f"val_{name}"]) for name in names}}
        expected["style"] = {name: float(row[f"val_style_{name}"]) for name in names}
    assert said["target"] == "artist"
    assert {"artist": said["metrics"], "style": said["others"]["style"]["metrics"]} == expected
    assert said["others"]["style"]["without_class"] == {"test": 3, "val": 2}[split]
    assert said["others"]["style"]["intervals"].keys() == said["intervals"].keys()


def test_an_evaluation_leaves_the_tables_of_the_run(run, tmp_path):
    result = artkit("evaluate", run, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for target in ("artist", "style"):
        ours, theirs = (folder / target / "predictions.csv" for folder in (tmp_path / "out", run))
        assert ours.read_bytes() == theirs.read_bytes()
    assert "artist: test of" in result.output
    assert "style: test of" in result.output
    assert "artist/predictions.csv is there already" in refused("evaluate", run, "--out", run)


def test_tau_takes_out_the_prior_of_each_target(run, two_target_shards):
    trained, dataset = load_trained(find_weights(run)), open_dataset(two_target_shards)
    plain, shifted = (evaluate(trained, dataset, dataset.split("test"), tau=tau).targets for tau in (0.0, 1.0))
    for head, before, after in zip(trained.heads, plain, shifted, strict=True):
        expected = before.predictions.probabilities / head.class_counts
        expected /= expected.sum(axis=1, keepdims=True)
        assert after.predictions.probabilities == pytest.approx(expected)


def test_probabilities_of_each_target_add_up_to_one_also_where_mirrored_images_are_judged(run, two_target_shards):
    trained, dataset = load_trained(find_weights(run)), open_dataset(two_target_shards)
    assert trained.recipe.train.tta
    for target in evaluate(trained, dataset, dataset.split("test")).targets:
        np.testing.assert_allclose(target.predictions.probabilities.sum(axis=1), 1)


def pictures(folder, labels_of):
    """A data set of nine plain pictures with these labels, all of them in the test."""
    from io import BytesIO

    from PIL import Image

    records = []
    for number in range(9):
        file = BytesIO()
        Image.new("RGB", (16, 16), (20 * number, 0, 0)).save(file, "PNG")
        labels = {target: names[number % len(names)] for target, names in labels_of.items()}
        split = "train" if number < 4 else "test"
        records.append(Record(file.getvalue(), f"{number}.png", labels, split))
    convert(records, folder, Settings(duplicates="keep"), workers=1)
    return folder


def test_other_data_are_judged_in_the_targets_that_they_tell(run, tmp_path):
    data = pictures(tmp_path / "styles", {"year": ["1900", "1901", "1900"], "style": ["line", "flat"]})
    said = evaluated(run, "--data", data)
    assert (said["target"], said["images"], said["others"]) == ("style", 5, {})
    assert "no image has a class in 'artist' that the model knows" in artkit("evaluate", run, "--data", data).output
    data = pictures(tmp_path / "years", {"year": ["1900", "1901"]})
    assert "has the targets year, and the model knows artist, style" in refused("evaluate", run, "--data", data)


def test_a_model_keeps_its_head_in_a_run_of_the_same_targets_only(run, two_target_shards, tmp_path):
    def start(*targets):
        options = ("--set", f"model.weights={run}", "--quiet", "--set", "optimizer.lr=1e-30", "--set", "train.ema=0")
        out = tmp_path / "-".join(targets)
        names = [word for target in targets for word in ("--target", target)]
        result = artkit("run", "--data", two_target_shards, *names, *OPTIONS, *options, "--epochs", 1, "--out", out)
        assert result.exit_code == 0, result.output
        return result.output

    assert "its head starts anew" not in start("artist", "style")
    assert "its head starts anew" in start("style", "artist")


def test_runs_are_compared_by_the_first_target_or_by_the_one_that_is_chosen(run, two_target_shards, tmp_path):
    other = tmp_path / "style"
    result = artkit("run", "--data", two_target_shards, "--target", "style", *OPTIONS, "--quiet", "--out", other)
    assert result.exit_code == 0, result.output
    assert (other / "predictions.csv").is_file(), "a run of one target has its files where they always are"
    assert [target["name"] for target in facts(other)["data"]["targets"]] == ["style"]
    assert load_checkpoint(find_weights(other))["targets"][0]["class_names"] == ["flat", "line"]
    assert evaluated(other)["metrics"] == facts(other)["tested"]["metrics"]

    compared = json.loads(artkit("compare", run, other, "--target", "style", "--json").stdout)
    figures = [each["metrics"] for each in compared["runs"]]
    assert figures == [facts(run)["tested"]["others"]["style"]["metrics"], facts(other)["tested"]["metrics"]]
    assert compared["differences"][0]["images"] == 6
    compared = json.loads(artkit("compare", run, other, "--json").stdout)
    assert [each["target"] for each in compared["runs"]] == ["artist", "style"]
    assert any("tells 'style'" in note and "'artist': no paired comparison" in note for note in compared["notes"])
    message = refused("compare", run, other, "--target", "artits")
    assert "has not learnt 'artits', only artist, style. Did you mean 'artist'?" in message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--target", "stlye"), "has no target 'stlye', only artist, style. Did you mean 'style'?"),
        (("--target", "artist", "--target", "artist"), "targets has a name twice (artist, artist); give each once"),
        (("--set", "data.target_weights=style=2"), "target_weights has 'style', which is not learnt, only artist"),
        (("--set", "data.target_weights=artist=0"), "all target_weights are 0, so nothing would be learnt"),
        (("--set", "data.target_weights=artist=-1"), "artist=-1.0 is out of bounds; it must be >= 0"),
        (
            (*BOTH, "--loss", "weighted-cross-entropy", "--set", "loss.weights=lien=3"),
            "has the class 'lien', which the data set does not have. Did you mean 'line'?",
        ),
    ],
    ids=["unknown", "twice", "weight-of-another", "no-weight", "negative", "class-of-none"],
)
def test_mistakes_are_told_before_anything_is_written(two_target_shards, tmp_path, options, said):
    message = refused("run", "--data", two_target_shards, *OPTIONS, *options, "--out", tmp_path / "run")
    assert said in message
    assert not (tmp_path / "run").exists()


def test_a_learning_rate_is_found_for_two_targets(two_target_shards, tmp_path):
    options = (*OPTIONS, *BOTH, "--epochs", 3, "--find-lr", "--out", tmp_path, "--json")
    result = artkit("run", "--data", two_target_shards, *options)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["learning_rate"] > 0


@pytest.mark.parametrize("method", ["crt", "lws", "tau-norm"])
def test_a_head_is_trained_anew_for_all_targets(run, tmp_path, method):
    result = artkit("retrain", run, "--method", method, "--epochs", 3, "--out", tmp_path / "again", "--quiet")
    assert result.exit_code == 0, result.output
    tested = facts(tmp_path / "again")["tested"]
    figures = evaluated(tmp_path / "again")
    assert figures["metrics"] == tested["metrics"]
    assert figures["others"]["style"]["metrics"] == tested["others"]["style"]["metrics"]
    before, after = (load_checkpoint(find_weights(folder))["model"] for folder in (run, tmp_path / "again"))
    changed = {name for name in before if not before[name].equal(after[name])}
    assert {"fc.bias"} <= changed <= {"fc.weight", "fc.bias"}
    if method == "crt":
        assert (before["fc.weight"] != after["fc.weight"]).any(dim=1).all(), "every class of every target is new"
    compared = artkit("compare", run, tmp_path / "again", "--target", "style", "--json")
    assert [each["images"] for each in json.loads(compared.stdout)["differences"]] == [6]
