"""Plugins of other people in whole runs: a good one trains, a broken one is named and harms nobody else."""

import json
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import ComponentError, PluginError, RecipeError, RunError

QUICK = [
    *("--image-size", "16", "--batch-size", "4", "--epochs", "1", "--set", "data.threads=1"),
    # What draws takes longer than training does here.
    *(f"--reporter={name}" for name in ("none", "console", "metrics", "predictions")),
]

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
    assert {row["plugin"] for row in facts["plugins"]} >= {"artkit", "artkit-linear"}


def test_a_plugin_file_of_which_nothing_is_used_is_told_with_what_would(shape_shards, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("\n".join(line[4:] for line in LINEAR.splitlines()))
    result = run(shape_shards, tmp_path / "run", "--plugin", file)
    assert "note: this run uses nothing of mine.py; to use its model: --model linear\n" in result.stderr


def test_a_plugin_file_trains_and_its_recipe_finds_it_again(shape_shards, tmp_path, plugin_site):
    file = tmp_path / "mine.py"
    file.write_text("\n".join(line[4:] for line in LINEAR.splitlines()))
    result = run(shape_shards, tmp_path / "run", "--plugin", file, "--model", "linear")
    assert result.exit_code == 0, result.output
    assert "uses nothing" not in result.stderr
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


def test_a_plugin_can_be_blocked_by_its_name(plugin_site, shape_shards, tmp_path):
    plugin_site.add("artkit-linear", LINEAR, version="0.3.1")
    result = run(shape_shards, tmp_path / "run", "--block", "artkit-linear", "--model", "linear")
    assert "no model 'linear'" in str(result.exception)
    assert "artkit-linear 0.3.1: blocked by --block or the recipe" in str(result.exception)


def component(hook, body, extra=""):
    """The source of a plugin that registers one component, "odd", whose factory has this body."""
    return f"""
    from artkit import hookimpl

    @hookimpl
    def artkit_{hook}(register):
        register("odd", make)

    def make(ctx):
        {body}
    {extra}
"""


MODEL = """
    from torch import nn

    class Odd(nn.Module):
        def __init__(self, size, outputs):
            super().__init__()
            self.linear = nn.Linear(size, outputs)

        def forward(self, images):
            logits = self.linear(images.flatten(1))
            return {returned}
"""

BUILD = "return Odd(3 * ctx.image_size**2, ctx.num_outputs)"
NO_RATE = "import torch; return type('Fixed', (torch.optim.Optimizer,), {})(ctx.param_groups, {})"


@pytest.mark.parametrize(
    ("kind", "source", "said"),
    [
        ("loss", component("losses", "return lambda logits, labels: logits[:, 0]"), "a tensor (4,); a loss returns"),
        ("loss", component("losses", "return lambda logits, labels: 3.0"), "returned float; a loss returns"),
        ("loss", component("losses", "return lambda logits, labels: logits.detach().sum()"), "without a gradient"),
        ("optimizer", component("optimizers", "return 'sgd'"), "returned str; an optimizer's factory returns"),
        ("optimizer", component("optimizers", NO_RATE), "has parameter groups without 'lr'"),
        ("schedule", component("schedules", "return lambda progress: -1.0"), "returned -1.0; a schedule returns"),
        ("schedule", component("schedules", "return lambda progress: float('nan')"), "returned nan; a schedule"),
        (
            "sampler",
            component("samplers", "return Odd()", "class Odd:\n        def counts(self, epoch): return [1] + [0] * 11"),
            "counts add up to 1: an epoch needs at least two images",
        ),
        ("model", component("models", BUILD, MODEL.format(returned="logits.detach()")), "logits without a gradient"),
        (
            "model",
            component("models", BUILD, MODEL.format(returned="logits if self.training else logits[:, :1]")),
            "returned a tensor (4, 1); a model returns logits (B, K), here (4, 3)",
        ),
        (
            "model",
            component("models", BUILD, MODEL.format(returned="logits if self.training else (logits,)")),
            "returned tuple; a model returns logits",
        ),
        (
            "model",
            component("models", "from torch import nn; return nn.Linear(3, 3, device='meta')"),
            "raised NotImplementedError in moving to cpu",
        ),
    ],
)
def test_what_breaks_the_contract_is_refused_by_name(plugin_site, shape_shards, tmp_path, kind, source, said):
    plugin_site.add("artkit-odd", source)
    result = run(shape_shards, tmp_path / "run", f"--{kind}", "odd")
    assert isinstance(result.exception, ComponentError), result.exception
    assert f"{kind} 'odd' (artkit-odd 1.0)" in str(result.exception)
    assert said in str(result.exception)


def test_a_model_that_says_nan_of_validation_images_stops_the_run(plugin_site, shape_shards, tmp_path):
    returned = "logits if self.training else logits * float('nan')"
    plugin_site.add("artkit-odd", component("models", BUILD, MODEL.format(returned=returned)))
    result = run(shape_shards, tmp_path / "run", "--model", "odd")
    assert isinstance(result.exception, RunError)
    assert "model 'odd' (artkit-odd 1.0) gave logits that are no finite numbers for 6 of 6 images" in str(
        result.exception
    )


def test_a_lack_of_memory_on_the_cpu_is_told_in_a_sentence(shape_shards, tmp_path):
    result = run(shape_shards, tmp_path / "run", "--image-size", "4000000", "--set", "data.cache=0")
    assert isinstance(result.exception, RunError)
    assert "use a smaller --batch-size or --image-size" in str(result.exception)


TALKATIVE = """
    class Linear(nn.Linear):
        def forward(self, images):
            print("computing")
            return super().forward(images)
"""

TELLER = """
@hookimpl
def artkit_reporters(register):
    register("teller", Teller)

class Teller:
    def __init__(self, ctx):
        self.ctx = ctx

    @hookimpl
    def artkit_log(self):
        self.ctx.note("kept elsewhere")
"""


@pytest.fixture
def talkative(tmp_path):
    """A plugin file whose model prints, and whose reporter has something to say."""
    file = tmp_path / "mine.py"
    source = dedent(LINEAR).replace("    from torch import nn\n", "    from torch import nn\n" + TALKATIVE)
    file.write_text(source.replace("nn.Linear(hidden", "Linear(hidden") + TELLER)
    return file


def test_what_plugins_print_is_kept_out_of_json_and_what_reporters_note_stands_beside(
    shape_shards, tmp_path, talkative
):
    out = tmp_path / "run"
    arguments = ["--data", shape_shards, "--plugin", talkative, "--model", "linear", "--reporter", "teller", *QUICK]
    result = CliRunner().invoke(app, ["run", *map(str, [*arguments, "--json", "--out", out])])
    assert json.loads(result.stdout)["status"] == "ok", result.output
    assert "computing" in result.stderr
    assert result.stderr.splitlines().count("note: kept elsewhere") == 1
    judged = CliRunner().invoke(app, ["evaluate", str(out), "--json"])
    assert json.loads(judged.stdout)["run"] == str(out)
    assert "computing" in judged.stderr


def test_what_plugins_print_is_kept_out_of_the_json_of_a_learning_rate(shape_shards, tmp_path, talkative):
    small = ["--image-size", 16, "--batch-size", 4, "--epochs", 4, "--set", "data.threads=1"]
    arguments = ["--data", shape_shards, "--plugin", talkative, "--model", "linear", *small, "--out", tmp_path]
    result = CliRunner().invoke(app, ["run", *map(str, arguments), "--find-lr", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["learning_rate"] > 0
    assert "computing" in result.stderr
