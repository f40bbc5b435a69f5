"""`artkit plugins`: the list, the check, and the options of a component, as users see them."""

import json
import subprocess
import sys
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from artkit.cli.plugins import plugins_app
from artkit.contracts import KINDS
from artkit.errors import PluginError, RecipeError
from artkit.registry import plural

VIT = """
    from pathlib import Path
    from typing import Annotated, Literal
    from artkit import Doc, Ge, hookimpl

    @hookimpl
    def artkit_models(register):
        register("vit-tiny", vit, aliases=["vit"])
        register("vit-old", plain, stability="deprecated", note="Use vit-tiny.")

    def vit(
        ctx,
        *,
        depth: Annotated[int, Ge(1), Doc("transformer [blocks]")] = 12,
        norm: Literal["pre", "post"] = "pre",
        weights: Annotated[Path | None, Doc("file to start from")] = None,
    ):
        '''Plain vision transformer.'''

    def plain(ctx):
        '''The first one.'''
"""


@pytest.fixture
def artkit_plugins(monkeypatch):
    """Runs `artkit plugins ...` in this process; 120 columns wide."""
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments: CliRunner().invoke(plugins_app, [str(argument) for argument in arguments])


@pytest.fixture
def mine(tmp_path):
    """A plugin file."""
    path = tmp_path / "mine.py"
    path.write_text(dedent(VIT))
    return path


def rows_of(output: str) -> dict[str, list[str]]:
    """First word of each line -> the other cells, split where two blanks or more are."""
    lines = [line.split("  ") for line in output.splitlines()]
    return {cells[0]: [cell.strip() for cell in cells[1:] if cell.strip()] for cells in lines}


# --- the list -------------------------------------------------------------------------------------------------------


def test_the_list_shows_who_is_installed_without_importing(plugin_site, artkit_plugins):
    plugin_site.add("artkit-loud", "raise AssertionError('imported')", version="0.2")
    vcs = {"url": "https://example.org/v.git", "vcs_info": {"vcs": "git", "commit_id": "3f2a9c1d00"}}
    plugin_site.add("artkit-vit", VIT, version="0.3.1", direct_url=vcs)
    plugin_site.add("artkit-old", VIT, version="0.0.9", requires=["artkit<0.0.1"])
    result = artkit_plugins()
    rows = rows_of(result.stdout)
    assert result.exit_code == 0
    assert rows["plugin"] == ["version", "kinds", "components", "status", "from"]
    assert rows["artkit"] == ["0.1.0", "-", "-", "not checked", "built in"]
    assert rows["artkit-loud"] == ["0.2", "-", "-", "not checked", "installed"]
    assert rows["artkit-old"] == ["0.0.9", "-", "-", "incompatible", "installed"]
    assert rows["artkit-vit"] == ["0.3.1 +g3f2a9c1", "-", "-", "not checked", "https://example.org/v.git"]
    assert "No plugin was imported. `artkit plugins --check` loads them" in result.stderr


def test_the_list_has_a_command_of_its_own_that_says_the_same(plugin_site, artkit_plugins):
    plugin_site.add("artkit-vit", VIT, version="0.3.1")
    assert artkit_plugins("list").stdout == artkit_plugins().stdout
    assert artkit_plugins("list", "--check", "--json").exit_code == 0


def test_the_help_of_the_list_tells_every_key_of_its_json(plugin_site, artkit_plugins):
    plugin_site.add("artkit-vit", VIT)
    told = set(artkit_plugins("list", "-h").stdout.replace(",", " ").split())
    (row, *_) = json.loads(artkit_plugins("--json").stdout)
    assert set(row) <= told


def test_plugins_for_another_artkit_are_told_with_the_command_that_mends_it(plugin_site, artkit_plugins):
    plugin_site.add("artkit-old", VIT, version="0.0.9", requires=["artkit<0.0.1"])
    told = "artkit-old 0.0.9 needs artkit <0.0.1 (have 0.1.0); mend that with `pip install --upgrade artkit-old`\n"
    assert told in artkit_plugins().stdout


def test_the_check_tells_where_to_report_a_failure(plugin_site, artkit_plugins):
    plugin_site.add("artkit-bad", "1 / 0", urls=["Issues, https://example.org/issues"])
    assert ":1\n  report it at https://example.org/issues\n" in artkit_plugins("--check").stdout


def test_the_list_names_plugins_that_are_blocked(plugin_site, artkit_plugins, monkeypatch):
    plugin_site.add("artkit-vit", VIT)
    monkeypatch.setenv("ARTKIT_PLUGINS", "no:artkit-vit")
    assert "blocked by ARTKIT_PLUGINS" in rows_of(artkit_plugins().stdout)["artkit-vit"]
    assert "blocked by ARTKIT_PLUGINS" in rows_of(artkit_plugins("--check").stdout)["artkit-vit"]


def test_the_check_loads_all_and_fills_the_table(plugin_site, artkit_plugins, mine):
    plugin_site.add("artkit-vit", VIT, version="0.3.1")
    plugin_site.add("artkit-empty", "")
    result = artkit_plugins("--check", "--plugin", mine)
    rows = rows_of(result.stdout)
    assert result.exit_code == 0
    assert rows["plugin"] == ["version", "kinds", "components", "status", "import", "from"]
    assert rows["artkit-vit"][:4] == ["0.3.1", "model", "2", "ok"]
    assert rows["artkit-vit"][4].endswith(" ms")
    assert rows["artkit-empty"][1:4] == ["-", "-", "registers nothing"]
    assert "\nartkit-empty 1.0 registers nothing; it needs a function such as `@hookimpl" in result.stdout
    assert rows["mine.py"][:4] == ["-", "model", "2", "ok"]


def test_the_check_shows_the_cause_of_each_failure_and_leaves_with_1(plugin_site, artkit_plugins):
    foo = plugin_site.add("artkit-foo", "import os\nimport kornia_is_not_there", version="0.1")
    typo = plugin_site.add("artkit-typo", "from artkit import hookimpl\n@hookimpl\ndef artkit_model(register): ...")
    plugin_site.add("artkit-vit", VIT)
    result = artkit_plugins("--check")
    rows = rows_of(result.stdout)
    assert result.exit_code == 1
    assert [rows[name][3] for name in ("artkit-foo", "artkit-typo", "artkit-vit")] == ["failed", "failed", "ok"]
    assert (
        "artkit-foo 0.1 failed: ModuleNotFoundError: No module named 'kornia_is_not_there'\n"
        f"  at {foo}:2\n"
        "\n"
        f"artkit-typo 1.0 failed: there is no hook artkit_model. Did you mean 'artkit_models'? ({typo}:2)\n"
    ) in result.stdout


def test_the_check_names_who_imports_large_packages_at_the_top(plugin_site, artkit_plugins):
    # A stand-in of the same name: the real ones are imported already, or take seconds.
    (plugin_site.folder / "tensorflow.py").touch()
    plugin_site.add("artkit-heavy", "import tensorflow")
    assert "artkit-heavy 1.0 imports tensorflow at its top" in artkit_plugins("--check").stdout


def test_a_plugin_file_that_fails_is_shown_by_the_check_like_any_other(artkit_plugins, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("1 / 0")
    result = artkit_plugins("--check", "--plugin", path)
    assert result.exit_code == 1
    assert f"bad.py failed: ZeroDivisionError: division by zero\n  at {path}:1\n" in result.stdout


def test_json_tells_the_same_for_programs(plugin_site, artkit_plugins):
    file = plugin_site.add("artkit-foo", "import kornia_is_not_there", version="0.1")
    plugin_site.add("artkit-vit", VIT, version="0.3.1", entry_point="vit")
    listed = {row["plugin"]: row for row in json.loads(artkit_plugins("--json").stdout)}
    assert (listed["artkit-vit"]["status"], listed["artkit-vit"]["kinds"]) == ("not checked", None)
    result = artkit_plugins("--json", "--check")
    checked = {row["plugin"]: row for row in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert checked["artkit-foo"]["failure"] == {
        "type": "ModuleNotFoundError",
        "message": "No module named 'kornia_is_not_there'",
        "where": f"{file}:1",
    }
    assert checked["artkit-vit"].pop("import_ms") >= 0
    assert checked["artkit-vit"] == {
        "plugin": "artkit-vit",
        "entry_point": "vit",
        "version": "0.3.1",
        "commit": None,
        "editable": False,
        "kinds": ["model"],
        "components": ["artkit-vit/vit-tiny@1", "artkit-vit/vit-old@1"],
        "status": "ok",
        "left_out": None,
        "heavy_imports": [],
        "side_effects": [],
        "from": "installed",
        "sha256": None,
        "issues_url": None,
        "failure": None,
    }


def test_long_origins_are_not_cut_when_the_output_is_piped(plugin_site, artkit_plugins, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    folder = "/srv/" + "a-long-name/" * 20
    plugin_site.add("artkit-vit", VIT, direct_url={"url": f"file://{folder}", "dir_info": {"editable": True}})
    assert f"{folder} (editable)" in artkit_plugins().stdout


# --- show -----------------------------------------------------------------------------------------------------------


def test_show_prints_the_options_of_a_component(artkit_plugins, mine):
    result = artkit_plugins("show", "model", "vit", "--plugin", mine)
    assert result.exit_code == 0
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "model vit-tiny  Plain vision transformer.",
        f"mine.py/vit-tiny@1 from mine.py, {mine}:11",
        "also called vit",
        "",
        "option   type          default  bounds  help",
        "depth    int           12       >= 1    transformer [blocks]",
        "norm     pre | post    pre",
        "weights  path or none  none             file to start from",
    ]


def test_show_tells_the_defaults_that_a_name_of_its_own_sets(artkit_plugins, mine):
    with mine.open("a") as file:
        file.write("\nfrom dataclasses import dataclass\n@dataclass(frozen=True)\nclass Fall:\n    end: float = 0.1\n")
        file.write("\ndef late(ctx, *, start: float = 0.5, fall: Fall = Fall()): ...\n")
        file.write("\n@hookimpl\ndef artkit_losses(register):\n    register('late', late, presets=PRESETS)\n")
        file.write("\nPRESETS = {'start': 0.8, 'fall': {'end': 0.2}}\n")
    lines = artkit_plugins("show", "loss", "late", "--plugin", mine).stdout.splitlines()
    assert lines[2] == "presets start = 0.8, fall = {end = 0.2}"
    assert [line.split() for line in lines[5:7]] == [["start", "float", "0.8"], ["fall.end", "float", "0.2"]]


def test_show_warns_of_deprecated_components_and_knows_those_without_options(artkit_plugins, mine):
    result = artkit_plugins("show", "models", "vit-old", "--plugin", mine)
    assert result.stdout.splitlines()[2:5] == [
        "model 'vit-old' (mine.py) is deprecated. Use vit-tiny.",
        "",
        "It has no options.",
    ]


def test_show_prints_the_options_of_sections_that_belong_to_no_component(artkit_plugins):
    rows = rows_of(artkit_plugins("show", "train").stdout)
    assert rows["patience"] == ["int", "0", ">= 0", "stop after so many epochs without gain; 0 = never"]
    assert {"ema", "clip", "accumulate", "max_minutes", "freeze"} < rows.keys()
    alone = artkit_plugins("show", "data", "image_size").stdout
    assert "section [data] of a recipe, or --set data.OPTION=VALUE" in alone
    assert "image_size" in alone
    assert "threads" not in alone


def test_show_alone_lists_the_components_of_all_kinds(artkit_plugins, mine):
    result = artkit_plugins("show", "--plugin", mine)
    assert result.exit_code == 0
    parts = result.stdout.split("\n\n")
    assert [part.partition("\n")[0] for part in parts] == [plural(kind) for kind in KINDS]
    assert rows_of(parts[0].partition("\n")[2])["vit-tiny"] == ["mine.py", "Plain vision transformer."]


def test_show_takes_plugin_files_before_and_after_its_name(artkit_plugins, mine):
    assert artkit_plugins("--plugin", mine, "show", "model", "vit").exit_code == 0


def test_show_lists_the_components_of_a_kind_by_id_where_names_clash(plugin_site, artkit_plugins, mine):
    plugin_site.add("artkit-vit", VIT.replace('"vit-old"', '"vit-new"'), version="0.3.1")
    rows = rows_of(artkit_plugins("show", "models", "--plugin", mine).stdout)
    assert rows["artkit-vit/vit-tiny@1"] == ["artkit-vit 0.3.1", "Plain vision transformer."]
    assert rows["mine.py/vit-tiny@1"] == ["mine.py", "Plain vision transformer."]
    assert rows["vit-old"] == ["mine.py", "The first one. (deprecated)"]
    assert rows["se-densenet"][0] == "artkit 0.1.0"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["show", "modle"], RecipeError, "^no kind 'modle'. Did you mean 'model'?\n  there are: model, augmenter, sam"),
        (["show", "train", "patiense"], RecipeError, "^section .train. has no option 'patiense'. Did you mean 'pat"),
        (["show", "vit"], RecipeError, "^no kind 'vit', but a model: artkit plugins show model vit$"),
        (["show", "model", "vti-tiny"], RecipeError, "^no model 'vti-tiny'. Did you mean 'vit-tiny'?"),
        (["--plugin", "gone.py"], RecipeError, "^the plugin file gone.py is not there; if it was moved, --plugin"),
        (["--plugin", "bad.py", "show", "model"], PluginError, "^the plugin bad.py could not be loaded: ZeroDivisionE"),
    ],
)
def test_mistakes_are_told(plugin_site, artkit_plugins, tmp_path, monkeypatch, arguments, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text("1 / 0")
    plugin_site.add("artkit-vit", VIT)
    result = artkit_plugins(*arguments)
    with pytest.raises(error, match=message.replace("?", r"\?")):
        raise result.exception


def test_flags_of_the_list_do_not_go_with_show(artkit_plugins):
    result = artkit_plugins("--check", "show", "model")
    assert result.exit_code == 2
    assert "--check and --json do not go with 'show'" in " ".join(result.stderr.replace("│", " ").split())
    advice = artkit_plugins("--json", "list")
    assert "do not go with 'list' in front of it; write them behind it" in " ".join(
        advice.stderr.replace("│", " ").split()
    )


def test_mistakes_are_one_clear_message_and_no_traceback(plugin_site):
    command = [sys.executable, "-c", "from artkit.cli import main; main()", "plugins", "show", "model", "se-densnet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: no model 'se-densnet'. Did you mean 'se-densenet'?\n  there are: ")
