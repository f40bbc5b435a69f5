"""Recipes: layers replace what they name, everything is checked, and a resolved recipe is a recipe."""

import tomllib

import pytest

from artkit.errors import RecipeError
from artkit.recipe import CommandLine, read_recipe_file, resolve_recipe
from artkit.registry import load_registry


@pytest.fixture(scope="module")
def registry():
    return load_registry()


@pytest.fixture
def resolve(registry, tmp_path):
    def resolve(text="", **command_line):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return resolve_recipe(read_recipe_file(path), CommandLine(**command_line), registry)

    return resolve


def names(choices):
    return [choice.component.name for choice in choices]


def test_an_empty_recipe_is_the_default_on_the_demo(resolve):
    recipe = resolve()
    assert recipe.data.path == "demo"
    assert recipe.model.component.id == "artkit/small-resnet"
    assert names(recipe.augmenters) == ["affine", "cutmix"]
    assert "report" in names(recipe.reporters)


def test_a_recipe_replaces_what_it_names_and_leaves_the_rest(resolve):
    recipe = resolve("[train]\nepochs = 3\n[optimizer]\nlr = 0.5\n")
    assert recipe.train.epochs == 3
    assert recipe.train.batch_size == resolve().train.batch_size
    assert recipe.optimizer.component.name == "sgd"
    assert recipe.optimizer.options["lr"] == 0.5


def test_another_component_drops_the_options_of_the_one_before(resolve):
    recipe = resolve('[loss]\nname = "cross-entropy"\n')
    assert recipe.loss.options == {"label_smoothing": 0.0}, "0.05 was meant for balanced-softmax"


def test_the_same_component_by_its_short_name_keeps_the_options(resolve):
    assert resolve('[loss]\nname = "balanced-softmax"\n').loss.options["label_smoothing"] == 0.05


def test_the_command_line_beats_the_recipe_and_set_beats_both(resolve):
    recipe = resolve(
        '[train]\nepochs = 3\nseed = 4\n[model]\nname = "small-resnet"\nwidth = 8\n',
        settings={"train.epochs": 5},
        choices={"optimizer": "adamw"},
        assignments=["model.width=16", "optimizer.lr=0.25", "train.seed=9"],
    )
    assert (recipe.train.epochs, recipe.train.seed) == (5, 9)
    assert recipe.model.options["width"] == 16
    assert recipe.optimizer.component.name == "adamw"
    assert recipe.optimizer.options["lr"] == 0.25


def test_set_reads_text_as_the_type_of_the_option(resolve):
    recipe = resolve(
        choices={"model": "se-densenet"},
        assignments=["model.layers=2,2", "model.reduction=0.25", "train.checkpoint_minutes=0"],
    )
    assert recipe.model.options["layers"] == (2, 2)
    assert recipe.train.checkpoint_minutes == 0.0


def test_numbers_in_toml_must_not_be_text(resolve):
    with pytest.raises(RecipeError, match=r"section \[train\]: epochs='3' is of the wrong type; it must be an integer"):
        resolve('[train]\nepochs = "3"\n')


def test_augmenters_replace_reporters_join(resolve):
    recipe = resolve(augmenters=["none", "affine"], reporters=["no:mosaic", "metrics"])
    assert names(recipe.augmenters) == ["affine"]
    assert "mosaic" not in names(recipe.reporters)
    assert names(recipe.reporters).count("metrics") == 1
    assert resolve(augmenters=["none"]).augmenters == ()


def test_all_reporters_of_the_recipe_can_be_left_out_and_those_that_are_named_stay(resolve):
    assert names(resolve(reporters=["curves", "none", "metrics"]).reporters) == ["curves", "metrics"]
    assert resolve(reporters=["none"]).reporters == ()


def test_one_of_several_is_set_by_its_name_or_alone_without(resolve):
    assignments = ["reporter.mosaic.columns=3", "augmenter.rotation=4", "augmenter.affine.p=0.5"]
    recipe = resolve(augmenters=["affine"], assignments=assignments)
    mosaic = next(choice for choice in recipe.reporters if choice.component.name == "mosaic")
    assert mosaic.options["columns"] == 3
    assert recipe.augmenters[0].options["rotation"] == 4
    assert recipe.augmenters[0].shared["p"] == 0.5


def test_a_resolved_recipe_read_again_is_the_same_recipe(resolve, tmp_path, registry):
    recipe = resolve(
        choices={"model": "se-densenet", "sampler": "class-balanced"},
        assignments=["model.layers=2,2", "augmenter.affine.p=0.25"],
        settings={"data.path": "somewhere"},
    )
    path = tmp_path / "resolved.toml"
    path.write_text(recipe.to_toml())
    again = resolve_recipe(read_recipe_file(path), CommandLine(), registry)
    assert again.to_plain() == recipe.to_plain()
    assert again.data.path == str((tmp_path.cwd() / "somewhere").resolve()), "a recipe must not depend on the folder"


def test_paths_in_a_recipe_are_relative_to_its_folder(tmp_path, registry, monkeypatch):
    (tmp_path / "recipes").mkdir()
    path = tmp_path / "recipes" / "mine.toml"
    path.write_text('plugins = ["mine.py"]\n[data]\npath = "../shards"\n')
    monkeypatch.chdir(tmp_path)
    layer = read_recipe_file(path)
    assert layer["plugins"] == [str(tmp_path / "recipes" / "mine.py")]
    recipe = resolve_recipe({"data": layer["data"]}, CommandLine(), registry)
    assert recipe.data.path == str(tmp_path / "shards")


def test_none_is_kept_although_toml_has_no_null(resolve, tmp_path, registry):
    recipe = resolve(choices={"model": "resnet18", "sampler": "class-balanced"}, assignments=["sampler.size=40"])
    assert tomllib.loads(recipe.to_toml())["model"]["weights"] == "none"
    path = tmp_path / "resolved.toml"
    path.write_text(recipe.to_toml().replace("size = 40", 'size = "none"'))
    again = resolve_recipe(read_recipe_file(path), CommandLine(), registry)
    assert again.model.shared["weights"] is None
    assert again.sampler.options["size"] is None


def test_the_recipe_names_every_option_so_that_changed_defaults_change_no_old_run(resolve):
    plain = tomllib.loads(resolve().to_toml())
    assert plain["model"]["name"] == "artkit/small-resnet@1"
    assert plain["model"]["width"] == 32
    assert plain["augmenter"][0]["p"] == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[modle]\n", r"mine.toml has an unknown section 'modle'. Did you mean 'model'\?"),
        ("[train]\nepoch = 3\n", r"section \[train\] has no option 'epoch'. Did you mean 'epochs'\?"),
        ("[train]\nepochs = 0\n", r"section \[train\]: epochs=0 is out of bounds; it must be >= 1"),
        ("[train]\nbatch_size = 1\n", r"batch_size=1 is out of bounds; it must be >= 2"),
        ("[data]\nfit = 'crop'\n", r"section \[data\]: fit='crop' is not one of 'letterbox', 'squash'"),
        ("model = 3\n", r"'model' is one table; write it as \[model\]"),
        ("[augmenter]\nname = 'affine'\n", r"several of 'augmenter'; write it as \[\[augmenter\]\]"),
        ("plugins = 'mine.py'\n", r"'plugins' is a list of files"),
        (
            "[[augmenter]]\nrotation = 3\n",
            r"augmenter: a table of the recipe has no name; write name = .* in it, beside",
        ),
        ("[model]\nname = 3\n", r"mine.toml: model: name = 3 is no text; name a model"),
        ("[[reporter]]\nname = 3\n", r"mine.toml: reporter: name = 3 is no text; name a reporter"),
        ("[[augmenter]]\nname = 'affine'\np = 2.0\n", r"p=2.0 is out of bounds; it must be >= 0 and <= 1"),
        ("[train\n", r"mine.toml is not valid TOML"),
    ],
)
def test_mistakes_in_a_recipe_are_told_with_the_rule(resolve, text, message):
    with pytest.raises(RecipeError, match=message):
        resolve(text)


def test_an_unknown_option_of_a_section_is_told_with_all_there_are_and_their_defaults(resolve):
    with pytest.raises(RecipeError, match=r"section .train. has no option 'epoch'\. Did you mean 'epochs'\?") as caught:
        resolve("[train]\nepoch = 3")
    assert "required" not in str(caught.value)
    assert ["epochs", "int", "30", ">=", "1"] in [line.split()[:5] for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    "command_line",
    [
        {"assignments": ["reporter.mosaic.columns=3"]},
        {"assignments": ["reporter.columns=3"]},
        {"reporters": ["mosaic"]},
    ],
)
def test_a_table_without_a_name_is_told_whatever_the_command_line_says(resolve, command_line):
    with pytest.raises(RecipeError, match=r"mine.toml: reporter: a table of the recipe has no name"):
        resolve("[[reporter]]\ncolumns = 3\n[[reporter]]\nname = 'mosaic'\n", **command_line)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epochs=3", r"--set epochs=3 cannot be read; write it as kind.option=value"),
        ("train.epochs", r"cannot be read; write it as kind.option=value"),
        ("trian.epochs=3", r"there is no 'trian'. Did you mean 'train'\?"),
        ("model.1.width=3", r"a run has one model; write model.width=3"),
        ("reporter.columns=3", r"this run has these reporters: console, .*; name one of them"),
        ("augmenter.affine.rotation=x", r"rotation='x' is of the wrong type; it must be a number"),
        ("train.epochs=many", r"section \[train\]: epochs='many' is of the wrong type; it must be an integer"),
    ],
)
def test_mistakes_in_set_are_told_with_the_rule(resolve, assignment, message):
    with pytest.raises(RecipeError, match=message):
        resolve(assignments=[assignment])


def test_a_recipe_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(RecipeError, match=r"there is no recipe .*nothing.toml; give the path of a TOML file"):
        read_recipe_file(tmp_path / "nothing.toml")
