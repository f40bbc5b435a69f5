"""`artkit retrain`: leaves a run like any other, in one command, and nothing that looks like one if it was cut off."""

import json

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import ArtkitError
from artkit_shards import ClassFolders, Settings, ShardsError, convert

RECIPE = """
[data]
path = "{data}"
image_size = 16
threads = 1
[train]
epochs = 1
batch_size = 8
[model]
name = "small-resnet"
width = 4
[loss]
name = "cross-entropy"
[[reporter]]
name = "metrics"
[[reporter]]
name = "predictions"
"""

CUT_OFF = """
    from artkit import hookimpl

    @hookimpl
    def artkit_reporters(register):
        register("scissors", scissors)

    def scissors(ctx):
        '''Ends everything in the second epoch of a retraining.'''

        class Scissors:
            @hookimpl
            def artkit_epoch_end(self, run, epoch):
                if "retrain" in run.recipe and epoch == 1:
                    raise KeyboardInterrupt

        return Scissors()
"""


def artkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def done(*arguments):
    """What a command printed to standard output."""
    result = artkit(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def refused(*arguments):
    result = artkit("retrain", *arguments)
    assert isinstance(result.exception, (ArtkitError, ShardsError)), result.output
    return str(result.exception)


def train(data, folder, more=""):
    folder.mkdir(exist_ok=True)
    (folder / "recipe.toml").write_text(RECIPE.format(data=data) + more)
    done("run", folder / "recipe.toml", "--out", folder / "run", "--quiet")
    return folder / "run"


@pytest.fixture(scope="module")
def runs(uneven_shards, tmp_path_factory):
    """A finished run in `run`, and one with its head trained anew in `retrained`."""
    folder = tmp_path_factory.mktemp("retrained")
    run = train(uneven_shards, folder)
    result = artkit("retrain", run, "--epochs", "2", "--out", folder / "retrained")
    assert result.exit_code == 0, result.output
    (folder / "output.txt").write_text(result.output)
    return folder


def facts(run):
    return json.loads((run / "run.json").read_text())


def test_the_run_that_is_left_has_what_every_run_has(runs):
    left = {path.name for path in (runs / "retrained").iterdir()}
    assert left - {"best_macro_recall.safetensors"} == {path.name for path in (runs / "run").iterdir()}
    assert "best_macro_recall.safetensors" in left
    told = facts(runs / "retrained")
    assert told["status"] == "ok"
    assert told["tested"]["weights"] == "best_macro_recall.safetensors"
    assert told["recipe"]["retrain.method"] == "crt"
    assert told["num_parameters"] == 3 * (32 + 1)


def test_the_user_hears_of_the_source_and_of_the_time(runs):
    output = (runs / "output.txt").read_text()
    assert f"the model starts from {runs / 'run' / 'best_accuracy.safetensors'}" in output
    assert "features took " in output
    assert "and the head " in output


def test_evaluate_gives_the_figures_of_the_retrained_run_digit_for_digit(runs):
    own = facts(runs / "retrained")
    assert json.loads(done("evaluate", runs / "retrained", "--json"))["metrics"] == own["tested"]["metrics"]
    validated = json.loads(done("evaluate", runs / "retrained", "--split", "val", "--json"))["metrics"]
    assert validated["macro_recall"] == own["best"]["macro_recall"]["value"]


def test_compare_reads_it(runs):
    compared = json.loads(done("compare", runs / "run", runs / "retrained", "--json"))
    assert compared["recipe"]["retrain.method"] == {"run": None, "retrained": "crt"}
    assert len(compared["differences"]) == 1


def test_the_recipe_repeats_the_retraining(runs):
    said = json.loads(done("run", runs / "retrained" / "recipe.toml", "--out", runs / "again", "--json"))
    assert said["metrics"] == facts(runs / "retrained")["tested"]["metrics"]
    assert facts(runs / "again")["recipe"] == facts(runs / "retrained")["recipe"]


def test_sampler_loss_rate_and_weights_are_those_that_were_asked_for(runs, tmp_path):
    options = ["--sampler", "natural", "--loss", "balanced-softmax", "--lr", "0.02", "--weights", "loss"]
    schedule = ["--set", "schedule.name=plateau", "--set", "schedule.metric=val_loss", "--set", "train.clip=1"]
    done("retrain", runs / "run", *options, *schedule, "--epochs", "1", "--out", tmp_path / "run", "--quiet")
    recipe = facts(tmp_path / "run")["recipe"]
    assert recipe["sampler.name"] == "artkit/natural@1"
    assert recipe["loss.name"] == "artkit/balanced-softmax@1"
    assert recipe["optimizer.lr"] == 0.02
    assert recipe["model.weights"].endswith("best_loss.safetensors")
    assert "augmenter.0.name" not in recipe


def test_tau_normalisation_tries_twenty_one_strengths_and_says_which_is_best(runs, tmp_path):
    result = artkit("retrain", runs / "run", "--method", "tau-norm", "--out", tmp_path / "run", "--json")
    assert json.loads(result.stdout)["status"] == "ok"
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + 21
    assert "is the best of 21 by macro_recall in validation" in result.stderr
    assert "--method tau-norm trains nothing, so --lr has no effect" in refused(
        runs / "run", "--method", "tau-norm", "--lr", "1"
    )


def test_without_validation_the_last_head_is_kept(tmp_path, uneven_shards):
    folder = uneven_shards.parent / "images"
    convert(ClassFolders(folder), tmp_path / "shards", Settings(fractions={"train": 0.8, "test": 0.2}), workers=1)
    run = train(tmp_path / "shards", tmp_path / "work")
    result = artkit("retrain", run, "--epochs", "1", "--out", tmp_path / "retrained")
    assert result.exit_code == 0, result.output
    assert "nothing selects the best weights, the last ones are used" in result.output
    assert facts(tmp_path / "retrained")["tested"]["weights"] == "last_epoch.safetensors"
    assert "retrain.method=tau-norm chooses its strength on validation" in refused(run, "--method", "tau-norm")


def test_what_is_cut_off_leaves_no_weights_and_can_be_done_again(plugin_site, uneven_shards, tmp_path):
    plugin_site.add("artkit-scissors", CUT_OFF)
    run = train(uneven_shards, tmp_path / "work", '[[reporter]]\nname = "scissors"\n')
    result = artkit("retrain", run, "--epochs", "3", "--out", tmp_path / "cut")
    assert result.exit_code == 130, result.output
    assert facts(tmp_path / "cut")["status"] == "interrupted"
    assert not list((tmp_path / "cut").rglob("*.safetensors"))
    again = f"start it again: `artkit run {tmp_path / 'cut'}/recipe.toml`"
    assert again in str(artkit("evaluate", tmp_path / "cut").exception)
    weights = f"model.weights={tmp_path / 'cut'}"
    assert again in str(artkit("run", run.parent / "recipe.toml", "--set", weights).exception)
    resumed = artkit("run", "--resume", tmp_path / "cut")
    assert f"start it again with `artkit run {tmp_path / 'cut'}/recipe.toml`" in str(resumed.exception)


def test_mistakes_are_told_before_a_folder_is_made(runs, tmp_path):
    assert "is not a run folder (it has no recipe.toml)" in refused(tmp_path)
    assert "has no weights best_macro_recall" in refused(runs / "run", "--weights", "macro_recall")
    message = refused(runs / "run", "--loss", "focl", "--out", tmp_path / "out")
    assert "focal" in message
    assert "section [retrain]: views=-1 is out of bounds" in refused(
        runs / "run", "--views", "-1", "--out", tmp_path / "out"
    )
    assert not (tmp_path / "out").exists()
