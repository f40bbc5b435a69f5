"""The training loop's settings on the command line: where they land, and what is out of bounds."""

import tomllib

import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.engine.assembly import assemble, open_data
from artkit.engine.run_notes import notes
from artkit.errors import RecipeError


def test_flags_of_the_training_loop_land_in_the_recipe():
    flags = ["--accumulate", "4", "--compile", "--max-minutes", "2.5"]
    result = CliRunner().invoke(app, ["run", *flags, "--print-recipe"], catch_exceptions=False)
    train = tomllib.loads(result.stdout)["train"]
    assert (train["accumulate"], train["compile"], train["max_minutes"]) == (4, True, 2.5)
    plain = CliRunner().invoke(app, ["run", "--print-recipe"], catch_exceptions=False)
    assert tomllib.loads(plain.stdout)["train"]["compile"] is False


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.accumulate=0", r"accumulate=0 is out of bounds; it must be >= 1"),
        ("train.clip=-1", r"clip=-1.* is out of bounds; it must be >= 0"),
        ("train.ema=1", r"ema=1.* is out of bounds; it must be .*< 1"),
        ("train.precision=fp8", r"precision"),
        ("train.max_minutes=-1", r"max_minutes=-1.* is out of bounds; it must be >= 0"),
        ("data.grow_after=1.5", r"grow_after=1.5 is out of bounds"),
    ],
)
def test_settings_out_of_bounds_are_refused_with_the_rule(training_bench, assignment, message):
    with pytest.raises(RecipeError, match=message):
        training_bench.recipe(assignment)


def test_a_run_by_the_clock_says_that_it_cannot_be_repeated_exactly(training_bench):
    recipe = training_bench.recipe("train.max_minutes=5")
    said = list(notes(assemble(recipe, open_data(recipe))))
    assert "train.max_minutes=5: the schedule follows the clock, so this run cannot be repeated to the last bit" in said
