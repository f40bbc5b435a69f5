"""Whatever form a factory has, its options are read, or it is refused when the plugin is loaded, with the reason."""

import dataclasses
import functools
from pathlib import Path
from typing import Annotated

import pytest
from typing_extensions import TypeAliasType

from artkit.annotations import Doc, Ge
from artkit.errors import PluginError
from artkit.options import OptionTable
from artkit.registry import load_registry

Count = TypeAliasType("Count", Annotated[int, Ge(1), Doc("how many")])


def read(factory) -> OptionTable:
    return OptionTable.from_factory(factory, owner="model 'net'", plugin="mine.py")


def described(factory) -> list[tuple[str, str, str]]:
    return [(option.name, option.type_text, option.bounds_text) for option in read(factory)]


EXPECTED = [("depth", "int", ">= 1"), ("file", "path or none", "")]


def net(ctx, *, depth: Annotated[int, Ge(1)] = 3, file: Path | None = None): ...


def in_text(ctx: "Nobody", *, depth: "Annotated[int, Ge(1)]" = 3, file: "Path | None" = None) -> "Nothing": ...  # noqa: F821


class Class:
    def __init__(self, ctx, *, depth: Annotated[int, Ge(1)] = 3, file: "Path | None" = None): ...


@dataclasses.dataclass
class Dataclass:
    ctx: object
    _: dataclasses.KW_ONLY
    depth: Annotated[int, Ge(1)] = 3
    file: "Path | None" = None


class Object:
    def __call__(self, ctx, *, depth: "Annotated[int, Ge(1)]" = 3, file: "Path | None" = None): ...

    def method(self, ctx, *, depth: "Annotated[int, Ge(1)]" = 3, file: "Path | None" = None): ...

    @classmethod
    def build(cls, ctx, *, depth: "Annotated[int, Ge(1)]" = 3, file: "Path | None" = None): ...

    @staticmethod
    def make(ctx, *, depth: "Annotated[int, Ge(1)]" = 3, file: "Path | None" = None): ...


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def badly_logged(function):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    "factory",
    [
        net,
        in_text,
        Class,
        Dataclass,
        Object(),
        Object().method,
        Object.build,
        Object.make,
        logged(net),
        logged(logged(in_text)),
        functools.cache(net),
    ],
    ids=lambda factory: getattr(factory, "__qualname__", type(factory).__name__),
)
def test_a_factory_of_any_form_has_its_options(factory):
    assert described(factory) == EXPECTED


async def waits(ctx, *, depth: int = 3): ...


def generator(ctx, *, depth: Annotated[int, Ge(1)] = 3, file: Path | None = None):
    yield ctx


def test_a_generator_is_a_factory_as_sources_are():
    assert described(generator) == EXPECTED


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (functools.partial(net, depth=4), "is a functools.partial; register the function itself, with presets="),
        (badly_logged(net), r"takes `\*args`, so its options are not known; .* put @functools.wraps\(factory\)"),
        (waits, "is `async def`, and nobody would wait for it"),
        (lambda: None, "has no first parameter for the context"),
    ],
)
def test_a_form_that_does_not_tell_its_options_is_refused(factory, message):
    with pytest.raises(PluginError, match=message):
        read(factory)


def test_an_alias_of_a_type_is_looked_through():
    def factory(ctx, *, depth: Count = 1, widths: tuple[Count, ...] = ()): ...

    table = read(factory)
    assert described(factory) == [("depth", "int", ">= 1"), ("widths", "list of int", ">= 1")]
    assert table.options["depth"].help == "how many"


def test_what_a_factory_does_to_its_default_stays_without_effect():
    def factory(ctx, *, names: list[str] = []): ...  # noqa: B006

    table = read(factory)
    table.resolve({}, owner="model 'net'")["names"].append("changed")
    assert table.resolve({}, owner="model 'net'") == {"names": []}


FUTURE = """
from __future__ import annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from artkit import Ge, hookimpl
if TYPE_CHECKING:
    from torch import nn
    from artkit import ModelContext, RegisterModels

@dataclass(frozen=True)
class Stem:
    width: Annotated[int, Ge(1)] = 8

@hookimpl
def artkit_models(register: RegisterModels) -> None:
    register("net", net)

def net(ctx: ModelContext, *, depth: Annotated[int, Ge(1)] = 3, stem: Stem = Stem()) -> nn.Module: ...
"""


def test_a_plugin_whose_annotations_are_all_text_is_read(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(FUTURE)
    options = load_registry([file], entry_points=False).component("model", "net").options
    assert [(option.name, option.bounds_text) for option in options.leaves.values()] == [
        ("depth", ">= 1"),
        ("stem.width", ">= 1"),
    ]


def test_a_type_for_type_checkers_alone_is_refused_with_the_line_to_change(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(FUTURE.replace("depth: Annotated[int, Ge(1)] = 3", "module: nn.Module | None = None"))
    with pytest.raises(PluginError, match=r"annotation of option 'module' cannot be evaluated \(NameError: name 'nn'"):
        load_registry([file], entry_points=False)
