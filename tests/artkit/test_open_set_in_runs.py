"""Strangers and calibration of real runs: what the end of a run leaves, and that an evaluation says the same."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine import job
from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.engine.evaluating import answer_split, evaluate
from artkit.engine.evaluation import mean_answers, softmax
from artkit.engine.open_set.bank import FEATURES
from artkit.engine.open_set.calibration import CALIBRATION, calibrate, digest_of, read_calibration
from artkit.engine.open_set.features import split_features
from artkit.engine.open_set.fitted import load_temperatures
from artkit.engine.open_set.judgement import SplitAnswers
from artkit.engine.open_set.rule import load_unknown_rule, read_rule
from artkit.engine.open_set.scores import LOGIT_SCORES, energy, msp, unit_length
from artkit.engine.open_set.strangers import find_strangers
from artkit.engine.predicting import Answers
from artkit.engine.structure import find_head
from artkit.engine.trained import find_weights, load_trained
from artkit.errors import ArtkitError, RunError
from artkit.recipe import CommandLine, resolve_recipe, retraining_layer
from artkit.recipe.layers import read_recipe_file
from artkit.registry import load_registry
from artkit_shards import Record, Settings, convert, open_dataset

REPORTERS = ("metrics", "predictions")


def artkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def figures(*arguments):
    result = artkit("evaluate", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def carried_out(folder, data, *assignments, plugins=(), model="small-resnet", targets=(), notes=None):
    """A short run; gives its folder."""
    layer = {
        "plugins": [str(file) for file in plugins],
        "data": {"path": str(data), "image_size": 16, "threads": 1, "targets": list(targets)},
        "train": {"epochs": 2, "batch_size": 4},
        "model": {"name": model, **({"width": 8} if model == "small-resnet" else {})},
        "reporter": [{"name": name} for name in REPORTERS],
    }
    recipe = resolve_recipe(layer, CommandLine(assignments=assignments), load_registry(plugins))
    tell = (lambda _: None) if notes is None else notes.append
    return job.start(recipe, plugins=[], out=folder, warn=tell).folder


def final(run):
    return json.loads((run / "run.json").read_text())["tested"]


def calibration(run):
    return json.loads((run / CALIBRATION).read_text())


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(held_out_shards, tmp_path_factory):
    """A finished run on data with held-out classes, judged with mirror images as by default."""
    return carried_out(tmp_path_factory.mktemp("open-set") / "run", held_out_shards, "unknown.score=energy")


@pytest.fixture
def copy(run, tmp_path):
    """A copy of the run, to do anything to."""
    return shutil.copytree(run, tmp_path / "run")


# --- the end of a run -----------------------------------------------------------------------------------------------


def test_a_run_leaves_what_validation_says_of_temperature_and_thresholds(run, held_out_shards):
    trained, dataset = load_trained(find_weights(run)), open_dataset(held_out_shards)
    validation = dataset.split("val")
    judged = evaluate(trained, dataset, validation).targets[0]
    said = calibration(run)
    assert (said["split"], said["weights"]) == ("val", find_weights(run).name)
    assert said["sha256"] == digest_of(find_weights(run))
    assert said["accept"] == 0.95
    target = said["targets"]["class"]
    assert target["images"] == len(validation)
    assert target["nll"]["before"] == pytest.approx(judged.predictions.metrics["loss"])
    assert target["nll"]["after"] <= target["nll"]["before"]
    for name in LOGIT_SCORES:
        scores = judged.open_set.scores[name]
        assert target["thresholds"][name] == np.sort(scores)[8], "95 % of nine images are all of them"


def test_an_evaluation_gives_the_figures_of_the_run_digit_for_digit(run):
    said, own = figures(run), final(run)
    assert {name: said[name] for name in ("metrics", "open_set", "calibration")} == {
        name: own[name] for name in ("metrics", "open_set", "calibration")
    }
    assert said["open_set"]["strangers"] == 10
    assert said["open_set"]["score"] == "energy"
    assert said["open_set"]["scores"].keys() == LOGIT_SCORES.keys()
    energies = said["open_set"]["scores"]["energy"]
    assert said["metrics"]["unknown_auroc"] == energies["auroc"]
    assert said["metrics"]["unknown_fpr95"] == energies["fpr95"]
    assert energies["threshold"] == calibration(run)["targets"]["class"]["thresholds"]["energy"]


def test_an_evaluation_leaves_the_tables_of_the_run(run, tmp_path):
    assert artkit("evaluate", run, "--out", tmp_path / "out").exit_code == 0
    for name in ("predictions.csv", "unknown.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (run / name).read_bytes()


def test_the_table_of_strangers_names_their_classes_and_all_scores(run):
    rows = rows_of(run / "unknown.csv")
    assert list(rows[0]) == ["key", "file", "class", "predicted", "p_predicted", "msp", "energy", "max-logit"]
    assert [row["class"] for row in rows].count("grey") == 6
    assert {row["class"] for row in rows} == {"grey", "white"}
    assert all(row["file"].startswith(f"{row['class']}/") for row in rows)
    assert {row["predicted"] for row in rows} <= {"blue", "green", "red"}
    for row in rows:
        assert float(row["msp"]) == pytest.approx(1 - float(row["p_predicted"]), abs=1e-5)


def test_the_chosen_score_is_that_of_predictions_and_its_figures_are_those_of_the_tables(run, held_out_shards):
    known = [float(row["unknown_score"]) for row in rows_of(run / "predictions.csv")]
    strange = [float(row["energy"]) for row in rows_of(run / "unknown.csv")]
    expected = roc_auc_score([0] * len(known) + [1] * len(strange), known + strange)
    assert final(run)["metrics"]["unknown_auroc"] == pytest.approx(expected, abs=0.02)
    assert len({f"{score:.3f}" for score in known}) > 1, "mirror images leave an energy that says something"


def test_a_resumed_run_ends_as_one_that_was_not_cut_off(run, held_out_shards, tmp_path):
    cut = tmp_path / "cut"
    shutil.copytree(run, cut)
    facts = json.loads((cut / "run.json").read_text())
    (cut / "run.json").write_text(json.dumps({**facts, "status": "running", "tested": None}))
    for name in (CALIBRATION, "unknown.csv", "predictions.csv"):
        (cut / name).unlink()
    recipe = resolve_recipe(read_recipe_file(cut / "recipe.toml"), CommandLine(), load_registry())
    job.resume(recipe, cut, warn=lambda _: None)
    assert final(cut) == final(run)
    for name in (CALIBRATION, "unknown.csv", "predictions.csv"):
        assert (cut / name).read_bytes() == (run / name).read_bytes()


def test_the_largest_probability_decides_unless_the_recipe_says_otherwise(held_out_shards, tmp_path):
    run = carried_out(tmp_path / "run", held_out_shards, "unknown.accept=0.5", "train.epochs=1")
    assert final(run)["open_set"]["score"] == figures(run)["open_set"]["score"] == "msp"
    assert calibration(run)["accept"] == 0.5
    predictions = rows_of(run / "predictions.csv")
    assert float(predictions[0]["unknown_score"]) == pytest.approx(1 - float(predictions[0]["p_predicted"]), abs=1e-5)


def test_a_run_without_validation_fits_nothing_and_says_so_once(tmp_path):
    records = []
    generator = np.random.default_rng(0)
    for number in range(18):
        file = io.BytesIO()
        Image.fromarray(generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(file, "PNG")
        split = "train" if number < 12 else "test"
        records.append(Record(file.getvalue(), f"{number}.png", {"class": "ab"[number % 2]}, split))
    convert(records, tmp_path / "shards", Settings(duplicates="keep"), workers=1)
    notes = []
    run = carried_out(tmp_path / "run", tmp_path / "shards", notes=notes)
    assert not (run / CALIBRATION).exists()
    assert sum("neither a temperature nor a threshold for unknown classes is fitted" in note for note in notes) == 1
    own = final(run)
    assert "calibration" not in own
    assert "threshold" not in own["open_set"]["scores"]["energy"]
    assert figures(run)["open_set"] == own["open_set"]
    assert load_unknown_rule(run, load_trained(find_weights(run))) is None
    result = artkit("predict", run, tmp_path / "shards", "--split", "test")
    assert "no threshold for unknown classes was fitted to these weights" in result.stderr
    assert result.stdout.startswith("file,predicted,p,")


def test_data_without_strangers_have_figures_of_the_known_alone(shape_shards, tmp_path):
    run = carried_out(tmp_path / "run", shape_shards, "train.epochs=1")
    own = final(run)
    assert own["open_set"]["strangers"] == 0
    assert "unknown_auroc" not in own["metrics"]
    assert {"aurc", "threshold", "trained_accuracy"} <= own["open_set"]["scores"]["energy"].keys()
    assert not (run / "unknown.csv").exists()
    output = artkit("evaluate", run).output
    assert "that are least strange (msp): " in output
    assert "strangers: " not in output


def test_a_retrained_head_is_calibrated_too(run, tmp_path):
    weights = find_weights(run)
    layer = retraining_layer(read_recipe_file(run / "recipe.toml"), weights)
    recipe = resolve_recipe(layer, CommandLine(assignments=["train.epochs=2"]), load_registry())
    retrained = job.start(recipe, plugins=[], out=tmp_path / "retrained", warn=lambda _: None).folder
    assert calibration(retrained)["sha256"] == digest_of(find_weights(retrained)) != calibration(run)["sha256"]
    assert figures(retrained)["open_set"] == final(retrained)["open_set"]


# --- several targets ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A run that learns artist and style, on data where the artist C was held out, whose styles are known."""
    generator = np.random.default_rng(0)
    records = []
    for split, count in {"train": 12, "val": 6, "test": 6}.items():
        for number in range(count):
            file = io.BytesIO()
            Image.fromarray(generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(file, "PNG")
            labels = {"artist": "ABC"[number % 3], "style": ("flat", "line")[number % 2]}
            records.append(Record(file.getvalue(), f"{split}/{number:02d}.png", labels, split))
    folder = tmp_path_factory.mktemp("both")
    convert(records, folder / "shards", Settings(duplicates="keep", hold_out=("C",)), workers=1)
    return carried_out(folder / "run", folder / "shards", targets=("artist", "style"))


def test_each_target_is_calibrated_and_a_held_out_artist_is_no_stranger_to_styles(both):
    assert calibration(both)["targets"].keys() == {"artist", "style"}
    own = final(both)
    assert own["open_set"]["strangers"] == 8
    assert own["others"]["style"]["open_set"]["strangers"] == 0
    assert (both / "artist" / "unknown.csv").is_file()
    assert not (both / "style" / "unknown.csv").exists()
    said = figures(both)
    assert (said["open_set"], said["calibration"]) == (own["open_set"], own["calibration"])
    assert said["others"]["style"]["open_set"] == own["others"]["style"]["open_set"]


def test_strangers_are_images_with_a_class_that_is_not_known(both):
    dataset = open_dataset(both.parent / "shards")
    unknown = dataset.split("unknown")
    assert len(find_strangers(unknown, "artist", ("A", "B"))) == 8
    assert len(find_strangers(unknown, "artist", ("A", "B", "C"))) == 0, "another model may know them"
    assert len(find_strangers(unknown, "style", ("flat",))) == 0


# --- evaluation -----------------------------------------------------------------------------------------------------


def test_the_table_of_scores_says_which_decides(run):
    output = artkit("evaluate", run).output
    own = final(run)["open_set"]["scores"]["energy"]
    assert "strangers: 10 images of 2 classes that training never saw" in output
    (line,) = [line for line in output.splitlines() if line.startswith("energy *")]
    assert line.split()[2:4] == [f"{own['auroc']:.3f}", f"{100 * own['fpr95']:.1f}"]
    assert any(line.split()[:1] == ["msp"] for line in output.splitlines())
    assert f"temperature {final(run)['calibration']['temperature']:.2f}: calibration error" in output


def test_another_score_decides_if_it_is_asked_for(run):
    said = figures(run, "--unknown-score", "max-logit")
    assert said["open_set"]["score"] == "max-logit"
    assert said["open_set"]["scores"] == final(run)["open_set"]["scores"]
    assert said["metrics"]["unknown_auroc"] == said["open_set"]["scores"]["max-logit"]["auroc"]


def test_other_weights_than_the_selected_have_no_threshold(copy):
    assert find_weights(copy).name == "best_accuracy.safetensors"
    checkpoint = load_checkpoint(copy / "best_loss.safetensors")
    save_checkpoint(copy / "best_loss.safetensors", {**checkpoint, "epoch": 77})
    result = artkit("evaluate", copy, "--weights", "loss")
    assert "calibration.json of the run is about other weights" in result.output
    assert "temperature" not in result.stdout


def test_tau_changes_no_score_and_leaves_out_the_temperature(run):
    plain, shifted = figures(run), figures(run, "--tau", "1")
    assert "calibration" not in shifted
    for name in ("auroc", "fpr95", "threshold"):
        assert shifted["open_set"]["scores"]["energy"][name] == plain["open_set"]["scores"]["energy"][name]


def test_a_damaged_calibration_is_told(copy):
    (copy / CALIBRATION).write_text('{"targets": 3}')
    result = artkit("evaluate", copy)
    assert isinstance(result.exception, ArtkitError)
    assert "calibration.json cannot be read" in str(result.exception)
    assert "or remove it" in str(result.exception)
    (copy / CALIBRATION).unlink()
    assert "calibration" not in figures(copy)


def test_a_calibration_that_is_written_and_read_is_the_same(run):
    found = read_calibration(run, digest_of(find_weights(run)))
    assert found.to_plain() == calibration(run)
    assert read_calibration(run, "0" * 64) is None


# --- neighbours -----------------------------------------------------------------------------------------------------


def test_knn_is_computed_when_it_is_asked_for_and_kept(copy, held_out_shards):
    assert not (copy / FEATURES).exists()
    said = figures(copy, "--unknown-score", "knn")
    assert said["open_set"]["score"] == "knn"
    found = said["open_set"]["scores"]["knn"]
    assert {"auroc", "fpr95", "threshold", "unexpected_accuracy"} <= found.keys()
    kept = (copy / FEATURES).read_bytes()
    content = load_checkpoint(copy / FEATURES)
    dataset = open_dataset(held_out_shards)
    assert len(content["train"]) == len(dataset.split("train"))
    assert torch.linalg.vector_norm(content["train"], dim=1).numpy() == pytest.approx(1, abs=1e-5)
    assert figures(copy, "--unknown-score", "knn") == said, "from the features that were kept"
    assert (copy / FEATURES).read_bytes() == kept


def test_features_of_other_weights_or_damaged_ones_are_made_anew(copy):
    said = figures(copy, "--unknown-score", "knn")
    kept = (copy / FEATURES).read_bytes()
    (copy / FEATURES).write_bytes(kept[:-100])
    assert figures(copy, "--unknown-score", "knn") == said
    assert (copy / FEATURES).read_bytes() == kept


def test_features_that_cannot_be_kept_cost_nothing_but_time(copy):
    (copy / FEATURES / "in the way").mkdir(parents=True)
    result = artkit("evaluate", copy, "--unknown-score", "knn")
    assert result.exit_code == 0, result.output
    assert "features.safetensors could not be written (Is a directory)" in result.output


def test_features_are_those_that_the_head_is_given(run, held_out_shards):
    trained, split = load_trained(find_weights(run)), open_dataset(held_out_shards).split("test")
    features = split_features(trained, split)
    chosen = split_features(trained, split, np.array([1, 5]))
    assert np.array_equal(chosen, features[[1, 5]])
    said = read_rule(run, trained)
    head = find_head(trained.model, 3)
    heard = []
    hook = head.register_forward_hook(lambda _, given, __: heard.append(given[0]))
    evaluate(trained, open_dataset(held_out_shards), split, rule=said)
    hook.remove()
    plain = torch.cat(heard[::2])[: len(split)]  # every other batch is that of mirror images
    assert features == pytest.approx(unit_length(plain.float().numpy()), abs=1e-5)


def test_one_pass_gives_logits_and_features_alike(copy, held_out_shards):
    trained, split = load_trained(find_weights(copy)), open_dataset(held_out_shards).split("test")
    plain, near = read_rule(copy, trained), read_rule(copy, trained, "knn")
    asked = []
    hook = trained.model.register_forward_hook(lambda _, given, __: asked.append(len(given[0])))
    said, overheard = answer_split(trained, split, plain), answer_split(trained, split, near)
    hook.remove()
    assert sum(asked) == 2 * 2 * len(split), "each image and its mirror image, once for each answer"
    assert said.features is None
    assert np.array_equal(said.logits, overheard.logits)
    assert np.array_equal(overheard.features, split_features(trained, split))


def test_features_of_another_precision_are_made_anew(copy):
    figures(copy, "--unknown-score", "knn")
    kept = (copy / FEATURES).read_bytes()
    figures(copy, "--unknown-score", "knn", "--precision", "bf16")
    assert (copy / FEATURES).read_bytes() != kept
    figures(copy, "--unknown-score", "knn")
    assert (copy / FEATURES).read_bytes() == kept


def test_a_recipe_that_asks_for_knn_gets_it_from_evaluations(held_out_shards, tmp_path):
    notes = []
    run = carried_out(tmp_path / "run", held_out_shards, "unknown.score=knn", "train.epochs=1", notes=notes)
    assert any("the tables of the run itself have the score msp" in note for note in notes)
    assert final(run)["open_set"]["score"] == "msp"
    assert not (run / FEATURES).exists()
    assert figures(run)["open_set"]["score"] == "knn"


def test_more_neighbours_than_images_are_all_of_them(held_out_shards, tmp_path):
    settings = ("unknown.score=knn", "unknown.neighbours=1000", "train.epochs=1")
    run = carried_out(tmp_path / "run", held_out_shards, *settings)
    assert 0 <= figures(run)["open_set"]["scores"]["knn"]["auroc"] <= 1


BEHIND = """
from artkit import hookimpl

@hookimpl
def artkit_models(register):
    register("louder", louder)
    register("headless", headless)

def louder(ctx):
    '''Doubles what its head says.'''
    from torch import nn

    class Louder(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Conv2d(ctx.in_channels, 4, 3)
            self.fc = nn.Linear(4, ctx.num_outputs)

        def forward(self, images):
            return 2 * self.fc(self.body(images).mean((2, 3)))

    return Louder()

def headless(ctx):
    '''Has a convolution for its head.'''
    from torch import nn

    return nn.Sequential(nn.Conv2d(ctx.in_channels, ctx.num_outputs, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.mark.parametrize(
    ("model", "reason"),
    [("louder", "does something behind its last layer"), ("headless", "has no nn.Linear with 3 outputs")],
)
def test_models_whose_head_cannot_be_told_have_no_neighbours(held_out_shards, tmp_path, model, reason):
    plugin = tmp_path / "mine.py"
    plugin.write_text(BEHIND)
    run = carried_out(tmp_path / "run", held_out_shards, "train.epochs=1", plugins=[plugin], model=model)
    result = artkit("evaluate", run, "--unknown-score", "knn")
    assert isinstance(result.exception, RunError), result.output
    assert "the score knn compares what the head of a model is given" in str(result.exception)
    assert reason in str(result.exception)
    assert "--unknown-score msp" in str(result.exception)


def test_training_images_that_changed_have_no_features(copy):
    facts = json.loads((copy / "run.json").read_text())
    facts["data"]["fingerprint"] = "of other content"
    (copy / "run.json").write_text(json.dumps(facts))
    result = artkit("evaluate", copy, "--unknown-score", "knn")
    assert "has other content than when" in str(result.exception)


# --- the rule for new images ----------------------------------------------------------------------------------------


def model_said(logits, features=None):
    return Answers(logits_BK=logits, features_BD=features)


def test_the_rule_calls_unknown_what_the_figures_do(run, held_out_shards):
    trained, dataset = load_trained(find_weights(run)), open_dataset(held_out_shards)
    rule = load_unknown_rule(run, trained)
    judged = evaluate(trained, dataset, dataset.split("test"), rule=read_rule(run, trained)).targets[0]
    assert rule.score == "energy"
    called = judged.open_set.chosen_of_strangers > rule.threshold
    assert called.mean() == pytest.approx(judged.figures["open_set"]["scores"]["energy"]["unexpected_accuracy"])


def test_the_rule_scores_what_a_model_says_in_its_first_target(both):
    trained = load_trained(find_weights(both))
    rule = load_unknown_rule(both, trained)
    logits = np.random.default_rng(0).normal(size=(5, 4))
    assert rule.scores(model_said(logits)) == pytest.approx(msp(logits[:, :2])), "two artists, then two styles"


def test_the_rule_of_neighbours_needs_features(copy):
    trained = load_trained(find_weights(copy))
    rule = load_unknown_rule(copy, trained, "knn")
    features = rule.bank.training[:3]
    assert rule.scores(model_said(np.zeros((3, 3)), features)).shape == (3,)
    with pytest.raises(RunError, match="that is not known of these images; use another one: --unknown-score msp"):
        rule.scores(model_said(np.zeros((3, 3))))


# --- calibrated probabilities ----------------------------------------------------------------------------------------


def predicted(*arguments):
    result = artkit("predict", *arguments)
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_calibrated_answers_name_the_same_classes_with_the_probabilities_of_the_temperature(run, held_out_shards):
    temperature = calibration(run)["targets"]["class"]["temperature"]
    assert load_temperatures(run, load_trained(find_weights(run))) == {"class": temperature}
    arguments = (run, held_out_shards, "--split", "test")
    plain, calibrated = predicted(*arguments), predicted(*arguments, "--calibrated")
    columns = ("p", "p_second", "p_third")
    before, after = (np.array([[float(row[name]) for name in columns] for row in rows]) for rows in (plain, calibrated))
    expected = before ** (1 / temperature)
    assert after == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=1e-4)
    for name in ("predicted", "best", "unknown_score", "is_unknown"):
        assert [row[name] for row in calibrated] == [row[name] for row in plain]


def test_answers_are_calibrated_only_where_a_temperature_was_fitted_to_them(copy, held_out_shards):
    arguments = ("predict", copy, held_out_shards, "--split", "test", "--calibrated")
    assert "--calibrated does not go with --tau 1" in str(artkit(*arguments, "--tau", "1").exception)
    (copy / CALIBRATION).unlink()
    message = str(artkit(*arguments).exception)
    assert "has no temperature of class for the weights best_accuracy.safetensors" in message
    assert "leave out --calibrated" in message


# --- parts ----------------------------------------------------------------------------------------------------------


def test_the_mean_of_two_answers_has_the_mean_of_their_probabilities_and_of_their_energies():
    generator = np.random.default_rng(0)
    one, other = generator.normal(0, 3, size=(2, 6, 5))
    columns = [slice(0, 2), slice(2, 5)]
    mean = mean_answers(torch.from_numpy(one), torch.from_numpy(other), columns).numpy()
    for part in columns:
        expected = (softmax(one[:, part]) + softmax(other[:, part])) / 2
        assert softmax(mean[:, part]) == pytest.approx(expected)
        assert energy(mean[:, part]) == pytest.approx((energy(one[:, part]) + energy(other[:, part])) / 2)


def test_one_image_of_one_class_is_calibrated():
    found = calibrate(np.array([[0.5, 0.0, -0.5]]), np.array([0]), 0.95)
    assert found.images == 1
    assert found.nll.after < found.nll.before
    assert found.thresholds["max-logit"] == -0.5


def test_answers_without_features_have_no_neighbours(run):
    trained = load_trained(find_weights(run))
    rule = read_rule(run, trained)
    scores = rule.scores(trained.heads[0], SplitAnswers(logits=np.zeros((2, 3))))
    assert scores.keys() == LOGIT_SCORES.keys()
