"""The record of where components come from, and `artkit run --like RUN`, which tells what has changed since."""

import hashlib
import json
import shutil
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import RecipeError, RunError

QUICK = [
    *("--image-size", "16", "--batch-size", "4", "--epochs", "1", "--set", "data.threads=1"),
    # What draws takes longer than training does here.
    *(f"--reporter={name}" for name in ("none", "console", "metrics", "predictions")),
]

LINEAR = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("linear", linear)

    def linear(ctx, *, bias: bool = True):
        '''One linear layer on the pixels.'''
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(ctx.in_channels * ctx.image_size**2, ctx.num_outputs, bias))
"""

COMMIT = "3f2a9c1d00aa3f2a9c1d00aa3f2a9c1d00aa3f2a"


def artkit_run(*arguments):
    return CliRunner().invoke(app, ["run", *(str(word) for word in arguments)])


def provenance_of(folder, kind):
    (row,) = [row for row in json.loads((folder / "run.json").read_text())["provenance"] if row["kind"] == kind]
    return row


def notes_of(result):
    assert result.exit_code == 0, result.output
    return [line.removeprefix("note: ") for line in result.stderr.splitlines() if "since" in line]


@pytest.fixture
def linear(plugin_site):
    """The installed plugin that the runs use."""
    vcs = {"url": "https://example.org/linear.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    return plugin_site.add("artkit-linear", LINEAR, version="0.3", direct_url=vcs)


@pytest.fixture
def first(linear, shape_shards, tmp_path):
    """A finished run with it."""
    result = artkit_run("--data", shape_shards, "--out", tmp_path / "first", "--model", "linear", *QUICK)
    assert result.exit_code == 0, result.output
    return tmp_path / "first"


def test_a_run_records_where_each_component_comes_from(first):
    assert provenance_of(first, "model") == {
        "kind": "model",
        "component": "artkit-linear/linear@1",
        "distribution": "artkit-linear",
        "version": "0.3",
        "commit": COMMIT,
        "editable": False,
        "from": "https://example.org/linear.git",
        "sha256": None,
        "options": {"weights": None, "bias": True},
    }
    rows = json.loads((first / "run.json").read_text())["provenance"]
    assert [row["kind"] for row in rows][:6] == ["model", "sampler", "loss", "optimizer", "schedule", "augmenter"]


def test_a_file_and_an_editable_package_are_recorded_by_the_digest_of_their_source(plugin_site, shape_shards, tmp_path):
    direct_url = {"url": f"file://{plugin_site.folder}", "dir_info": {"editable": True}}
    installed = plugin_site.add("artkit-linear", LINEAR, direct_url=direct_url)
    mine = tmp_path / "mine.py"
    mine.write_text(LINEAR.replace("\n    ", "\n").replace("models", "losses").replace('"linear"', '"mine"'))
    mine.write_text(
        mine.read_text().split("def linear")[0]
        + "def linear(ctx):\n    from torch.nn import functional as F\n    return F.cross_entropy\n"
    )
    out = tmp_path / "run"
    chosen = ("--model", "linear", "--loss", "mine", "--plugin", mine)
    result = artkit_run("--data", shape_shards, "--out", out, *chosen, *QUICK)
    assert result.exit_code == 0, result.output
    for kind, file in (("model", installed), ("loss", mine)):
        assert provenance_of(out, kind)["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert provenance_of(out, "model")["editable"]
    assert provenance_of(out, "loss")["distribution"] is None


def test_a_run_like_another_has_its_numbers_and_says_that_nothing_changed(first, tmp_path):
    result = artkit_run("--like", first, "--out", tmp_path / "again")
    (note,) = notes_of(result)
    assert note == f"nothing has changed since {first}: plugins, versions, options and data are the same"
    assert (tmp_path / "again" / "steps.csv").read_text() == (first / "steps.csv").read_text()


def test_a_run_like_another_tells_each_difference_before_it_begins(first, linear, plugin_site, uneven_shards, tmp_path):
    info = plugin_site.folder / "artkit_linear-0.3.dist-info"
    (info / "METADATA").write_text((info / "METADATA").read_text().replace("Version: 0.3", "Version: 0.4"))
    (info / "direct_url.json").write_text((info / "direct_url.json").read_text().replace("3f2a", "77aa"))
    facts = json.loads((first / "run.json").read_text())
    facts["versions"]["torch"] = "2.0.1"
    (first / "run.json").write_text(json.dumps(facts))
    changes = ("--data", uneven_shards, "--set", "model.bias=false", "--set", "train.seed=3")
    notes = notes_of(artkit_run("--like", first, "--out", tmp_path / "again", *changes))
    told = [note.removeprefix(f"since {first}: ") for note in notes]
    assert "artkit-linear: its version was 0.3, is 0.4" in told
    assert "artkit-linear: its commit was 3f2a9c1d00aa, is 77aa9c1d00aa" in told
    assert any(note.startswith("torch was 2.0.1, is ") for note in told)
    assert [note for note in told if note.startswith(("model", "train"))] == [
        "train.seed was 0, is 3",
        "model.bias was True, is False",
    ]
    assert (
        f"the data set {uneven_shards} has other content: train had 12 images, has 36; val had 6 images, has 4; "
        "test had 6 images, has 4; new: few, many, some; gone: shape-0, shape-1, shape-2"
    ) in told
    assert len(told) == 6


def test_a_run_like_one_whose_package_is_gone_is_told_what_to_install(first, plugin_site, tmp_path):
    shutil.rmtree(plugin_site.folder / "artkit_linear-0.3.dist-info")
    result = artkit_run("--like", first, "--out", tmp_path / "again")
    assert isinstance(result.exception, RecipeError)
    assert str(result.exception) == (
        f"{first} has its model from artkit-linear 0.3, which is not installed any more; "
        f"pip install 'git+https://example.org/linear.git@{COMMIT}'"
    )
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["default"], RecipeError, "--like {run} takes the recipe of that run, so default cannot be given with it"),
        (
            ["--resume", "other"],
            RecipeError,
            "--like {run} takes the recipe of that run, so other cannot be given with",
        ),
        ([], RunError, "{run} is not a run folder (it has no recipe.toml); give one that `artkit run` left"),
    ],
)
def test_what_does_not_go_with_like_is_refused(tmp_path, arguments, error, message):
    result = artkit_run(*arguments, "--like", tmp_path)
    assert isinstance(result.exception, error)
    assert str(result.exception).startswith(message.format(run=tmp_path))


def test_a_plugin_is_blocked_preferred_and_left_out_on_the_command_line(linear, plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-other", LINEAR.replace("nn.Flatten()", "nn.Flatten(), nn.Identity()"))
    arguments = ("--data", shape_shards, "--model", "linear", *QUICK)
    assert "several plugins have a model 'linear'" in str(artkit_run(*arguments).exception)
    for choice in (["--prefer", "linear=artkit-linear"], ["--block", "artkit-other"]):
        out = tmp_path / choice[0]
        result = artkit_run(*arguments, *choice, "--out", out)
        assert result.exit_code == 0, result.output
        assert provenance_of(out, "model")["component"] == "artkit-linear/linear@1"
    assert "no model 'linear'" in str(artkit_run(*arguments, "--no-plugins").exception)


# --- runs whose plugins are elsewhere by now, or others ---------------------------------------------------------------

TWO_LAYERS = LINEAR.replace("ctx.num_outputs, bias", "8), nn.ReLU(), nn.Linear(8, ctx.num_outputs, bias")
"""Only what stands before the head can be kept when that is retrained."""


@pytest.fixture(scope="module")
def of_a_file(shape_shards, tmp_path_factory):
    """A finished run with the model of a file; the file lies beside it."""
    folder = tmp_path_factory.mktemp("of-a-file")
    (folder / "mine.py").write_text(dedent(TWO_LAYERS))
    chosen = ("--plugin", folder / "mine.py", "--model", "linear")
    result = artkit_run("--data", shape_shards, "--out", folder / "run", *chosen, *QUICK)
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.parametrize("command", [["evaluate"], ["retrain", "--epochs", "1", "--quiet"]])
def test_a_plugin_file_that_was_moved_is_given_again(of_a_file, tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [command[0], str(of_a_file / "run"), *command[1:]]
    moved = (of_a_file / "mine.py").rename(tmp_path / "mine.py")
    try:
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, RecipeError)
        advice = "is not there; if it was moved, --plugin FOLDER/mine.py takes its place in a recipe or run"
        assert str(result.exception) == f"the plugin file {of_a_file / 'mine.py'} {advice}"
        result = CliRunner().invoke(app, [*arguments, "--plugin", str(moved)])
        assert result.exit_code == 0, result.output
        assert "since" not in result.stderr
    finally:
        moved.rename(of_a_file / "mine.py")


def test_evaluation_retraining_and_resumption_tell_of_a_model_that_has_changed_since(of_a_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run, changed = of_a_file / "run", tmp_path / "mine.py"
    changed.write_text(dedent(TWO_LAYERS) + "# changed\n")
    was, now = (hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in (of_a_file / "mine.py", changed))
    note = f"note: since {run}: mine.py: its source (sha256) was {was}, is {now}"
    for command in (["evaluate", run], ["retrain", run, "--epochs", "1", "--quiet"]):
        result = CliRunner().invoke(app, [*map(str, command), "--plugin", str(changed)])
        assert note in result.stderr.splitlines(), command
    cut_off = shutil.copytree(run, tmp_path / "cut-off")
    facts = json.loads((cut_off / "run.json").read_text())
    (cut_off / "run.json").write_text(json.dumps({**facts, "status": "running"}))
    result = CliRunner().invoke(app, ["run", "--resume", str(cut_off), "--plugin", str(changed)])
    assert note.replace(str(run), str(cut_off)) in result.stderr.splitlines()


def test_whoever_lacks_the_package_of_a_run_is_told_its_name(first, plugin_site):
    shutil.rmtree(plugin_site.folder / "artkit_linear-0.3.dist-info")
    result = CliRunner().invoke(app, ["evaluate", str(first)])
    assert isinstance(result.exception, RecipeError)
    assert str(result.exception).startswith("no model 'artkit-linear/linear'.\n  there are: ")
    assert "\n  the plugin artkit-linear is not there: pip install artkit-linear" in str(result.exception)
