"""`artkit sweep`: every combination once, also when it is cut off; failures are told and stop nothing."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.cli.sweep_plan import Axis, combinations, folder_name, read_axes
from artkit.errors import ArtkitError, RecipeError

RECIPE = """
[data]
path = "{data}"
image_size = 16
threads = 1
[train]
epochs = 1
batch_size = 4
[model]
name = "small-resnet"
width = 4
[[reporter]]
name = "metrics"
[[reporter]]
name = "predictions"
"""


@pytest.fixture(scope="module")
def recipe(shape_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "tiny.toml"
    path.write_text(RECIPE.format(data=shape_shards))
    return path


def artkit(*arguments):
    return CliRunner().invoke(app, ["sweep", *map(str, arguments)])


def refused(*arguments):
    result = artkit(*arguments)
    assert isinstance(result.exception, ArtkitError), result.output
    return str(result.exception)


@pytest.fixture(scope="module")
def swept(recipe, tmp_path_factory):
    """The folder of a sweep of two optimizers and two seeds, its command, and what it printed."""
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    command = [recipe, "--over", "optimizer=sgd,adam", "--seeds", "2", "--out", folder]
    result = artkit(*command)
    assert result.exit_code == 0, result.output
    return folder, command, result.output


NAMES = [f"optimizer={name},train.seed={seed}" for name in ("sgd", "adam") for seed in (0, 1)]


def test_every_combination_is_run_once_and_compared(swept):
    folder, _, output = swept
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*NAMES, "compare.csv", "compare.html", "compare.json", "compare.png"]
    )
    said = json.loads((folder / "compare.json").read_text())
    assert [run["run"] for run in said["runs"]] == NAMES
    assert [group["group"] for group in said["groups"]] == ["optimizer=sgd", "optimizer=adam"]
    assert "run 3 of 4: optimizer=adam, train.seed=0" in output
    assert "Mean and standard deviation over the seeds" in output


def test_a_run_of_a_sweep_is_the_run_that_its_recipe_gives_alone(swept, tmp_path):
    run = swept[0] / NAMES[3]
    result = CliRunner().invoke(app, ["run", str(run / "recipe.toml"), "--out", str(tmp_path / "alone")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "alone" / "steps.csv").read_text() == (run / "steps.csv").read_text()


def test_the_same_command_keeps_what_is_finished_and_goes_on_with_the_rest(swept, tmp_path):
    folder = tmp_path / "sweep"
    shutil.copytree(swept[0], folder)
    kept = (folder / NAMES[0] / "run.json").read_bytes()
    # One was killed at its end, one before its first checkpoint, one had not begun.
    resumed, begun, missing = (folder / name for name in NAMES[1:])
    for run in (resumed, begun):
        facts = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**facts, "status": "running"}))
    (begun / "last" / "state.safetensors").unlink()
    shutil.rmtree(missing)
    result = artkit(*swept[1][:-1], folder)
    assert result.exit_code == 0, result.output
    assert result.output.count("finished before") == 1
    assert (folder / NAMES[0] / "run.json").read_bytes() == kept
    assert len(json.loads((resumed / "run.json").read_text())["resumed"]) == 1
    said = [json.loads((one / "compare.json").read_text())["groups"] for one in (folder, swept[0])]
    assert said[0] == said[1]


def test_a_run_that_fails_is_told_and_the_others_go_on(recipe, tmp_path):
    result = artkit(recipe, "--over", "optimizer.lr=1e35,0.1", "--out", tmp_path / "sweep", "--quiet")
    assert result.exit_code == 1
    assert "optimizer.lr=1e35 failed: the loss is nan" in result.output
    assert "1 of 2 runs failed: optimizer.lr=1e35" in result.output
    said = json.loads((tmp_path / "sweep" / "compare.json").read_text())
    assert [run["run"] for run in said["runs"]] == ["optimizer.lr=0.1"]


FAILS_ODDLY = """
from artkit import hookimpl

@hookimpl
def artkit_optimizers(register):
    register("odd", odd)

def odd(ctx):
    import torch

    class Odd(torch.optim.SGD):
        def state_dict(self):
            raise LookupError("not foreseen")

    return Odd([dict(group) for group in ctx.param_groups], lr=0.1)
"""


def test_an_error_that_nobody_foresaw_fails_its_run_alone(recipe, tmp_path):
    (tmp_path / "odd.py").write_text(FAILS_ODDLY)
    folder = tmp_path / "sweep"
    plugin = ["--plugin", tmp_path / "odd.py"]
    result = artkit(recipe, "--over", "optimizer=odd,sgd", *plugin, "--out", folder, "--json")
    assert result.exit_code == 1, result.output
    said = json.loads(result.stdout)
    assert [run["run"] for run in said["runs"]] == ["optimizer=sgd"]
    trace = folder / "optimizer=odd" / "error.txt"
    assert said["failed"] == {"optimizer=odd": f"LookupError: not foreseen; the full traceback is in {trace}"}
    assert 'raise LookupError("not foreseen")' in trace.read_text()
    facts = json.loads((folder / "optimizer=odd" / "run.json").read_text())
    assert (facts["status"], facts["error"]) == ("failed", "LookupError: not foreseen")


def test_json_tells_the_errors_where_every_run_failed(recipe, tmp_path):
    result = artkit(recipe, "--over", "optimizer.lr=1e35", "--out", tmp_path / "sweep", "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["runs"] == said["groups"] == []
    assert said["failed"]["optimizer.lr=1e35"].startswith("the loss is nan")


def test_a_folder_with_other_runs_is_refused(swept, recipe, tmp_path):
    shutil.copytree(swept[0], tmp_path / "sweep")
    message = refused(*swept[1][:-1], tmp_path / "sweep", "--epochs", "2")
    assert "holds a run with train.epochs=1, but train.epochs=2 is wanted; name another --out" in message
    mine = tmp_path / "mine" / "train.seed=0"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("")
    assert "is there already and is no run" in refused(recipe, "--seeds", "1", "--out", tmp_path / "mine")
    assert (mine / "thesis.txt").exists()
    file = mine / "thesis.txt"
    assert f"{file} is a file; name another --out" in refused(recipe, "--seeds", "1", "--out", file)


def test_by_default_the_same_command_finds_the_same_folder(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (artkit(recipe, "--seeds", "1", "--json") for _ in range(2))
    assert json.loads(first.stdout)["runs"] == json.loads(second.stdout)["runs"]
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("sweep-")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"a sweep needs something to choose: --over optimizer=adam,sgd, or --seeds 3"),
        (["--over", "optimizer"], "--over optimizer cannot be read; write it as WHAT=VALUE,VALUE"),
        (["--over", "optimzer=adam"], "'optimzer' cannot be chosen. Did you mean 'optimizer'?"),
        (["--over", "optimizer=adam,,sgd"], "a value is empty"),
        (["--over", "optimizer=adam,adam"], "a value is there twice"),
        (["--over", "train.seed=1", "--seeds", "2"], "--over train.seed is given twice; --seeds says it too"),
        (["--set", "train.seed=7", "--seeds", "2"], "train.seed is chosen by --over or --seeds, and set for every run"),
        (["--over", "train.epochs=1,2", "--epochs", "1"], "train.epochs is chosen by --over or --seeds, and set for"),
        (["--over", "optimizer.lr=0.1,0.10"], "optimizer.lr=0.1 and optimizer.lr=0.10 are the same run"),
        (["--over", "optimizer=adam,sdg"], "no optimizer 'sdg'. Did you mean 'sgd'?"),
        (["--over", "train.epoch=1,2"], "section [train] has no option 'epoch'. Did you mean 'epochs'?"),
        (["--over", "train.epochs=1,0"], "epochs=0 is out of bounds; it must be >= 1"),
        (
            ["--over", "optimizer=adam,sgd", "--optimizer", "sgd"],
            "optimizer is chosen by --over or --seeds, and set for",
        ),
        (
            ["--over", "augmenter=flips,crop", "--augmenter", "none"],
            "augmenter is chosen by --over or --seeds, and set",
        ),
        (["--seeds", "2", "--model", "small-resnte"], "no model 'small-resnte'. Did you mean 'small-resnet'?"),
        (["--seeds", "2", "--sampler", "natrual"], "no sampler 'natrual'. Did you mean 'natural'?"),
        (["--seeds", "2", "--loss", "focl"], "no loss 'focl'. Did you mean 'focal'?"),
        (["--seeds", "2", "--schedule", "cosin"], "no schedule 'cosin'. Did you mean 'cosine'?"),
        (["--seeds", "2", "--augmenter", "affin"], "no augmenter 'affin'. Did you mean 'affine'?"),
        (["--seeds", "2", "--batch-size", "1"], "batch_size=1 is out of bounds; it must be >= 2"),
        (["--seeds", "2", "--image-size", "4"], "image_size=4 is out of bounds; it must be >= 8"),
        (["--seeds", "2", "--device", "gpu"], "device 'gpu' cannot be used"),
    ],
)
def test_mistakes_stop_before_the_first_run(recipe, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(recipe, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_commas_in_brackets_belong_to_a_value():
    (axis,) = read_axes(["model.layers=[2,2],[4,4]"], None)
    assert axis.values == ("[2,2]", "[4,4]")


def test_the_last_choice_changes_first():
    axes = [Axis("optimizer", ("adam", "sgd")), Axis("train.seed", ("0", "1"))]
    assert [tuple(one.values()) for one in combinations(axes)] == [
        ("adam", "0"),
        ("adam", "1"),
        ("sgd", "0"),
        ("sgd", "1"),
    ]


def test_names_of_folders_are_legal_and_different():
    paths = [folder_name({"model.weights": value}) for value in ("/a/b.pt", "/a_b.pt", "x" * 300, "x" * 301)]
    assert len(set(paths)) == 4
    assert all("/" not in path and len(path) < 128 for path in paths)


def test_an_axis_without_a_name_is_refused():
    with pytest.raises(RecipeError, match="--over =1 cannot be read"):
        read_axes(["=1"], None)
