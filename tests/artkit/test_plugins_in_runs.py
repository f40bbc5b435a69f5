"""Plugins of other people in whole runs: a good one trains, a broken one is named and harms nobody else."""

import json

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import ComponentError, PluginError, RecipeError

QUICK = ["--image-size", "16", "--batch-size", "4", "--epochs", "1", "--set", "data.threads=1"]

LINEAR = """
    from typing import Annotated
    from artkit import Ge, ModelContext, hookimpl

    @hookimpl
    def artkit_models(register):
        register("linear", linear)

    def linear(ctx: ModelContext, *, hidden: Annotated[int, Ge(1), "units in between"] = 8):
        '''Two linear layers on the pixels.'''
        from torch import nn
        size = ctx.in_channels * ctx.image_size**2
        return nn.Sequential(nn.Flatten(), nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, ctx.num_outputs))
"""

CRASHES_IN_FORWARD = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("glass", glass)

    def glass(ctx):
        '''Breaks when touched.'''
        from torch import nn

        class Glass(nn.Linear):
            def forward(self, images):
                raise IndexError("shards everywhere")

        return Glass(3, ctx.num_outputs)
"""

WRONG_SHAPE = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("short", lambda ctx: make(3 * ctx.image_size**2))
        register("lazy", lambda ctx: make(None))

    def make(size):
        from torch import nn
        return nn.Sequential(nn.Flatten(), nn.Linear(size, 7) if size else nn.LazyLinear(7))
"""

BROKEN_REPORTER = """
    from artkit import hookimpl

    @hookimpl
    def artkit_reporters(register):
        register("loud", lambda ctx: Loud())

    class Loud:
        @hookimpl
        def artkit_epoch_end(self, epoch):
            raise RuntimeError(f"cannot speak of epoch {epoch}")
"""


FULL_DISK = """
    import errno
    from artkit import hookimpl

    @hookimpl
    def artkit_losses(register):
        register("full", lambda ctx: fail)

    def fail(logits, labels):
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")
"""


def run(data, out, *arguments):
    command = ["run", "--data", data, "--out", out, *QUICK, *arguments]
    return CliRunner().invoke(app, [str(word) for word in command])


def test_an_installed_plugin_trains_and_is_recorded(plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-linear", LINEAR, version="0.3.1")
    result = run(shape_shards, tmp_path / "run", "--model", "linear", "--set", "model.hidden=4")
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["components"]["model"] == "artkit-linear/linear@1 (artkit-linear 0.3.1)"
    assert {row["plugin"] for row in facts["plugins"]} == {"artkit", "artkit-linear"}


def test_a_plugin_file_trains_and_its_recipe_finds_it_again(shape_shards, tmp_path, plugin_site):
    file = tmp_path / "mine.py"
    file.write_text("\n".join(line[4:] for line in LINEAR.splitlines()))
    result = run(shape_shards, tmp_path / "run", "--plugin", file, "--model", "linear")
    assert result.exit_code == 0, result.output
    again = ["run", str(tmp_path / "run" / "recipe.toml"), "--out", str(tmp_path / "again"), "--quiet"]
    assert CliRunner().invoke(app, again).exit_code == 0
    steps = [(tmp_path / name / "steps.csv").read_text() for name in ("run", "again")]
    assert steps[0] == steps[1]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ImportError('no kornia here')", "artkit-bad 0.2 was left out: ImportError: no kornia here"),
        (
            "from artkit import hookimpl\n    @hookimpl\n    def artkit_model(register): pass",
            "artkit-bad 0.2 was left out: ",
        ),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named_and_the_run_goes_on(plugin_site, shape_shards, tmp_path, source, said):
    plugin_site.add("artkit-bad", "\n    " + source, version="0.2")
    result = run(shape_shards, tmp_path / "run", "--quiet")
    assert result.exit_code == 0, result.output
    assert said in result.output


def test_asking_for_a_component_of_a_broken_plugin_names_the_plugin(plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-bad", "raise ImportError('no kornia here')", version="0.2")
    result = run(shape_shards, tmp_path / "run", "--model", "unet")
    assert isinstance(result.exception, RecipeError)
    assert "no model 'unet'" in str(result.exception)
    assert "artkit-bad 0.2: ImportError: no kornia here" in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_a_model_that_raises_stops_the_run_with_its_owner_and_keeps_the_traceback(plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-glass", CRASHES_IN_FORWARD, version="1.1", urls=["Issues, https://example.org/glass"])
    result = run(shape_shards, tmp_path / "run", "--model", "glass")
    assert isinstance(result.exception, ComponentError)
    message = str(result.exception)
    assert "model 'glass' (artkit-glass 1.1) raised IndexError in forward: shards everywhere" in message
    assert "artkit_glass.py:" in message
    assert "report it at https://example.org/glass" in message
    assert "IndexError: shards everywhere" in (tmp_path / "run" / "error.txt").read_text()
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["status"] == "failed"
    assert "artkit-glass 1.1" in facts["error"]


def test_a_model_with_the_wrong_number_of_outputs_is_told_the_rule(plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-short", WRONG_SHAPE)
    result = run(shape_shards, tmp_path / "run", "--model", "short")
    assert isinstance(result.exception, PluginError)
    assert "returned a tensor (4, 7); a model returns logits (B, K), here (4, 3)" in str(result.exception)


def test_a_model_with_lazy_layers_is_told_what_to_do(plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-short", WRONG_SHAPE)
    result = run(shape_shards, tmp_path / "run", "--model", "lazy")
    assert isinstance(result.exception, PluginError)
    assert "model 'lazy' (artkit-short 1.0) has lazy layers" in str(result.exception)


def test_a_reporter_that_raises_is_named_and_the_run_goes_on(plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-loud", BROKEN_REPORTER, version="2.0")
    result = run(shape_shards, tmp_path / "run", "--reporter", "loud")
    assert result.exit_code == 0, result.output
    assert (
        "reporter 'loud' (artkit-loud 2.0) raised RuntimeError in artkit_epoch_end: cannot speak of epoch 0; "
        "the run goes on"
    ) in result.output
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "ok"


def test_a_full_disk_is_nobodys_fault_and_the_run_can_go_on(plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-full", FULL_DISK)
    result = run(shape_shards, tmp_path / "run", "--loss", "full")
    assert str(result.exception) == (
        "no space left on the device while writing somewhere; the last checkpoint is kept: free some space and go on "
        f"with `artkit run --resume {tmp_path / 'run'}`"
    )
    assert (tmp_path / "run" / "last" / "state.safetensors").exists()


def test_a_plugin_can_be_left_out_by_its_name(plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-linear", LINEAR, version="0.3.1")
    result = run(shape_shards, tmp_path / "run", "--plugin", "no:artkit-linear", "--model", "linear")
    assert "no model 'linear'" in str(result.exception)
    assert "artkit-linear 0.3.1: switched off" in str(result.exception)
