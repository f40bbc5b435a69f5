"""Groups of options: a frozen dataclass as the type of an option."""

from dataclasses import dataclass, field
from typing import Annotated

import pytest

from artkit.annotations import Doc, Ge
from artkit.errors import PluginError, RecipeError
from artkit.options import CommandLineText, OptionTable, to_plain

OWNER = "model 'net' (mine.py)"


@dataclass(frozen=True)
class Pool:
    size: Annotated[int, Ge(1)] = 2


@dataclass(frozen=True)
class Stem:
    """The first layers."""

    width: Annotated[int, Ge(1), Doc("channels")] = 64
    kernels: "tuple[int, ...]" = (7,)
    pool: Pool = Pool()

    def __post_init__(self):
        if self.width == 13:
            raise ValueError("width 13 brings bad luck; take 14")


@dataclass(frozen=True)
class Head:
    outputs: int
    names: list[str] = field(default_factory=list)


def net(ctx, *, stem: Stem = Stem(width=32), head: Head | None = None, depth: int = 3): ...
def needs_head(ctx, *, head: Head): ...


def read(factory, **former) -> OptionTable:
    return OptionTable.from_factory(factory, **former, owner=OWNER, plugin="mine.py")


def resolve(factory=net, /, **values):
    return read(factory).resolve(values, owner=OWNER)


def test_without_values_a_group_is_that_of_the_signature():
    assert resolve() == {"stem": Stem(width=32), "head": None, "depth": 3}


def test_a_table_replaces_what_it_names_and_leaves_the_other_options_of_the_group():
    stem = resolve(stem={"kernels": [3, 3], "pool": {"size": 4}})["stem"]
    assert stem == Stem(width=32, kernels=(3, 3), pool=Pool(4))


def test_full_names_say_the_same_as_tables():
    assert resolve(**{"stem.pool.size": CommandLineText("4")}) == resolve(stem={"pool": {"size": 4}})


def test_a_group_that_is_none_is_made_when_something_in_it_is_set():
    assert resolve(head={"outputs": 2})["head"] == Head(2)
    assert resolve(head="none")["head"] is None


def test_resolved_values_pass_unchanged_and_become_plain_tables():
    resolved = resolve(stem={"width": 8}, head={"outputs": 2})
    assert resolve(**resolved) == resolved
    plain = to_plain(resolved)
    assert plain["stem"] == {"width": 8, "kernels": [7], "pool": {"size": 2}}
    assert resolve(**plain) == resolved


def test_options_of_groups_are_described_by_their_full_names():
    assert read(net).describe().splitlines() == [
        "  stem.width      int            32        >= 1  channels",
        "  stem.kernels    list of int    [7]",
        "  stem.pool.size  int            2         >= 1",
        "  head            table or none  none",
        "  head.outputs    int            required",
        "  head.names      list of str    []",
        "  depth           int            3",
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stem": {"wdith": 3}}, "has no option 'stem.wdith'. Did you mean 'stem.width'\\?"),
        ({"stem": {"width": 0}}, "stem.width=0 is out of bounds; it must be >= 1."),
        ({"stem": {"width": "3"}}, "stem.width='3' is of the wrong type; it must be an integer."),
        (
            {"stem": {"kernels": [1, "b"]}},
            "stem.kernels=\\[1, 'b'\\] is of the wrong type; it must be a list of int",
        ),
        ({"stem": 3}, "stem=3 is of the wrong type; it must be a table; set stem.width, stem.kernels, stem.pool."),
        ({"stem": "none"}, "stem='none' is of the wrong type; it must be a table; set stem.width"),
        ({"stem": {"width": 13}}, "stem: width 13 brings bad luck; take 14"),
        ({"head": {"names": []}}, "the option 'head.outputs' is required."),
    ],
)
def test_what_is_wrong_in_a_group_is_told_by_full_name(values, message):
    with pytest.raises(RecipeError, match=f"^model 'net' \\(mine.py\\):? ?.*{message}"):
        resolve(**values)


def test_a_group_without_a_default_is_required_if_something_in_it_is():
    assert read(needs_head).options["head"].required
    with pytest.raises(RecipeError, match=r"the option 'head.outputs' is required"):
        resolve(needs_head)
    assert resolve(needs_head, head={"outputs": 4})["head"] == Head(4)


def test_presets_replace_some_or_all_of_a_group():
    for preset in ({"width": 8}, Stem(width=8)):
        table = read(net, presets={"stem": preset})
        assert table.resolve({}, owner=OWNER)["stem"] == Stem(width=8)
        assert table.resolve({"stem": {"width": 9}}, owner=OWNER)["stem"] == Stem(width=9)


def test_an_option_can_move_into_a_group():
    table = read(net, renamed={"stem_width": "stem.width"}, removed={"stem.fast": "it is always fast"})
    assert table.resolve({"stem_width": 8}, owner=OWNER)["stem"].width == 8
    assert table.renamings({"stem_width": 8, "depth": 2}) == {"stem_width": "stem.width"}
    with pytest.raises(RecipeError, match=r"has no option 'stem\.fast' any more: it is always fast"):
        table.resolve({"stem": {"fast": True}}, owner=OWNER)


def test_layers_replace_single_options_of_a_group_also_under_old_names():
    table = read(net, renamed={"stem_width": "stem.width"})
    base = {"name": "net", "stem": {"width": 8, "pool": {"size": 3}}, "head": "none"}
    laid = table.lay_over(base, {"stem_width": 9, "head": {"outputs": 2}})
    assert laid == {"name": "net", "stem.pool.size": 3, "stem_width": 9, "head.outputs": 2}
    assert table.lay_over(laid, {"stem": {"width": 10}})["stem.width"] == 10
    assert "stem_width" not in table.lay_over(laid, {"stem": {"width": 10}})
    assert table.lay_over(laid, {"head": "none"})["head"] == "none"


@dataclass
class Changeable:
    width: int = 1


@dataclass(frozen=True)
class Unnamed:
    width: "Nothing" = 1  # noqa: F821


@dataclass(frozen=True)
class Endless:
    inner: "Endless | None" = None


@dataclass(frozen=True)
class OutOfBounds:
    width: Annotated[int, Ge(1)] = 0


def changeable(ctx, *, stem: Changeable = Changeable()): ...  # noqa: B008
def unnamed(ctx, *, stem: Unnamed = Unnamed()): ...
def endless(ctx, *, stem: Endless = Endless()): ...
def out_of_bounds(ctx, *, stem: OutOfBounds | None = None): ...
def several(ctx, *, stems: list[Stem] = []): ...  # noqa: B006
def joined(ctx, *, stem: Stem | int = 3): ...
def wrong_default(ctx, *, stem: Stem = 3): ...
def none_not_allowed(ctx, *, stem: Stem = None): ...


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (
            changeable,
            "option 'stem' is the dataclass Changeable, which can be changed; write @dataclass\\(fro",
        ),
        (unnamed, "the annotation of option 'stem.width' cannot be evaluated \\(NameError: name 'Nothing'"),
        (endless, "option 'stem.inner.inner.inner' is a group in a group in a group; 3 levels are the most"),
        (out_of_bounds, "the default stem.width=0 is out of bounds; it must be >= 1"),
        (several, "option 'stems' has the group Stem inside a list or table; a group stands alone or with None"),
        (joined, "option 'stem' joins the group Stem with other types; a group stands alone or with None"),
        (wrong_default, "the default stem=3 is of the wrong type; it must be a table"),
        (none_not_allowed, "the default stem=none is of the wrong type; it must be a table"),
    ],
)
def test_a_group_that_breaks_the_contract_is_refused_with_the_reason(factory, message):
    with pytest.raises(PluginError, match=f"^model 'net' \\(mine.py\\): {message}"):
        read(factory)


def test_a_preset_must_name_options_of_the_group():
    with pytest.raises(PluginError, match="the default of 'stem' has 'wdith', which is not an option of that group"):
        read(net, presets={"stem": {"wdith": 3}})


def test_a_group_in_a_group_has_no_value_of_its_own_either():
    with pytest.raises(RecipeError, match=r"stem.pool='none' .* it must be a table; set stem.pool.size\.$"):
        resolve(**{"stem.pool": CommandLineText("none")})


def test_what_users_must_set_is_named_in_full():
    assert [option.name for table in (read(needs_head), read(net)) for each in table for option in each.missing()] == [
        "head.outputs"
    ]
