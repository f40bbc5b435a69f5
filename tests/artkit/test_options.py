"""Options: read from signatures, checked, resolved, described."""

import datetime
import enum
import functools
import json
import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from annotated_types import MinLen
from hypothesis import given
from hypothesis import strategies as st

from artkit.annotations import Doc, Ge, Gt, Interval, Le, Lt, MultipleOf
from artkit.errors import PluginError, RecipeError
from artkit.options import CommandLineText, OptionTable, to_plain

if TYPE_CHECKING:
    from nowhere import Network, Nothing

OWNER = "model 'vit-tiny' (artkit-vit 0.3.1)"


def read(factory, presets=None, renamed=None, removed=None) -> OptionTable:
    return OptionTable.from_factory(factory, presets, renamed, removed, owner=OWNER, plugin="artkit-vit 0.3.1")


def option_of(annotation: Any) -> OptionTable:
    """A table with one required option `x` of this annotation."""

    def factory(ctx, *, x): ...

    factory.__annotations__["x"] = annotation
    return read(factory)


def resolve_x(annotation: Any, value: Any) -> Any:
    return option_of(annotation).resolve({"x": value}, owner=OWNER)["x"]


class Fill(enum.Enum):
    EDGE = "edge"
    WHITE = "white"


class Depth(enum.IntEnum):
    SMALL = 18
    LARGE = 50


class Rate(enum.Enum):
    SLOW = 0.1


def vit(
    ctx: "Nothing",
    *,
    depth: Annotated[int, Ge(1), Doc("transformer blocks")] = 12,
    width: Annotated[int, MultipleOf(64), "token width"] = 192,
) -> "Network":
    """A plain vision transformer."""


def no_options(ctx): ...


# --- reading a signature --------------------------------------------------------------------------------------------


def test_options_come_in_the_order_of_the_signature_with_type_default_bounds_and_help():
    rows = [(o.name, o.type_text, o.default_text, o.bounds_text, o.help) for o in read(vit)]
    assert rows == [
        ("depth", "int", "12", ">= 1", "transformer blocks"),
        ("width", "int", "192", "multiple of 64", "token width"),
    ]


def test_describe_aligns_the_options_and_leaves_out_empty_columns():
    def factory(ctx, *, rate: float, nesterov: bool = True): ...

    assert read(factory).describe() == "  rate      float  required\n  nesterov  bool   true"
    assert read(no_options).describe() == ""


def test_defaults_are_shown_as_users_write_them():
    def factory(
        ctx,
        *,
        name: str = "",
        order: Literal["pre", "post"] = "pre",
        layers: tuple[int, ...] = (6, 12),
        file: Path | None = None,
        weights: dict[str, float] | None = {"a": 1},  # noqa: B006 # what a plugin's author may write
    ): ...

    shown = {option.name: option.default_text for option in read(factory)}
    assert shown == {"name": "''", "order": "pre", "layers": "[6, 12]", "file": "none", "weights": "{a = 1.0}"}


def test_annotations_of_context_and_result_are_never_evaluated():
    def factory(ctx: "Nothing.here", *, n: "int" = 1) -> "Network[Nothing]": ...

    assert read(factory).resolve({}, owner=OWNER) == {"n": 1}


def test_text_inside_annotated_is_evaluated_with_the_names_of_the_factory_module():
    def factory(ctx, *, n: Annotated["int | None", Ge(1)] = None): ...

    assert read(factory).options["n"].type_text == "int or none"


@pytest.mark.parametrize(
    ("annotation", "type_text", "bounds_text"),
    [
        (bool, "bool", ""),
        (str, "str", ""),
        (Path | None, "path or none", ""),
        (Literal["pre", "post", 3], "pre | post | 3", ""),
        (Fill, "edge | white", ""),
        (Depth | None, "18 | 50 or none", ""),
        (list[int], "list of int", ""),
        (tuple[int, ...], "list of int", ""),
        (tuple[float, float], "list of 2 float", ""),
        (tuple[int, str], "list of int, str", ""),
        (dict[str, float], "table of float", ""),
        (dict[str, float] | Literal["auto"], "table of float or auto", ""),
        (Annotated[float, Gt(0), Le(1)], "float", "> 0, <= 1"),
        (Annotated[float, Interval(ge=0, lt=1)], "float", ">= 0, < 1"),
        (Annotated[int | None, Ge(1)], "int or none", ">= 1"),
        (Annotated[tuple[int, ...], Ge(1)], "list of int", ">= 1"),
        (list[Annotated[int, Lt(9)]], "list of int", "< 9"),
    ],
)
def test_types_and_bounds_read_well(annotation, type_text, bounds_text):
    option = option_of(annotation).options["x"]
    assert (option.type_text, option.bounds_text) == (type_text, bounds_text)


def test_a_class_can_be_a_factory():
    class Sgd:
        def __init__(self, ctx, *, rate: "Annotated[float, Gt(0)]" = 0.1): ...

    assert read(Sgd).options["rate"].bounds_text == "> 0"


def test_a_decorated_factory_keeps_its_options():
    def logged(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    assert list(read(logged(vit)).options) == ["depth", "width"]


def no_context(*, n: int = 1): ...
def positional_option(ctx, n: int = 1): ...
def swallows_options(ctx, **options: int): ...
def swallows_positions(ctx, *rest: int): ...
def not_annotated(ctx, *, n=1): ...
def only_for_type_checkers(ctx, *, n: "Network" = None): ...
def raises_in_annotation(ctx, *, n: "1 / 0" = 1): ...
def unknown_type(ctx, *, n: datetime.date | None = None): ...
def bare_list(ctx, *, n: list = ()): ...
def int_keys(ctx, *, n: dict[int, str] | None = None): ...
def enum_of_numbers(ctx, *, n: Rate = Rate.SLOW): ...
def bounds_on_text(ctx, *, n: Annotated[str, Ge(1)] = "a"): ...
def unchecked_bound(ctx, *, n: Annotated[list[int], MinLen(1)] = (1,)): ...
def default_out_of_bounds(ctx, *, n: Annotated[int, Ge(1)] = 0): ...
def default_of_other_type(ctx, *, n: int = "12"): ...
def default_not_plain(ctx, *, n: float = math.inf): ...


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (no_context, "its factory has no first parameter for the context; write it as `def factory"),
        (positional_option, "the parameter 'n' of its factory is not keyword-only; write it as"),
        (swallows_options, "its factory takes `\\*\\*options: int`, so its options are not known; write it as"),
        (swallows_positions, "its factory takes `\\*rest: int`, so its options are not known"),
        (not_annotated, "option 'n' has no annotation; write its type, such as `n: int = 1`"),
        (only_for_type_checkers, "annotation of option 'n' cannot be evaluated \\(NameError: name 'Network'"),
        (raises_in_annotation, "annotation of option 'n' cannot be evaluated \\(ZeroDivisionError: division"),
        (unknown_type, "option 'n' has the type date, which a recipe cannot hold; use bool, int"),
        (bare_list, "option 'n' has the type list, which a recipe cannot hold"),
        (int_keys, "option 'n' has the type dict\\[int, str\\], which a recipe cannot hold"),
        (enum_of_numbers, "option 'n' is the enum Rate, whose values must be text or integers, as recipes hold them"),
        (bounds_on_text, "option 'n' is str and has bounds, but only numbers can have bounds"),
        (unchecked_bound, "option 'n' has the bound MinLen\\(min_length=1\\), which is not checked; use Ge, Gt"),
        (default_out_of_bounds, "the default n=0 is out of bounds; it must be >= 1"),
        (default_of_other_type, "the default n='12' is of the wrong type; it must be an integer"),
        (default_not_plain, "the default n=inf is not finite; it must be a number"),
        (functools.partial(vit, depth=3), "its factory is a functools.partial; register the function itself"),
        (type, "has no signature to read options from"),
    ],
)
def test_a_factory_that_breaks_the_contract_is_refused_with_the_reason(factory, message):
    with pytest.raises(PluginError, match=f"^model 'vit-tiny' \\(artkit-vit 0.3.1\\): .*{message}") as caught:
        read(factory)
    assert caught.value.plugin == "artkit-vit 0.3.1"


# --- presets and former names ---------------------------------------------------------------------------------------


def test_presets_replace_defaults_of_the_signature():
    assert read(vit, {"width": 768}).resolve({}, owner=OWNER) == {"depth": 12, "width": 768}


@pytest.mark.parametrize(
    ("presets", "message"),
    [
        ({"wdith": 768}, "the preset 'wdith' is not an option of its factory"),
        ({"width": 100}, "the default width=100 is out of bounds; it must be a multiple of 64"),
    ],
)
def test_presets_must_be_options_and_valid(presets, message):
    with pytest.raises(PluginError, match=message):
        read(vit, presets)


def test_a_renamed_option_goes_on_working_under_its_old_name():
    table = read(vit, renamed={"layers": "depth"})
    assert table.resolve({"layers": 3}, owner=OWNER)["depth"] == 3
    with pytest.raises(RecipeError, match="'layers' is the old name of 'depth', and both are given; leave out 'la"):
        table.resolve({"layers": 3, "depth": 4}, owner=OWNER)


def test_a_removed_option_says_what_to_do_instead():
    table = read(vit, removed={"fast": "all sizes are fast now; leave it out"})
    with pytest.raises(RecipeError, match="has no option 'fast' any more: all sizes are fast now; leave it out"):
        table.resolve({"fast": True}, owner=OWNER)


@pytest.mark.parametrize(
    ("former", "message"),
    [
        ({"renamed": {"depth": "width"}}, "'depth' is told to be renamed or removed, but its factory still has it"),
        ({"removed": {"depth": "gone"}}, "'depth' is told to be renamed or removed, but its factory still has it"),
        ({"renamed": {"old": "new"}}, "'old' is told to be renamed to 'new', which its factory does not have"),
    ],
)
def test_former_names_must_agree_with_the_factory(former, message):
    with pytest.raises(PluginError, match=message):
        read(vit, **former)


# --- resolving ------------------------------------------------------------------------------------------------------


def test_an_unknown_option_names_the_owner_suggests_and_lists_what_there_is():
    with pytest.raises(RecipeError) as caught:
        read(vit).resolve({"dpeth": 8}, owner=OWNER)
    assert str(caught.value) == (
        "model 'vit-tiny' (artkit-vit 0.3.1) has no option 'dpeth'. Did you mean 'depth'?\n"
        "  depth  int  12   >= 1            transformer blocks\n"
        "  width  int  192  multiple of 64  token width"
    )


def test_an_unknown_option_of_a_component_without_options_says_so():
    with pytest.raises(RecipeError, match="has no option 'depth'; it has no options at all"):
        read(no_options).resolve({"depth": 8}, owner=OWNER)


def test_all_problems_are_told_at_once():
    def factory(ctx, *, rate: float, depth: Annotated[int, Ge(1)] = 12, order: Literal["pre", "post"] = "pre"): ...

    with pytest.raises(RecipeError) as caught:
        read(factory).resolve({"depth": 0, "order": "pots"}, owner=OWNER)
    assert str(caught.value).splitlines() == [
        f"{OWNER}: the option 'rate' is required.",
        f"{OWNER}: depth=0 is out of bounds; it must be >= 1.",
        f"{OWNER}: order='pots' is not one of 'pre', 'post'. Did you mean 'post'?",
    ]


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, "12", "x='12' is of the wrong type; it must be an integer."),
        (int, 1.0, "x=1.0 is of the wrong type; it must be an integer."),
        (int, True, "x=true is of the wrong type; it must be an integer."),
        (bool, 1, "x=1 is of the wrong type; it must be true or false."),
        (float, True, "x=true is of the wrong type; it must be a number."),
        (float, math.nan, "x=nan is not finite; it must be a number."),
        (float, None, "x=none is of the wrong type; it must be a number."),
        (str, 5, "x=5 is of the wrong type; it must be text."),
        (Path | None, 5, "x=5 is of the wrong type; it must be a path or none."),
        (tuple[float, float], [1.0], "x=[1.0] is of the wrong type; it must be a list of 2 numbers."),
        (tuple[float, float], [1, 2, 3], "x=[1, 2, 3] is of the wrong type; it must be a list of 2 numbers."),
        (list[int], [1, "b"], "x=[1, 'b'] is of the wrong type; it must be a list of integers."),
        (dict[str, int], {"a": "b"}, "x={a = 'b'} is of the wrong type; it must be a table of integers."),
        (str, datetime.date(2020, 1, 2), "it must be text."),
        (Annotated[int | None, Ge(1)], 0, "x=0 is out of bounds; it must be >= 1."),
        (Annotated[tuple[int, ...], Ge(1)], [6, 0], "x[1]=0 is out of bounds; it must be >= 1."),
        (Annotated[dict[str, float], Ge(0)], {"a": -1.5}, "x.a=-1.5 is out of bounds; it must be >= 0."),
        (Annotated[float, Interval(gt=0, le=1)], 2, "x=2 is out of bounds; it must be > 0 and <= 1."),
        (Annotated[int, MultipleOf(64)], 100, "x=100 is out of bounds; it must be a multiple of 64."),
        (dict[str, float] | Literal["auto"], 3, "it must be a table of numbers or 'auto'."),
        (Fill, "edges", "x='edges' is not one of 'edge', 'white'. Did you mean 'edge'?"),
        (Depth, 19, "x=19 is not one of 18, 50."),
        (list[Fill], ["edge", "e"], "it must be a list of one of 'edge', 'white'."),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_value_and_the_rule(annotation, value, message):
    with pytest.raises(RecipeError) as caught:
        resolve_x(annotation, value)
    assert str(caught.value).startswith(f"{OWNER}: x")
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (float, 1, 1.0),
        (Path, "weights.pt", Path("weights.pt")),
        (Path, Path("weights.pt"), Path("weights.pt")),
        (tuple[int, ...], [6, 12], (6, 12)),
        (tuple[int, ...], (6, 12), (6, 12)),
        (list[float], [1, 2.5], [1.0, 2.5]),
        (dict[str, tuple[float, float]], {"a": [1, 2]}, {"a": (1.0, 2.0)}),
        (int | None, None, None),
        (Literal["pre", 3], 3, 3),
        (Fill, "edge", Fill.EDGE),
        (Depth | None, 50, Depth.LARGE),
        (list[Fill], ["white"], [Fill.WHITE]),
    ],
)
def test_values_of_toml_become_what_the_factory_asks_for(annotation, value, expected):
    resolved = resolve_x(annotation, value)
    assert resolved == expected
    assert type(resolved) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        (bool, "true", True),
        (bool, "Off", False),
        (int, "12", 12),
        (float, "0.1", 0.1),
        (float, "1e-3", 0.001),
        (str, "12", "12"),
        (str | None, "none", None),
        (Path | None, "a/b.pt", Path("a/b.pt")),
        (int | Literal["auto"], "auto", "auto"),
        (int | str, "12", 12),
        (Literal["pre", 3, None], "3", 3),
        (Literal["pre", 3, None], "none", None),
        (Fill, "edge", Fill.EDGE),
        (Depth, "18", Depth.SMALL),
        (tuple[int, ...], "6,12,24,16", (6, 12, 24, 16)),
        (tuple[int, ...], "[6, 12]", (6, 12)),
        (tuple[int, ...], "6,", (6,)),
        (list[int], "[]", []),
        (list[str], "[a, b]", ["a", "b"]),
        (tuple[int, str], "1,x", (1, "x")),
        (dict[str, float], "monet=2, manet=0.5", {"monet": 2.0, "manet": 0.5}),
        (dict[str, float], '{"Claude Monet" = 2}', {"Claude Monet": 2.0}),
        (Annotated[tuple[float, ...] | None, Ge(0)], "0,1", (0.0, 1.0)),
    ],
)
def test_text_of_the_command_line_is_read_as_the_type_of_the_option(annotation, text, expected):
    assert resolve_x(annotation, CommandLineText(text)) == expected


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (int, "many", "x='many' is of the wrong type; it must be an integer."),
        (bool, "maybe", "x='maybe' is of the wrong type; it must be true or false."),
        (tuple[int, int], "1,2,3", "x='1,2,3' is of the wrong type; it must be a list of 2 integers."),
        (dict[str, float], "monet", "x='monet' is of the wrong type; it must be a table of numbers."),
        (Annotated[float, Gt(0)], "-1", "x=-1.0 is out of bounds; it must be > 0."),
        (float, "nan", "x=nan is not finite; it must be a number."),
    ],
)
def test_text_of_the_command_line_that_does_not_fit_is_refused(annotation, text, message):
    with pytest.raises(RecipeError) as caught:
        resolve_x(annotation, CommandLineText(text))
    assert str(caught.value) == f"{OWNER}: {message}"


def test_text_from_toml_is_not_read_as_another_type():
    with pytest.raises(RecipeError, match="x='12' is of the wrong type"):
        resolve_x(int, "12")


def test_a_default_is_not_shared_between_builds():
    def factory(ctx, *, layers: list[int] = [1]): ...  # noqa: B006 # what a plugin's author may write

    table = read(factory)
    table.resolve({}, owner=OWNER)["layers"].append(2)
    assert table.resolve({}, owner=OWNER) == {"layers": [1]}


def many(
    ctx,
    *,
    flag: bool = False,
    count: Annotated[int, Ge(0)] = 0,
    rate: float | None = None,
    name: str = "",
    file: Path | None = None,
    order: Literal["pre", "post"] = "pre",
    layers: tuple[int, ...] = (),
    betas: tuple[float, float] = (0.9, 0.99),
    weights: dict[str, float] | Literal["auto"] = "auto",
): ...


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "flag": st.booleans(),
        "count": st.integers(min_value=0),
        "rate": st.none() | NUMBERS,
        "name": st.text(),
        "file": st.none() | st.text(alphabet="ab./", min_size=1),
        "order": st.sampled_from(["pre", "post"]),
        "layers": st.lists(st.integers()),
        "betas": st.tuples(NUMBERS, NUMBERS),
        "weights": st.dictionaries(st.text(), NUMBERS) | st.just("auto"),
    },
)


@given(VALUES)
def test_resolved_values_survive_json_and_resolve_to_themselves(values):
    table = read(many)
    resolved = table.resolve(values, owner=OWNER)
    again = table.resolve(json.loads(json.dumps(to_plain(resolved))), owner=OWNER)
    assert again == resolved
    assert table.resolve(resolved, owner=OWNER) == resolved


@given(st.lists(st.integers()), NUMBERS, st.booleans())
def test_plain_values_typed_on_the_command_line_are_those_of_toml(layers, rate, flag):
    typed = {"layers": ",".join(map(str, layers)), "rate": repr(rate), "flag": str(flag).lower()}
    toml = tomllib.loads("\n".join([f"layers = {layers}", f"rate = {rate!r}", f"flag = {typed['flag']}"]))
    table = read(many)
    from_command_line = table.resolve({name: CommandLineText(text) for name, text in typed.items()}, owner=OWNER)
    assert from_command_line == table.resolve(toml, owner=OWNER)
