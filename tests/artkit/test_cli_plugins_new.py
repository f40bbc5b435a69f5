"""`artkit plugins new`: what it writes and says, and what it refuses."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from artkit.cli.plugins import plugins_app
from artkit.errors import PluginError, RecipeError
from artkit.testing import load_plugin

MINE = """
    from typing import Annotated

    from artkit import Ge, hookimpl


    @hookimpl
    def artkit_models(register):
        register("plain-net", plain_net)


    @hookimpl
    def artkit_losses(register):
        register("focal", focal)
        register("focal", focal, version=2)


    def plain_net(ctx, *, width: Annotated[int, Ge(1), "channels | at the end"]):
        '''Two convolutions | no more.'''
        import sklearn


    def focal(ctx):
        '''The focal loss.'''
        from helpers_of_mine import weights
"""


@pytest.fixture
def new(tmp_path, monkeypatch, plugin_site):
    """Runs `artkit plugins new ...` in an empty folder, `tmp_path / "here"`; errors are raised."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return lambda *arguments: CliRunner().invoke(plugins_app, ["new", *map(str, arguments)], catch_exceptions=False)


def test_it_ends_with_the_three_commands_that_come_next(new):
    result = new("artkit-film-grain", "--kind", "augmenter")
    assert result.stderr == ""
    wrote, says_next, install, test, use = result.stdout.splitlines()
    assert wrote.startswith("wrote artkit-film-grain: an augmenter in artkit_film_grain.py, pyproject.toml, README.md,")
    assert says_next == "next:"
    assert install.endswith("pip install --editable './artkit-film-grain[test]'")
    assert (test, use) == ("  pytest artkit-film-grain", "  artkit run --augmenter film-grain")


def test_setuptools_can_be_imported_after_it(tmp_path):
    """It cannot once anyone has asked whether pip could be imported; torch compiles nothing without it."""
    program = """if True:
        from artkit.cli.plugins import plugins_app
        plugins_app(["new", "artkit-vit"], standalone_mode=False)
        import setuptools
    """
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "pip install --editable './artkit-vit[test]'" in done.stdout


def test_a_model_is_the_example_without_a_kind_and_the_folder_can_be_chosen(new, tmp_path):
    result = new("vit", "--out", tmp_path / "a folder" / "of mine")
    module = tmp_path / "a folder" / "of mine" / "vit.py"
    assert [(found.kind, found.name) for found in load_plugin(module).components()] == [("model", "vit")]
    assert f"pytest '{module.parent}'" in result.stdout


def test_an_empty_folder_is_filled(new):
    Path("artkit-vit").mkdir()
    assert new("artkit-vit").exit_code == 0
    assert Path("artkit-vit/artkit_vit.py").is_file()


def test_the_folder_one_is_in_is_filled_if_it_is_empty(new, tmp_path):
    assert new("artkit-vit", "--out", ".").exit_code == 0
    assert Path("artkit_vit.py").is_file()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_file_of_ones_own_becomes_the_module_byte_by_byte(new):
    text = "# -*- coding: latin-1 -*-\r\n# Müller\r\n" + dedent(MINE)
    Path("mine.py").write_bytes(text.encode("latin-1"))
    result = new("artkit-mine", "--from", "mine.py")
    assert result.exit_code == 0
    assert Path("artkit-mine/artkit_mine.py").read_bytes() == text.encode("latin-1")
    assert "a model and a loss in artkit_mine.py" in result.stdout
    readme = Path("artkit-mine/README.md").read_text()
    assert "| model | `plain-net` | Two convolutions \\| no more. |" in readme
    assert readme.count("| `focal` |") == 1
    assert "artkit run --model plain-net --set model.width=...    # put values in place of ..." in readme
    assert "artkit run --loss focal\n" in readme


@pytest.mark.parametrize("examples", ["", ", examples=[{'width': 8}]"])
def test_a_component_that_needs_an_option_is_told_to_need_it_in_checks_unless_it_has_examples(new, examples):
    Path("mine.py").write_text(dedent(MINE).replace("plain_net)", f"plain_net{examples})", 1))
    assert new("artkit-mine", "--from", "mine.py").exit_code == 0
    readme, test = (Path("artkit-mine", name).read_text() for name in ("README.md", "tests/test_contract.py"))
    option = "" if examples else " --set model.plain-net.width=..."
    assert f"\nartkit plugins check artkit-mine{option}    # the same checks of the contract, w" in readme
    assert ('# cases={"plain-net": [{"width": ...}]}\n' in test) == (not examples)


def test_what_a_file_imports_is_required_told_to_be_missing_or_there_with_artkit(new):
    Path("mine.py").write_text(dedent(MINE) + "\n\ndef late():\n    import torch, json\n    import numpy.linalg\n")
    result = new("artkit-mine", "--from", "mine.py")
    assert (
        'dependencies = [\n    "artkit>=0.1,<1",\n    "scikit-learn",\n]'
        in Path("artkit-mine/pyproject.toml").read_text()
    )
    assert "note: artkit_mine.py imports helpers_of_mine, which no installed package has; put it" in result.stderr


def test_names_that_others_have_are_told(new, plugin_site):
    Path("mine.py").write_text(dedent(MINE))
    result = new("artkit-mine", "--from", "mine.py")
    assert (
        "note: artkit 0.1.0 has a loss 'focal' too: users of both must choose one with --prefer focal=" in result.stderr
    )
    assert "plain-net' too" not in result.stderr


def test_a_large_package_at_the_top_of_a_file_is_told(new, plugin_site):
    # A stand-in of the same name: the real ones are imported already, or take seconds.
    (plugin_site.folder / "tensorflow.py").touch()
    Path("mine.py").write_text("import tensorflow\n" + dedent(MINE))
    assert "artkit_mine.py imports tensorflow at its top" in new("artkit-mine", "--from", "mine.py").stderr


def test_ones_own_plugin_may_be_written_anew_while_it_is_installed(new, plugin_site):
    plugin_site.add("artkit-vit", "")
    assert new("artkit-vit").exit_code == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Film_Grain",
            r"^'Film_Grain' cannot be the name of a package; names have .* Did you mean 'film-grain'\?$",
        ),
        ("3d", "^'3d' cannot be the name of a package; .* start with a letter, such as artkit-film-grain\\.$"),
        ("../up", "^'../up' cannot be the name of a package; names have a-z"),
        ("", "^'' cannot be the name of a package; names have a-z"),
        ("artkit", "^'artkit' cannot be the name of a package: it is artkit's own; choose another name$"),
        ("lambda", "`lambda` is a word of Python; choose another name$"),
        ("json", "`json` is a module of Python's own; choose another name$"),
        ("torch", "the module `torch` is installed already, and one of the two would hide the other; choose another"),
    ],
)
def test_names_that_cannot_be_are_refused_with_the_rule(new, name, message):
    with pytest.raises(RecipeError, match=message):
        new(name)
    assert not list(Path().iterdir())


def test_nothing_is_overwritten(new):
    Path("artkit-vit").mkdir()
    Path("artkit-vit/notes.txt").write_text("mine")
    Path("file").touch()
    with pytest.raises(
        RecipeError, match=r"^artkit-vit exists already, and nothing is overwritten; name another folder"
    ):
        new("artkit-vit")
    with pytest.raises(RecipeError, match=r"^file exists already, and nothing is overwritten"):
        new("artkit-vit", "--out", "file")
    assert [path.name for path in Path("artkit-vit").iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_written_is_told(new):
    Path("file").touch()
    with pytest.raises(RecipeError, match=r"^file/below cannot be written: .*; name another folder with --out$"):
        new("artkit-vit", "--out", "file/below")
    with pytest.raises(RecipeError, match=r" cannot be written: File name too long; name another folder with --out$"):
        new(f"artkit-{'x' * 300}")
    result = new("artkit-vit", "--out", "")
    assert result.exit_code == 2
    assert "the path is empty" in result.stderr


def test_files_that_register_nothing_or_fail_are_refused_before_anything_is_written(new):
    Path("empty.py").touch()
    Path("bad.py").write_text("1 / 0")
    with pytest.raises(RecipeError, match=r"^gone.py is not there; --from takes the path of one Python file$"):
        new("artkit-vit", "--from", "gone.py")
    with pytest.raises(RecipeError, match=r"^empty.py registers nothing; it needs a function such as `@hookimpl"):
        new("artkit-vit", "--from", "empty.py")
    with pytest.raises(PluginError, match=r"^the plugin bad.py could not be loaded: ZeroDivisionError: .*\n  at .*:1$"):
        new("artkit-vit", "--from", "bad.py")
    assert not Path("artkit-vit").exists()


def test_kinds_are_checked_and_do_not_go_with_a_file(new):
    with pytest.raises(RecipeError, match=r"^no kind 'modle'. Did you mean 'model'"):
        new("artkit-vit", "--kind", "modle")
    result = new("artkit-vit", "--kind", "model", "--from", "mine.py")
    assert result.exit_code == 2
    assert "--kind chooses an example" in result.stderr
