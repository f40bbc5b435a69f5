"""What the command line imports: nothing heavy for help, no plugin for the list."""

import json
import subprocess
import sys

import pytest

from artkit.cli.commands import COMMANDS

HEAVY = {"torch", "torchvision", "numpy", "sklearn", "matplotlib", "PIL", "webdataset"}

PROGRAM = """
import json, sys
from artkit.cli import main
sys.argv = ["artkit", *{arguments}]
try:
    main()
except SystemExit as end:
    print(json.dumps([end.code, sorted(sys.modules)]))
"""


FINISHED = {
    "status": "ok",
    "resumed": [],
    "preprocessing": {},
    "recipe": {"train.seed": 0},
    "data": {
        "fingerprint": "f" * 64,
        "targets": [{"name": "artist", "class_names": ["a", "b"], "class_counts": [5, 5]}],
    },
    "tested": {"split": "test", "images": 10, "metrics": {"accuracy": 0.5}},
}
"""What run.json says of a run that needs nothing more."""


def modules_after(*arguments: str, exit_code: int = 0) -> set[str]:
    """Runs a command in a process of its own; the modules it imported."""
    program = PROGRAM.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == exit_code, done.stderr
    return set(modules)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["plugins", "--help"]])
def test_help_imports_nothing_heavy_and_no_plugin(plugin_site, arguments):
    plugin_site.add("artkit-loud", "raise AssertionError('imported')")
    modules = modules_after(*arguments)
    assert not modules & (HEAVY | {"artkit_plugins", "artkit_loud", "pluggy"})


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["dataset", "index", "--help"], ["recipes"]], ids=" ".join
)
def test_help_and_the_list_of_recipes_do_without_pydantic_and_rich(arguments):
    modules = modules_after(*arguments)
    assert not [name for name in modules if name.partition(".")[0].startswith("pydantic")]
    assert not modules & {"rich.console", "artkit.registry"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "error: No such command 'rnu'. Did you mean 'run'?\n  usage: artkit [OPTIONS] COMMAND [ARGS]...; "),
        (["shard", "a"], "error: Missing argument 'DST'.\n  usage: artkit shard [OPTIONS] {SRC} {DST}; "),
        (
            ["run", "--reporte", "x"],
            "error: No such option: --reporte (Possible options: --reporter)\n  usage: artkit ",
        ),
        (["run", "--epochs"], "error: Option '--epochs' requires an argument.\n"),
    ],
    ids=" ".join,
)
def test_a_command_line_that_cannot_be_read_is_told_in_plain_lines_without_rich(arguments, message):
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(arguments=arguments)], capture_output=True, text=True)
    code, modules = json.loads(done.stdout)
    assert code == 2
    assert done.stderr.replace("-c ", "artkit ").startswith(message)
    assert not set(modules) & (HEAVY | {"rich.console"})


@pytest.mark.parametrize(
    ("arguments", "imported"),
    [(["--help"], set()), (["--version"], set()), (["recipes"], {"recipes"}), (["plugins"], {"plugins"})],
)
def test_commands_are_imported_when_they_are_used(arguments, imported):
    modules = {f"artkit.cli.{command.place.partition(':')[0]}" for command in COMMANDS.values()}
    assert modules & modules_after(*arguments) == {f"artkit.cli.{name}" for name in imported}


def test_help_stays_within_its_budget_of_modules():
    # Counted, since wall time depends on what else the machine does. 117 when this was set, nearly all of them typer's.
    bare = subprocess.run([sys.executable, "-c", "import sys; print(len(sys.modules))"], capture_output=True, text=True)
    assert len(modules_after("--help")) - int(bare.stdout) < 150


def test_the_list_of_plugins_imports_none_of_them(plugin_site):
    plugin_site.add("artkit-loud", "raise AssertionError('imported')")
    for arguments in (["plugins"], ["plugins", "list"]):
        modules = modules_after(*arguments)
        assert not modules & (
            HEAVY | {"artkit_plugins", "artkit_loud", "pluggy", "pydantic", "rich.console", "artkit.contracts"}
        )


def test_importing_artkit_for_plugin_authors_is_light():
    program = (
        "import json, sys; from artkit import Doc, Ge, ModelContext, hookimpl; print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(json.loads(done.stdout)) & (HEAVY | {"typer", "rich", "pydantic", "artkit_plugins"})


def test_the_check_imports_plugins_and_the_built_in_ones_are_light(plugin_site):
    plugin_site.add("artkit-quiet", "")
    modules = modules_after("plugins", "--check")
    assert modules >= {"artkit_plugins", "artkit_quiet"}
    assert not modules & HEAVY


def test_that_a_run_is_finished_is_told_without_torch(tmp_path):
    (tmp_path / "recipe.toml").write_text("")
    (tmp_path / "run.json").write_text(json.dumps(FINISHED))
    modules = modules_after("run", "--resume", str(tmp_path), exit_code=1)
    assert "artkit.engine.folder" in modules
    assert not modules & HEAVY


def test_comparing_runs_needs_no_torch(tmp_path):
    (tmp_path / "recipe.toml").write_text("")
    (tmp_path / "run.json").write_text(json.dumps(FINISHED))
    modules = modules_after("compare", str(tmp_path))
    assert "artkit.engine.comparison.comparing" in modules
    assert not modules & (HEAVY - {"numpy"} | {"scipy", "artkit_plugins"})
