"""The schema of recipes: it is valid itself, and allows what artkit allows."""

import enum
import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from artkit.annotations import Ge, Gt, Interval, Le, Lt, MultipleOf
from artkit.cli import app
from artkit.errors import RecipeError, RunError
from artkit.kinds import SEVERAL, SINGLE
from artkit.options import CommandLineText, OptionTable, to_plain
from artkit.options.schema import table_schema
from artkit.options.values import value_text
from artkit.recipe import CommandLine, recipe_schema, resolve_recipe, shipped_recipes
from artkit.recipe.sections import PLUGINS, SETTINGS
from artkit.registry import load_registry

PLUGIN = '''
from dataclasses import dataclass
from typing import Annotated
from artkit import Doc, Ge, hookimpl

@dataclass(frozen=True)
class Stem:
    width: Annotated[int, Ge(1), Doc("channels")] = 64

@hookimpl
def artkit_models(register):
    register("net", net, renamed={"layers": "depth"}, aliases=["network"])
    register("small-resnet", net)
    register("old-net", net, stability="deprecated", note="Use net.")

@hookimpl
def artkit_losses(register):
    register("margin", margin_1)
    register("margin", margin_2, version=2)

def net(ctx, *, depth: int, stem: Stem = Stem()):
    """A net."""
def margin_1(ctx, *, margin: float = 0.5): ...
def margin_2(ctx, *, scale: float = 30.0): ...
'''


@pytest.fixture(scope="module")
def plugin_file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("plugin") / "mine.py"
    file.write_text(PLUGIN)
    return file


@pytest.fixture(scope="module")
def schema(plugin_file) -> dict[str, Any]:
    return recipe_schema(load_registry([plugin_file]))


@pytest.fixture(scope="module")
def is_valid(schema):
    validator = jsonschema.Draft202012Validator(schema)
    return lambda text: validator.is_valid(tomllib.loads(text))


# --- recipes --------------------------------------------------------------------------------------------------------


def test_the_schema_is_one_and_knows_every_section(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) == {PLUGINS, *SETTINGS, *SINGLE, *SEVERAL}


@pytest.mark.parametrize("name", shipped_recipes())
def test_recipes_that_come_with_artkit_are_valid(is_valid, name):
    assert is_valid(shipped_recipes()[name].read_text(encoding="utf-8"))


def test_the_recipe_that_a_run_leaves_is_valid(is_valid, plugin_file):
    command_line = CommandLine(choices={"model": "net"}, assignments=["model.depth=3"])
    assert is_valid(resolve_recipe({}, command_line, load_registry([plugin_file])).to_toml())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[train]\nepochs = 3",
        "[optimizer]\nlr = 0.5",
        '[model]\nname = "net"\ndepth = 3\nstem = { width = 8 }',
        '[model]\nname = "network"\nlayers = 3',
        '[model]\nname = "mine.py/net@1"\ndepth = 3',
        '[model]\nname = "mine.py/small-resnet"\ndepth = 3',
        '[loss]\nname = "margin"\nscale = 3.5',
        '[loss]\nname = "margin@1"\nmargin = 0.5',
        '[[augmenter]]\nname = "affine"\np = 0.5\n[[augmenter]]\nname = "flips"',
        'plugins = ["mine.py"]',
        "[retrain]\nviews = 2",
    ],
)
def test_what_recipes_may_say_is_valid(is_valid, text):
    assert is_valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "[trian]\nepochs = 3",
        "[train]\nepoch = 3",
        '[train]\nepochs = "3"',
        "[train]\nepochs = 0",
        "[model]\nname = 3",
        '[model]\nname = "nat"',
        '[model]\nname = "old-net"',  # without its depth
        '[model]\nname = "net"\ndepth = 3\nstem = { wdith = 8 }',
        '[model]\nname = "net"\ndepth = 3\nstem = { width = 0 }',
        '[model]\nname = "net@2"\ndepth = 3',
        '[model]\nname = "small-resnet"',  # two plugins have it
        '[loss]\nname = "margin"\nmargin = 0.5',
        "[optimizer]\nlearning_rate = 0.5",
        "[[optimizer]]\nlr = 0.5",
        "[[augmenter]]\nrotation = 3.0",
        '[augmenter]\nname = "affine"',
        'plugins = "mine.py"',
    ],
)
def test_what_recipes_may_not_say_is_invalid(is_valid, text):
    assert not is_valid(text)


def test_an_error_is_about_the_very_option(schema):
    wrong = {"optimizer": {"name": "sgd", "learning_rate": 0.1}, "augmenter": [{"name": "flips", "horizontal": 2.0}]}
    errors = jsonschema.Draft202012Validator(schema).iter_errors(wrong)
    assert sorted(error.message for error in errors) == [
        "2.0 is greater than the maximum of 1",
        "Additional properties are not allowed ('learning_rate' was unexpected)",
    ]


def test_editors_are_told_names_help_defaults_and_what_is_deprecated(schema):
    variants = {variant["title"]: variant for variant in schema["$defs"].values()}
    net = variants["model net"]
    assert net["description"] == "A net. (mine.py)"
    assert net["properties"]["name"]["anyOf"][0] == {"enum": ["net", "network"]}
    width = net["properties"]["stem"]["properties"]["width"]
    assert width == {"type": "integer", "minimum": 1, "description": "channels", "default": 64}
    assert net["properties"]["layers"]["deprecated"]
    assert net["properties"]["layers"]["description"] == "layers is called depth now"
    assert variants["model old-net"]["deprecated"]
    assert "deprecated" not in net
    assert schema["properties"]["train"]["properties"]["epochs"]["default"] == 30


# --- options --------------------------------------------------------------------------------------------------------


class Fill(enum.Enum):
    EDGE = "edge"
    WHITE = "white"


@dataclass(frozen=True)
class Stem:
    width: Annotated[int, Ge(1)] = 2
    name: str = "a"


def many(
    ctx,
    *,
    flag: bool = True,
    count: Annotated[int, Ge(-1), Lt(3)] = 1,
    even: Annotated[int, MultipleOf(2)] = 2,
    rate: Annotated[float, Gt(0), Le(1)] = 0.5,
    share: Annotated[float | None, Interval(ge=0, lt=1)] = None,
    text: str = "",
    file: Path | None = None,
    order: Literal["edge", 2, None] = "edge",
    fill: Fill = Fill.EDGE,
    auto: Annotated[int, Ge(1)] | Literal["auto"] = "auto",
    layers: Annotated[tuple[int, ...], Ge(1)] = (1,),
    pair: tuple[float, str] = (1.0, "a"),
    names: list[str] = [],  # noqa: B006
    weights: dict[str, Annotated[float, Ge(0)]] | Literal["auto"] = "auto",
    gaps: list[Annotated[int, Ge(0)] | None] = [],  # noqa: B006
    marks: dict[str, Literal["a"] | None] = {},  # noqa: B006
    stem: Stem = Stem(),
    head: Stem | None = None,
) -> None: ...


MANY = OptionTable.from_factory(many, owner="model 'many'", plugin="mine.py")
MANY_VALIDATOR = jsonschema.Draft202012Validator(table_schema(MANY))

SIMPLE = st.one_of(
    st.booleans(),
    st.integers(-3, 4),
    # JSON does not tell 1.0 from 1.
    st.floats(-2, 2).filter(lambda value: not value.is_integer()),
    st.sampled_from(["", "edge", "white", "auto", "none", "true", "3"]),
)
TABLES = st.dictionaries(st.sampled_from(["width", "name", "none"]), SIMPLE, max_size=2)


@given(st.sampled_from(list(MANY.options)), st.one_of(SIMPLE, st.lists(SIMPLE, max_size=3), TABLES))
def test_the_schema_allows_just_what_artkit_allows(name, value):
    try:
        MANY.resolve({name: value}, owner="model 'many'")
        is_allowed = True
    except RecipeError:
        is_allowed = False
    assert MANY_VALIDATOR.is_valid({name: value}) == is_allowed


WORDS = st.sampled_from(["a", "b c", "d,e", "it's", "1", "true"])
FITTING = {
    "flag": st.booleans(),
    "count": st.integers(-1, 2),
    "even": st.integers(-2, 2).map(lambda number: 2 * number),
    "rate": st.floats(1e-9, 1),
    "share": st.none() | st.floats(0, 0.9),
    "text": WORDS,
    "file": st.none() | WORDS.map(Path),
    "order": st.sampled_from(["edge", 2, None]),
    "fill": st.sampled_from(Fill),
    "auto": st.just("auto") | st.integers(1, 9),
    "layers": st.lists(st.integers(1, 9), max_size=3).map(tuple),
    "pair": st.tuples(st.floats(-1, 1), WORDS),
    "names": st.lists(WORDS, max_size=3),
    "weights": st.just("auto") | st.dictionaries(st.sampled_from(["a", "b-c", "d_e"]), st.floats(0, 9), max_size=2),
    "gaps": st.lists(st.none() | st.integers(0, 9), max_size=3),
    "marks": st.dictionaries(st.sampled_from(["a", "b-c"]), st.sampled_from(["a", None]), max_size=2),
}


@given(st.fixed_dictionaries({}, optional=FITTING))
def test_values_come_back_from_plain_data_and_from_the_command_line(values):
    resolved = MANY.resolve(values, owner="model 'many'")
    assert {name: resolved[name] for name in values} == values
    assert MANY.resolve(to_plain(resolved), owner="model 'many'") == resolved
    plain = {name: to_plain(value) for name, value in values.items()}
    # On a command line, text stands without quotes.
    texts = {name: value if isinstance(value, str) else value_text(value) for name, value in plain.items()}
    typed = {name: CommandLineText(text) for name, text in texts.items()}
    assert MANY.resolve(typed, owner="model 'many'") == resolved


def test_defaults_are_valid_themselves():
    schema = table_schema(MANY)
    defaults = {name: option["default"] for name, option in schema["properties"].items() if "default" in option}
    assert set(MANY.options) - set(defaults) == {"stem"}
    assert MANY_VALIDATOR.is_valid(defaults)


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_writes_the_schema_with_plugins(tmp_path, plugin_file, schema):
    out = tmp_path / "new" / "recipe.schema.json"
    done = CliRunner().invoke(app, ["schema", "--plugin", str(plugin_file), "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0
    assert json.loads(out.read_text()) == schema
    assert "#:schema ./recipe.schema.json" in done.stderr


def test_the_command_prints_nothing_else_than_the_schema():
    done = CliRunner().invoke(app, ["schema"], catch_exceptions=False)
    assert json.loads(done.stdout)["title"] == "artkit recipe"


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(RunError, match=r"cannot be written: .*; choose another place with --out"):
        CliRunner().invoke(app, ["schema", "--out", str(tmp_path)], catch_exceptions=False)


def test_the_page_for_editors_has_commands_that_are_understood():
    page = (Path(__file__).parents[2] / "docs" / "recipes-in-editors.md").read_text(encoding="utf-8")
    commands = re.findall(r"^artkit (schema .+?)(?: +#.*)?$", page, flags=re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        words = shlex.split(command)
        assert typer.main.get_command(app).commands[words[0]].make_context("schema", words[1:]).params["out"]
