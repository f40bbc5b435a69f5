"""Options of plugins in recipes: groups, paths, former names, versions."""

from pathlib import Path

import pytest

from artkit.cli.resolving import resolve
from artkit.cli.shard_source import list_images
from artkit.errors import RecipeError
from artkit.recipe import CommandLine, read_recipe_file, resolve_recipe
from artkit.registry import load_registry

PLUGIN = """
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from artkit import Ge, hookimpl

@dataclass(frozen=True)
class Stem:
    width: Annotated[int, Ge(1)] = 64
    table: Path | None = None

@dataclass(frozen=True)
class Zoom:
    factor: float

@hookimpl
def artkit_models(register):
    register("net", net, renamed={"layers": "depth", "stem_width": "stem.width"})
    register("old.net", net, stability="deprecated", note="Use net.", renamed={"layers": "depth"})

@hookimpl
def artkit_sources(register):
    register("old.source", source, renamed={"layers": "depth"}, stability="deprecated", note="Use folder.")

@hookimpl
def artkit_losses(register):
    register("margin", margin_1)
    register("margin", margin_2, version=2)

@hookimpl
def artkit_augmenters(register):
    register("old.film", film, renamed={"sharpness": "grain"}, stability="deprecated", note="Use colour.")
    register("lens", lens)

def net(ctx, *, stem: Stem = Stem(), depth: int = 3, files: tuple[Path, ...] = (), file: Path = Path("classes.txt"),
        start: Literal["mean"] | Path = "mean"): ...
def source(ctx, *, depth: int = 3):
    return []
def margin_1(ctx, *, margin: float = 0.5): ...
def margin_2(ctx, *, scale: float = 30.0): ...
def film(ctx, *, stem: Stem = Stem(), grain: float = 0.1): ...
def lens(ctx, *, zoom: Zoom): ...
"""


@pytest.fixture(scope="module")
def plugin_registry(tmp_path_factory):
    file = tmp_path_factory.mktemp("plugin") / "mine.py"
    file.write_text(PLUGIN)
    return load_registry([file])


@pytest.fixture
def resolve_file(plugin_registry, tmp_path):
    def resolve_text(text, **command_line):
        path = tmp_path / "recipes" / "mine.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return resolve_recipe(read_recipe_file(path), CommandLine(**command_line), plugin_registry)

    return resolve_text


# --- groups ---------------------------------------------------------------------------------------------------------


def test_a_group_is_a_table_in_the_recipe_and_set_by_its_full_name(resolve_file):
    recipe = resolve_file('[model]\nname = "net"\n[model.stem]\nwidth = 8\n', assignments=["model.stem.table=a.csv"])
    stem = recipe.model.options["stem"]
    assert (stem.width, stem.table) == (8, Path("a.csv"))
    assert recipe.to_plain()["model"]["stem"] == {"width": 8, "table": str(Path.cwd() / "a.csv")}


@pytest.mark.parametrize(
    ("text", "option", "value"),
    [
        ('[sampler]\nname = "by-column"\n', "sampler.column", "style"),
        ('[[augmenter]]\nname = "flips"\n[[augmenter]]\nname = "lens"\n', "augmenter.lens.zoom.factor", "2"),
    ],
)
def test_whoever_lacks_a_required_option_is_told_how_to_give_it(resolve_file, text, option, value):
    with pytest.raises(RecipeError, match=rf"is required; give it: --set {option}=VALUE$"):
        resolve_file(text)
    resolve_file(text, assignments=[f"{option}={value}"])


def test_groups_of_augmenters_are_set_with_and_without_the_name_of_the_augmenter(resolve_file):
    assignments = ["augmenter.stem.width=8", "augmenter.old.film.grain=0.5", "augmenter.mine.py/old.film.stem.table=b"]
    (film,) = resolve_file('[[augmenter]]\nname = "old.film"\n', assignments=assignments).augmenters
    assert (film.options["stem"].width, film.options["stem"].table) == (8, Path("b"))
    assert film.options["grain"] == 0.5


def test_set_on_a_model_without_that_group_says_how_to_write_it(resolve_file):
    with pytest.raises(RecipeError, match=r"--set model.head.width=3: a run has one model; write model.width=3"):
        resolve_file('[model]\nname = "net"\n', assignments=["model.head.width=3"])
    with pytest.raises(
        RecipeError, match=r"model.depth is int and has no options in it; a table is written model.depth=a=3"
    ):
        resolve_file('[model]\nname = "net"\n', assignments=["model.depth.a=3"])
    with pytest.raises(RecipeError, match=r"has no option 'stem.wdith'. Did you mean 'stem.width'\?"):
        resolve_file('[model]\nname = "net"\n', assignments=["model.stem.wdith=3"])


def test_a_recipe_with_groups_read_again_is_the_same_recipe(resolve_file):
    recipe = resolve_file('[model]\nname = "net"\nstem = { width = 8 }\nfiles = ["a", "/b"]\nstart = "x"\n')
    again = resolve_file(recipe.to_toml())
    assert again.to_toml() == recipe.to_toml()


# --- paths ----------------------------------------------------------------------------------------------------------


def test_paths_of_components_are_relative_to_the_recipe_that_names_them(resolve_file, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    text = '[model]\nname = "net"\nfiles = ["a.txt", "/b.txt"]\nstart = "run"\nstem.table = "t.csv"\n'
    model = resolve_file(text, assignments=["model.file=c.txt"]).model
    folder = tmp_path / "recipes"
    assert model.options["files"] == (folder / "a.txt", Path("/b.txt"))
    assert model.options["start"] == folder / "run"
    assert model.options["stem"].table == folder / "t.csv"
    assert model.to_plain()["file"] == str(elsewhere / "c.txt"), "the command line is relative to where it is typed"


def test_a_choice_is_not_taken_for_a_path(resolve_file):
    assert resolve_file('[model]\nname = "net"\nstart = "mean"\n').model.options["start"] == "mean"
    assert resolve_file('[model]\nname = "net"\nstem.table = "none"\n').model.options["stem"].table is None


# --- former names and versions --------------------------------------------------------------------------------------


def test_a_renamed_option_is_noted_once_and_recorded_by_its_name_now(resolve_file):
    model = resolve_file('[model]\nname = "net"\nlayers = 5\nstem_width = 8\n').model
    assert model.notes == (
        "model 'net' (mine.py): the option 'layers' is called 'depth' now; recipes may go on using 'layers'",
        "model 'net' (mine.py): the option 'stem_width' is called 'stem.width' now; "
        "recipes may go on using 'stem_width'",
    )
    plain = model.to_plain()
    assert (plain["depth"], plain["stem"]["width"]) == (5, 8)
    assert "layers" not in plain


@pytest.mark.parametrize("assignment", ["model.depth=7", "model.layers=7"])
def test_the_command_line_replaces_an_option_under_either_name(resolve_file, assignment):
    model = resolve_file('[model]\nname = "net"\nlayers = 5\n', assignments=[assignment]).model
    assert model.options["depth"] == 7


def test_a_deprecated_component_is_noted_with_what_replaces_it(resolve_file):
    assert resolve_file('[model]\nname = "old.net"\n').model.notes == (
        "model 'old.net' (mine.py) is deprecated. Use net.",
    )


def test_what_several_components_warn_of_alike_is_told_once(plugin_registry, capsys):
    layer = {"model": {"name": "old.net"}, "augmenter": [{"name": "old.film", "sharpness": 1.0}, {"name": "old.film"}]}
    resolve(layer, CommandLine(), plugin_registry)
    assert capsys.readouterr().err.splitlines() == [
        "note: model 'old.net' (mine.py) is deprecated. Use net.",
        "note: augmenter 'old.film' (mine.py) is deprecated. Use colour.",
        "note: augmenter 'old.film' (mine.py): the option 'sharpness' is called 'grain' now; "
        "recipes may go on using 'sharpness'",
    ]


def test_conversion_is_told_the_same_of_sources(plugin_registry, tmp_path):
    listing = list_images(plugin_registry, tmp_path, source="old.source", flags={}, options={"layers": 2})
    assert listing.notes == [
        "source 'old.source' (mine.py) is deprecated. Use folder.",
        "source 'old.source' (mine.py): the option 'layers' is called 'depth' now; recipes may go on using 'layers'",
    ]


def test_without_a_version_the_newest_is_meant_and_records_say_which(resolve_file):
    loss = resolve_file('[loss]\nname = "margin"\nscale = 20.0\n').loss
    assert (loss.component.version, loss.to_plain()["name"]) == (2, "mine.py/margin@2")


def test_a_recipe_of_an_older_run_keeps_its_version(resolve_file):
    old = resolve_file('[loss]\nname = "mine.py/margin@1"\nmargin = 0.25\n')
    again = resolve_file(old.to_toml())
    assert again.loss.to_plain() == {"name": "mine.py/margin@1", "defer": 0.0, "margin": 0.25}


def test_another_version_drops_the_options_of_the_one_before(resolve_file):
    loss = resolve_file('[loss]\nname = "margin@1"\nmargin = 0.25\n', choices={"loss": "margin"}).loss
    assert loss.options == {"scale": 30.0}


def test_a_version_that_is_not_there_says_what_there_is(resolve_file):
    with pytest.raises(RecipeError, match=r"loss 'margin' .* has no version @3; there is @1 and @2\. Without @ it"):
        resolve_file('[loss]\nname = "margin@3"\n')
