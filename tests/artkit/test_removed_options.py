"""Recipes with an option that is gone: of a reporter they go on without it, of what decides results they do not."""

import json
import shutil
import tomllib
from textwrap import dedent

import pytest
import tomli_w
from typer.testing import CliRunner

from artkit.cli import app
from artkit.errors import RecipeError
from artkit.recipe import CommandLine, resolve_recipe
from artkit.registry import load_registry

PLUGIN = """
    from dataclasses import dataclass

    from artkit import hookimpl

    @dataclass(frozen=True)
    class Sheet:
        width: int = 8

    @hookimpl
    def artkit_reporters(register):
        register("tally", tally, removed={"rows": "it has as many as it takes", "sheet.dpi": "use sheet.width"})

    @hookimpl
    def artkit_models(register):
        register("clay", clay, removed={"heads": "set width"})

    def tally(ctx, *, every: int = 1, sheet: Sheet = Sheet()):
        return object()

    def clay(ctx, *, width: int = 8):
        return width
"""


@pytest.fixture
def registry(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(dedent(PLUGIN))
    return load_registry([file])


def tally(registry, table, *assignments):
    layer = {"reporter": [{"name": "tally", **table}]}
    (choice,) = resolve_recipe(layer, CommandLine(assignments=assignments), registry).reporters
    return choice


def test_a_recipe_goes_on_without_an_option_that_its_reporter_does_not_have_any_more(registry):
    choice = tally(registry, {"rows": 3, "every": 5, "sheet": {"width": 9, "dpi": 300}})
    assert choice.options["every"] == 5
    assert choice.options["sheet"].width == 9
    assert "rows" not in choice.to_plain()
    assert choice.notes == (
        "reporter 'tally' (mine.py) has no option 'rows' any more, and goes without: it has as many as it takes",
        "reporter 'tally' (mine.py) has no option 'sheet.dpi' any more, and goes without: use sheet.width",
    )


def test_a_recipe_without_such_options_has_nothing_to_tell(registry):
    choice = tally(registry, {"every": 5})
    assert (choice.options["every"], choice.notes) == (5, ())


def test_whoever_types_it_is_told_by_an_error(registry):
    with pytest.raises(RecipeError, match="has no option 'rows' any more: it has as many as it takes"):
        tally(registry, {"rows": 3}, "reporter.tally.rows=4")


def test_an_option_that_never_was_is_an_error_all_the_same(registry):
    with pytest.raises(RecipeError, match=r"has no option 'row'\."):
        tally(registry, {"row": 3})


def test_what_decides_results_is_refused_with_an_option_that_is_gone(registry):
    with pytest.raises(RecipeError, match=r"model 'clay' .* has no option 'heads' any more: set width"):
        resolve_recipe({"model": {"name": "clay", "heads": 2}}, CommandLine(), registry)


def test_a_run_with_the_pairs_of_mosaic_in_its_recipe_is_resumed_and_drawn_again(uneven_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(uneven_run, run)
    recipe = tomllib.loads((run / "recipe.toml").read_text())
    recipe["reporter"].append({"name": "artkit/mosaic@1", "pairs": 12})
    (run / "recipe.toml").write_text(tomli_w.dumps(recipe))
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "status": "running", "tested": None}))
    told = "has no option 'pairs' any more, and goes without: take it out, and name the reporter confused-pairs"
    for arguments in (["run", "--resume", str(run)], ["report", str(run), "--reporter", "mosaic"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        assert told in result.output
    assert (run / "mosaics" / "by_true").is_dir()
