"""The recipes that come with artkit: listed, called by name, printed in full, and each of them trains."""

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from artkit import ScheduleContext
from artkit.cli import app
from artkit.errors import RecipeError
from artkit.recipe import CommandLine, read_recipe_file, recipe_summary, resolve_recipe, shipped_recipes
from artkit.registry import load_registry

# What makes an epoch on the demo affordable; the kinds of component, and all else, are those of the recipe.
SMALLER = {
    "default": ["--set", "model.width=8"],
    "artist-prediction": ["--set", "model.layers=2,2", "--batch-size", "64"],
    "painting-processing": ["--set", "model.depth=18", "--set", "model.weights=none"],
    "finetune": ["--set", "model.weights=none"],
}


def artkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_all_are_listed_with_a_line_each():
    lines = artkit("recipes").stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(shipped_recipes()) == sorted(SMALLER)
    for name, file in shipped_recipes().items():
        summary = recipe_summary(file.read_text(encoding="utf-8"))
        assert len(summary) > 20
        assert any(line.split() == [name, *summary.split()] for line in lines)


@pytest.mark.parametrize("name", SMALLER)
def test_the_printed_recipe_names_every_option_and_is_the_same_recipe(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = artkit("run", name, "--print-recipe")
    assert result.exit_code == 0, result.output
    assert list(tmp_path.iterdir()) == [], "printing does nothing else"
    (tmp_path / "printed.toml").write_text(result.stdout)
    assert artkit("run", "printed.toml", "--print-recipe").stdout == result.stdout
    registry = load_registry()
    printed, shipped = (
        resolve_recipe(read_recipe_file(path), CommandLine(), registry)
        for path in (tmp_path / "printed.toml", Path(name))
    )
    assert printed.to_plain() == shipped.to_plain()


def test_print_recipe_shows_what_the_command_line_changes():
    result = artkit("run", "artist-prediction", "--print-recipe", "--epochs", "3", "--set", "model.growth_rate=4")
    plain = tomllib.loads(result.stdout)
    assert (plain["train"]["epochs"], plain["model"]["growth_rate"]) == (3, 4)
    assert plain["train"]["patience"] == 40


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLER)
def test_each_trains_on_the_demo(name, tmp_path):
    small = ["--epochs", "1", "--image-size", "16", "--reporter", "none", "--reporter", "metrics"]
    out = tmp_path / "run"
    result = artkit("run", name, *small, *SMALLER[name], "--quiet", "--out", out)
    assert result.exit_code == 0, result.output
    assert (out / "test_metrics.json").is_file()


def test_the_rate_is_not_spent_before_the_last_stage_thaws_even_if_nothing_ever_improves():
    recipe = resolve_recipe(read_recipe_file(Path("painting-processing")), CommandLine(), load_registry())
    train, stages = recipe.train, 5
    assert stages * train.unfreeze_every < train.epochs / 2
    context = ScheduleContext(num_epochs=train.epochs, steps_per_epoch=9, learning_rate=recipe.optimizer.options["lr"])
    schedule = recipe.schedule.component.build(context, recipe.schedule.options)
    for epoch in range(stages * train.unfreeze_every):
        assert schedule(epoch / train.epochs) >= 0.1
        schedule.observe({"val_accuracy": 0.5})
    assert schedule(stages * train.unfreeze_every / train.epochs) == pytest.approx(0.1)


def test_a_file_is_preferred_to_a_recipe_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "finetune").write_text("[train]\nepochs = 7\n")
    assert read_recipe_file(Path("finetune")) == {"train": {"epochs": 7}}


def test_a_folder_of_that_name_does_not_hide_a_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "finetune").mkdir()
    assert read_recipe_file(Path("finetune"))["model"]["name"] == "artkit/resnet18"


@pytest.mark.parametrize("word", ["finetun", "Finetune", "finetune.tml"])
def test_a_wrong_name_is_told_with_the_nearest_and_all(word):
    with pytest.raises(RecipeError, match=rf"there is no recipe {word}; .* Did you mean 'finetune'\?\n.*artist-pred"):
        read_recipe_file(Path(word))


def test_printing_does_not_go_with_resuming(tmp_path):
    result = artkit("run", "--print-recipe", "--resume", tmp_path)
    assert isinstance(result.exception, RecipeError)
    assert "--print-recipe does not go with --resume" in str(result.exception)
