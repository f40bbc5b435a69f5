"""The registry: plugins loaded in isolation, components found by name, faults told with their owner."""

import errno
import sys
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

import pytest

from artkit.errors import ComponentError, PluginError, RecipeError, RunError
from artkit.hookspecs import hookimpl
from artkit.registry import Component, Plugin, PluginSettings, Registry, find_event_hooks, load_registry
from artkit.testing.target import find_targets, open_targets
from artkit_shards import ConvertError

VIT = """
    from typing import Annotated, TYPE_CHECKING
    from artkit import Doc, Ge, hookimpl
    if TYPE_CHECKING:
        from torch import nn

    @hookimpl
    def artkit_models(register):
        register("vit-tiny", vit)
        register("vit-base", vit, presets={"width": 768}, aliases=["vit"])

    def vit(ctx, *, depth: Annotated[int, Ge(1), Doc("blocks")] = 12, width: int = 192) -> "nn.Module":
        '''A plain vision transformer.

        More of it.
        '''
        return ("vit", ctx, depth, width)
"""


@pytest.fixture
def write_plugin(tmp_path):
    """Writes a plugin file; used through `load`."""

    def write(source: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text(dedent(source))
        return path

    return write


@pytest.fixture
def load_file(write_plugin):
    """Loads a plugin file alone."""
    return lambda source, name="mine.py": load_registry([write_plugin(source, name)], entry_points=False)


@pytest.fixture
def failing_factory(load_file):
    """A component whose factory runs the given line."""

    def make(line: str) -> Component:
        source = f"""
            import errno, sys
            from artkit import hookimpl

            @hookimpl
            def artkit_models(register):
                register("broken", broken)

            def broken(ctx):
                {line}
        """
        return load_file(source).component("model", "broken")

    return make


def plugin_of(registry: Registry, dist: str) -> Plugin:
    (plugin,) = [plugin for plugin in registry.plugins if plugin.info.namespace == dist]
    return plugin


# --- a good plugin --------------------------------------------------------------------------------------------------


def test_an_installed_plugin_provides_its_components_under_its_name_and_version(plugin_site):
    file = plugin_site.add("artkit-vit", VIT, version="0.3.1", requires=["artkit<2", "torch"])
    registry = load_registry()
    component = registry.component("model", "vit-tiny")
    assert (component.id, component.full_name) == ("artkit-vit/vit-tiny", "artkit-vit/vit-tiny@1")
    assert component.owner == "model 'vit-tiny' (artkit-vit 0.3.1)"
    assert component.summary == "A plain vision transformer."
    assert component.place == f"{file}:12"
    assert component.build("context", {"depth": 3}) == ("vit", "context", 3, 192)
    row = plugin_of(registry, "artkit-vit")
    assert (row.status, row.kinds, len(row.components), row.failure) == ("ok", ("model",), 2, None)
    assert row.import_ms is not None


class ForeignEntryPoint:
    """As `importlib_metadata` makes them, which puts itself in the place of Python's finder once it is imported."""

    def __init__(self, point):
        self._point = point

    def __getattr__(self, name):
        return getattr(self._point, name)


def test_entry_points_of_another_class_than_pythons_are_loaded_too(plugin_site, monkeypatch):
    plugin_site.add("artkit-vit", VIT)
    monkeypatch.setattr(
        "artkit.registry.entry_points.entry_points",
        lambda **wanted: [ForeignEntryPoint(point) for point in entry_points(**wanted)],
    )
    assert load_registry().component("model", "vit-tiny").id == "artkit-vit/vit-tiny"
    assert find_targets("artkit-vit")[0].info.dist == "artkit-vit"
    assert open_targets("artkit-vit")[0].import_name == "artkit_vit"


def test_presets_are_the_defaults_of_their_component_only(load_file):
    registry = load_file(VIT)
    assert registry.component("model", "vit-base").build(None) == ("vit", None, 12, 768)
    assert registry.component("model", "vit-tiny").build(None) == ("vit", None, 12, 192)
    assert registry.component("model", "vit-base").build(None, {"width": 64}) == ("vit", None, 12, 64)


@pytest.mark.parametrize("name", ["vit-base", "vit", "mine.py/vit-base", "mine.py/vit", "vit-base@1", "mine.py/vit@1"])
def test_a_component_is_found_by_name_alias_id_and_version(load_file, name):
    assert load_file(VIT).component("model", name).full_name == "mine.py/vit-base@1"


def test_the_name_of_a_file_may_have_an_at_sign(write_plugin):
    registry = load_registry([write_plugin(VIT, "a@b.py")], entry_points=False)
    component = registry.component("model", "vit-tiny")
    assert registry.component("model", component.full_name) is registry.component("model", component.id) is component


def test_without_a_version_the_newest_is_meant(load_file):
    registry = load_file("""
        from artkit import hookimpl

        @hookimpl
        def artkit_losses(register):
            register("focal", lambda ctx: lambda *_: "old", version=9, stability="deprecated", note="Use focal@10.")
            register("focal", lambda ctx: lambda *_: "new", version=10)
    """)
    assert registry.component("loss", "focal").build(None)() == "new"
    assert registry.component("loss", "focal@9").build(None)() == "old"
    with pytest.raises(RecipeError, match=r"^loss 'focal' \(mine.py\) has no version @3; there is @9 and @10\. "):
        registry.component("loss", "focal@3")
    assert registry.component("loss", "focal@9").warning == "loss 'focal' (mine.py) is deprecated. Use focal@10."
    assert registry.component("loss", "focal").warning is None


def test_one_plugin_can_provide_several_kinds(load_file):
    registry = load_file("""
        from artkit import hookimpl

        @hookimpl
        def artkit_schedules(register):
            register("step", lambda ctx: float)

        @hookimpl
        def artkit_models(register):
            register("step", lambda ctx: 2)
    """)
    assert registry.plugins[0].kinds == ("model", "schedule")
    assert registry.component("schedule", "step").build(None) is float
    assert registry.component("model", "step").build(None) == 2
    assert [component.kind for component in registry.components()] == ["model", "schedule"]


def test_a_plugin_can_be_an_object_of_a_module(plugin_site):
    file = plugin_site.add("artkit-object", "")
    file.write_text(
        dedent("""
        from artkit import hookimpl

        class Plugin:
            @hookimpl
            def artkit_models(self, register):
                register("thing", lambda ctx: "thing")

        plugin = Plugin()
    """)
    )
    (plugin_site.folder / "artkit_object-1.0.dist-info" / "entry_points.txt").write_text(
        "[artkit]\nmain = artkit_object:plugin\n"
    )
    assert load_registry().component("model", "thing").build(None) == "thing"


def test_a_plugin_file_is_known_by_its_name_and_loads_again_after_a_change(load_file):
    first = load_file(VIT)
    assert first.plugins[0].info.label == "mine.py"
    assert " sha256:" in first.plugins[0].info.origin
    second = load_file(VIT.replace("192", "64"))
    assert second.component("model", "vit-tiny").build(None) == ("vit", None, 12, 64)
    assert first.plugins[0].info.origin != second.plugins[0].info.origin


def test_dataclasses_work_in_a_plugin_file(load_file):
    registry = load_file("""
        from dataclasses import dataclass
        from typing import ClassVar
        from artkit import hookimpl

        @dataclass
        class Model:
            depth: "int"
            kind: "ClassVar[str]" = "model"

        @hookimpl
        def artkit_models(register):
            register("data", lambda ctx: Model(3))
    """)
    assert registry.component("model", "data").build(None).depth == 3


def test_a_file_named_twice_is_loaded_once(write_plugin):
    path = write_plugin(VIT)
    assert len(load_registry([path, str(path)], entry_points=False).plugins) == 1


def test_a_plugin_that_registers_nothing_is_noted(load_file):
    registry = load_file("from artkit import hookimpl")
    assert registry.plugins[0].status == "registers nothing"


# --- plugins that fail ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "cause", "line"),
    [
        ("import os\nimport kornia_is_not_there", "ModuleNotFoundError: No module named 'kornia_is_not_there'", 2),
        ("import sys\n\nsys.exit('no GPU')", "SystemExit: no GPU", 3),
        ("def f(:\n    pass", "SyntaxError: invalid syntax (artkit_bad.py, line 1)", 1),
        ("import json\njson.loads('{')", "JSONDecodeError: Expecting property name", 2),
        ("raise ValueError", "ValueError", 1),
    ],
)
def test_a_plugin_that_fails_at_import_stops_nothing_and_tells_its_cause(plugin_site, source, cause, line):
    plugin_site.add("artkit-vit", VIT)
    file = plugin_site.add("artkit-bad", source, version="0.1")
    registry = load_registry()
    assert registry.component("model", "vit-tiny").plugin.dist == "artkit-vit"
    row = plugin_of(registry, "artkit-bad")
    assert row.status == f"failed: {cause.partition(':')[0]}"
    assert row.failure.cause.startswith(cause)
    assert row.failure.text.endswith(f"\n  at {file}:{line}")


def test_a_broken_package_without_metadata_stops_nothing_either(plugin_site):
    plugin_site.add("artkit-bad", "1 / 0", entry_point="bad")
    (plugin_site.folder / "artkit_bad-1.0.dist-info" / "METADATA").unlink()
    assert plugin_of(load_registry(), "bad").status == "failed: ZeroDivisionError"


def test_an_error_that_cannot_even_say_what_it_is_stops_nothing(plugin_site):
    plugin_site.add(
        "artkit-bad",
        """
        class Error(Exception):
            def __str__(self):
                raise ValueError

        raise Error
        """,
    )
    assert plugin_of(load_registry(), "artkit-bad").failure.cause == "Error: (its message cannot be shown)"


def test_an_interrupt_by_the_user_is_not_taken_for_a_fault(write_plugin):
    with pytest.raises(KeyboardInterrupt, match="enough"):
        load_registry([write_plugin("raise KeyboardInterrupt('enough')")], entry_points=False)


def test_a_plugin_that_fails_half_way_leaves_nothing(plugin_site):
    file = plugin_site.add(
        "artkit-half",
        """
        from artkit import hookimpl

        @hookimpl
        def artkit_losses(register):
            register("whole", lambda ctx: 1)

        @hookimpl
        def artkit_models(register):
            register("first", lambda ctx: 1)
            raise RuntimeError("changed my mind")
        """,
    )
    registry = load_registry(PluginSettings(block=("artkit",)))
    half = plugin_of(registry, "artkit-half")
    assert (half.components, registry.components("loss")) == ((), ())
    assert half.failure.text == f"RuntimeError: changed my mind\n  at {file}:11"


def test_the_line_told_is_the_plugins_own_and_not_that_of_a_library(plugin_site):
    package = plugin_site.folder / "artkit_deep"
    file = plugin_site.add("artkit-deep", "")
    file.unlink()
    package.mkdir()
    (package / "__init__.py").write_text("from artkit_deep import inner\n")
    (package / "inner.py").write_text("import json\n\njson.loads('{')\n")
    assert plugin_of(load_registry(), "artkit-deep").failure.where == f"{package / 'inner.py'}:3"


def test_all_unknown_hooks_are_told_with_suggestions(plugin_site):
    file = plugin_site.add(
        "artkit-typo",
        """
        from artkit import hookimpl

        @hookimpl
        def artkit_model(register): ...

        @hookimpl
        def artkit_optimisers(register): ...

        @hookimpl
        def artkit_zoo(register): ...
        """,
    )
    failure = plugin_of(load_registry(), "artkit-typo").failure
    assert failure.cause.splitlines() == [
        f"there is no hook artkit_model. Did you mean 'artkit_models'? ({file}:4)",
        f"there is no hook artkit_optimisers. Did you mean 'artkit_optimizers'? ({file}:7)",
        f"there is no hook artkit_zoo. ({file}:10)",
    ]


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        (
            "@hookimpl\ndef artkit_models(register=None): ...",
            "artkit_models has a default for 'register' and would always get that default; leave the default out",
        ),
        ("@hookimpl\ndef artkit_models(reg): ...", "artkit_models takes 'reg', but is given register"),
        (
            "@hookimpl\ndef artkit_models(*, register): ...",
            "artkit_models takes `register`, which is never filled; name the arguments plainly: register",
        ),
        (
            "@hookimpl(tryfirst=True)\ndef artkit_models(register): ...",
            "artkit_models is marked with tryfirst, but artkit calls hooks in an order of its own; leave tryfirst out",
        ),
        (
            "@hookimpl(wrapper=True)\ndef artkit_models(register): yield",
            "artkit_models is marked with wrapper, but artkit calls hooks in an order of its own; leave wrapper out",
        ),
        ("\ndef artkit_models(register): ...", "artkit_models is not marked with @hookimpl"),
        (
            "@hookimpl\ndef artkit_log(values): ...",
            "artkit_log is a run event; put it on the object that a reporter's factory returns",
        ),
    ],
)
def test_a_hook_that_breaks_a_rule_is_told_with_the_reason_and_the_line(write_plugin, hook, reason):
    path = write_plugin(f"from artkit import hookimpl\n{hook}")
    with pytest.raises(PluginError) as caught:
        load_registry([path], entry_points=False)
    line = 3 if hook.startswith("\n") else 2
    assert str(caught.value).startswith(f"the plugin mine.py could not be loaded: {reason} ({path}:{line})")
    assert caught.value.plugin == "mine.py"


def test_a_hook_implemented_twice_is_told(write_plugin):
    path = write_plugin("""
        from artkit import hookimpl

        @hookimpl
        def artkit_models(register): ...

        @hookimpl(specname="artkit_models")
        def more_models(register): ...
    """)
    with pytest.raises(PluginError, match="artkit_models is implemented twice; a plugin implements each hook once"):
        load_registry([path], entry_points=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('register("Vit Tiny", vit)', "model 'Vit Tiny' \\(mine.py\\): 'Vit Tiny' is not a name; names have a-z, 0-9"),
        ('register("vit", vit, aliases=["V"])', "'V' is not a name; names have"),
        ('register("vit", vit, aliases="tiny")', "aliases='tiny' is text; write a list of names"),
        ('register("vit", "vit")', "its factory 'vit' is not a function"),
        ('register("vit", vit, version=0)', "version=0 is not an integer from 1 on"),
        ('register("vit", vit, stability="deprecated")', 'stability="deprecated" needs a note that says what to use'),
        ('register("vit", vit, stability="old")', "stability='old' is not one of 'stable', 'experimental', 'deprecat"),
        ('register("vit", vit, presets={"wdith": 1})', "the preset 'wdith' is not an option of its factory"),
        ('register("vit", vit, color="red")', "TypeError: .*unexpected keyword argument 'color'"),
        ('register("vit", vit); register("v", vit, aliases=["vit"])', "'vit' is registered twice with the same versi"),
        (
            'register("vit", lambda ctx, **options: 1)',
            "its factory takes `\\*\\*options`, so its options are not known",
        ),
        ('register("vit", named)', "the option 'name' needs another name, since in recipes it names the component"),
    ],
)
def test_a_registration_that_breaks_the_contract_is_refused(write_plugin, call, message):
    path = write_plugin(f"""
        from artkit import hookimpl

        @hookimpl
        def artkit_models(register):
            {call}

        def vit(ctx, *, width: int = 192): ...
        def named(ctx, *, name: str = "x"): ...
    """)
    with pytest.raises(PluginError, match=f"(?s)^the plugin mine.py could not be loaded: .*{message}.*{path}:6$"):
        load_registry([path], entry_points=False)


def test_p_is_taken_for_augmenters_only(write_plugin):
    source = """
        from artkit import hookimpl

        @hookimpl
        def artkit_{}(register):
            register("x", x)

        def x(ctx, *, p: float = 0.5): ...
    """
    assert load_registry([write_plugin(source.format("losses"))], entry_points=False).components("loss")
    with pytest.raises(PluginError, match="the option 'p' needs another name, since artkit itself applies the prob"):
        load_registry([write_plugin(source.format("augmenters"))], entry_points=False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.py", "gone.py is not there; if it was moved, --plugin FOLDER/gone.py takes its place in a .* or run"),
        ("folder", "folder is a folder; --plugin takes the path of one Python file; packages .* need no --plugin"),
        ("notes.txt", "notes.txt does not end in .py; --plugin takes the path of one Python file; .*"),
        ("artkit-loud", "artkit-loud does not end in .py; .*; packages that are installed need no --plugin"),
    ],
)
def test_a_plugin_file_that_cannot_be_one_is_refused_before_anything_is_loaded(tmp_path, plugin_site, name, message):
    plugin_site.add("artkit-loud", "raise AssertionError")
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(RecipeError, match=f"^the plugin file .*{message}$"):
        load_registry([tmp_path / name])
    assert "artkit_loud" not in sys.modules


def test_a_plugin_file_that_fails_is_an_error_and_keeps_its_cause(write_plugin):
    path = write_plugin("import kornia_is_not_there")
    before = set(sys.modules)
    with pytest.raises(PluginError) as caught:
        load_registry([path], entry_points=False)
    assert str(caught.value) == (
        "the plugin mine.py could not be loaded: ModuleNotFoundError: No module named 'kornia_is_not_there'\n"
        f"  at {path}:1"
    )
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert set(sys.modules) == before


# --- which plugins there are ----------------------------------------------------------------------------------------


def test_plugins_come_in_the_order_of_their_names_whatever_the_order_on_disk(plugin_site):
    for dist in ("artkit-c", "artkit-a", "artkit-b"):
        plugin_site.add(dist, VIT)
    names = ["artkit", "artkit-a", "artkit-b", "artkit-c"]
    found = [row.info.dist for row in load_registry().plugins]
    assert [name for name in found if name in names] == names


@pytest.mark.parametrize(
    ("direct_url", "origin", "commit"),
    [
        (None, "installed", None),
        ({"url": "file:///home/me/my%20vit", "dir_info": {"editable": True}}, "/home/me/my vit (editable)", None),
        (
            {"url": "https://example.org/vit.git", "vcs_info": {"vcs": "git", "commit_id": "3f2a9c1d"}},
            "https://example.org/vit.git",
            "3f2a9c1d",
        ),
        ({"nonsense": 1}, "installed", None),
    ],
)
def test_the_origin_of_a_package_is_known(plugin_site, direct_url, origin, commit):
    plugin_site.add("artkit-vit", VIT, direct_url=direct_url)
    info = plugin_of(load_registry(), "artkit-vit").info
    assert (info.origin, info.commit) == (origin, commit)


def test_a_heavy_import_is_noted_with_its_culprit(plugin_site):
    # A stand-in of the same name: the real ones are imported already, or take seconds.
    (plugin_site.folder / "tensorflow.py").touch()
    plugin_site.add("artkit-heavy", "import tensorflow")
    plugin_site.add("artkit-light", "import tensorflow")
    registry = load_registry()
    assert plugin_of(registry, "artkit-heavy").heavy_imports == ("tensorflow",)
    assert plugin_of(registry, "artkit-light").heavy_imports == ()


# --- names that are taken, or not there -----------------------------------------------------------------------------


def test_a_name_that_two_plugins_have_harms_nobody_until_it_is_used(plugin_site):
    one = plugin_site.add("artkit-one", VIT, version="1.0", entry_point="vit")
    two = plugin_site.add("artkit-two", VIT, version="2.5", entry_point="vit")
    registry = load_registry()
    assert registry.component("model", "artkit-two/vit-tiny").plugin.label == "artkit-two 2.5"
    with pytest.raises(RecipeError) as caught:
        registry.component("model", "vit-tiny")
    assert str(caught.value) == (
        "several plugins have a model 'vit-tiny'; write the whole id of the one you mean, or choose a plugin for this "
        "name, such as --prefer vit-tiny=artkit-one:\n"
        f"  artkit-one/vit-tiny@1  (artkit-one 1.0, {one}:12)\n"
        f"  artkit-two/vit-tiny@1  (artkit-two 2.5, {two}:12)"
    )


def test_a_name_wins_over_an_alias_of_another_plugin(plugin_site):
    plugin_site.add("artkit-vit", VIT)
    plugin_site.add(
        "artkit-zoo",
        VIT.replace('"vit-base"', '"zoo"')
        .replace('"vit-tiny"', '"vit"')
        .replace('aliases=["vit"]', 'aliases=["vit-base"]'),
    )
    registry = load_registry()
    assert registry.component("model", "vit").id == "artkit-zoo/vit"
    assert registry.component("model", "vit-base").id == "artkit-vit/vit-base"


def test_an_unknown_name_suggests_lists_what_there_is_and_names_plugins_that_might_have_it(plugin_site):
    plugin_site.add("artkit-vit", VIT)
    plugin_site.add("artkit-foo", "import kornia_is_not_there", version="0.1")
    plugin_site.add("artkit-old", VIT, version="0.9", requires=["artkit<0.0.1"])
    registry = load_registry(PluginSettings(block=("artkit",)))
    with pytest.raises(RecipeError) as caught:
        registry.component("model", "vit-tny")
    assert str(caught.value).splitlines() == [
        "no model 'vit-tny'. Did you mean 'vit-tiny'?",
        "  there are: vit-base, vit-tiny",
        "3 plugins are not in use and might provide it; see `artkit plugins --check`:",
        "  artkit 0.1.0: blocked by --block or the recipe",
        "  artkit-foo 0.1: ModuleNotFoundError: No module named 'kornia_is_not_there'",
        "  artkit-old 0.9: needs artkit <0.0.1 (have 0.1.0)",
    ]


def test_a_name_of_another_kind_is_told(load_file):
    with pytest.raises(RecipeError) as caught:
        load_file(VIT).component("loss", "vit-tiny")
    assert str(caught.value) == "no loss 'vit-tiny'. There is a model of that name.\n  there are no losses at all"


# --- building and guarding ------------------------------------------------------------------------------------------


def test_a_factory_can_refuse_options_in_words_of_its_own(failing_factory):
    component = failing_factory("from artkit import RecipeError; raise RecipeError('6 heads do not divide 64')")
    with pytest.raises(RecipeError, match=r"^6 heads do not divide 64$"):
        component.build(None)


def test_options_are_checked_before_the_factory_is_called(load_file):
    component = load_file(VIT).component("model", "vit-tiny")
    with pytest.raises(
        RecipeError, match=r"^model 'vit-tiny' \(mine.py\): depth=0 is out of bounds; it must be >= 1.$"
    ):
        component.build(None, {"depth": 0})


def test_a_factory_that_raises_is_told_with_owner_cause_and_line(failing_factory):
    with pytest.raises(ComponentError) as caught:
        failing_factory("raise ValueError('6 heads do not divide 64')").build(None)
    assert caught.value.plugin == "mine.py"
    assert isinstance(caught.value.__cause__, ValueError)
    first, where = str(caught.value).splitlines()
    assert first == "model 'broken' (mine.py) could not be built: ValueError: 6 heads do not divide 64"
    assert where.startswith("  at ")
    assert where.endswith("mine.py:10")


def test_a_fault_names_the_page_to_report_it_on(plugin_site):
    urls = ["Homepage, https://example.org", "Bug Tracker, https://example.org/bugs"]
    plugin_site.add("artkit-vit", VIT, urls=urls)
    component = load_registry().component("model", "vit-tiny")
    with (
        pytest.raises(ComponentError, match=r"not of artkit; report it at https://example.org/bugs$"),
        component.guard("x"),
    ):
        raise ValueError


@pytest.mark.parametrize(
    ("label", "url"),
    [("Issue Tracker", "https://example.org/issues"), ("Source", "https://example.org/code"), ("Homepage", None)],
)
def test_errors_at_build_and_breaches_name_the_page_too_that_of_the_source_if_there_is_no_other(
    plugin_site, label, url
):
    source = VIT.replace('return ("vit", ctx, depth, width)', "raise ValueError('no')")
    plugin_site.add("artkit-vit", source, urls=["Changelog, https://example.org/changes", f"{label}, {url}"])
    component = load_registry().component("model", "vit-tiny")
    with pytest.raises(ComponentError) as caught:
        component.build(None)
    last = str(caught.value).splitlines()[-1]
    told = str(component.breach("returned None")).splitlines()
    assert told[0] == "model 'vit-tiny' (artkit-vit 1.0) returned None"
    if url:
        assert last == f"If its options are right, report it at {url}"
        assert told[1:] == [f"This is a fault of the plugin, not of artkit; report it at {url}"]
    else:
        assert last.startswith("  at ")
        assert told[1:] == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sys.exit(3)", "model 'broken' \\(mine.py\\) could not be built: SystemExit: 3\n"),
        ("raise KeyError", "model 'broken' \\(mine.py\\) could not be built: KeyError\n"),
        (
            "pass",
            "model 'broken' \\(mine.py\\) could not be built: its factory returned nothing; does it lack a `return`",
        ),
        ("raise FileNotFoundError(errno.ENOENT, 'gone')", "FileNotFoundError: \\[Errno 2\\] gone\n"),
    ],
)
def test_whatever_a_factory_does_wrong_becomes_one_kind_of_error(failing_factory, line, message):
    with pytest.raises(ComponentError, match=message):
        failing_factory(line).build(None)


def test_an_error_in_use_is_told_with_owner_and_action(failing_factory):
    component = failing_factory("pass")
    with pytest.raises(ComponentError) as caught, component.guard("forward"):
        raise ValueError("bad shape")
    first, *_, fault = str(caught.value).splitlines()
    assert first == "model 'broken' (mine.py) raised ValueError in forward: bad shape"
    assert fault == "This is a fault of the plugin, not of artkit."


@pytest.mark.slow
def test_the_line_told_is_the_models_own_although_torch_calls_it(load_file):
    import torch

    model = """
        from artkit import hookimpl

        @hookimpl
        def artkit_models(register):
            register("linear", linear)

        def linear(ctx):
            import torch

            class Linear(torch.nn.Linear):
                def forward(self, images):
                    return super().forward(images)

            return Linear(3, 2)
    """
    registry = load_file(model)
    component = registry.component("model", "linear")
    linear = component.build(None)
    with pytest.raises(ComponentError) as caught, component.guard("forward"):
        linear(torch.zeros(1, 4))
    assert "raised RuntimeError in forward: " in str(caught.value)
    assert f"  at {registry.plugins[0].info.file}:13\n" in str(caught.value)


class OutOfMemoryError(RuntimeError):
    """As torch has it: known by its name."""


@pytest.mark.parametrize(
    "error",
    [
        RecipeError("choose other weights"),
        RunError("no data"),
        ConvertError("no images"),
        OSError(errno.ENOSPC, "no space left"),
        MemoryError("too large"),
        OutOfMemoryError("CUDA out of memory"),
        KeyboardInterrupt("enough"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_that_are_not_the_plugins_fault_pass_unchanged(failing_factory, error):
    component = failing_factory("pass")
    with pytest.raises(type(error)) as caught, component.guard("forward"):
        raise error
    assert caught.value is error


# --- reporters ------------------------------------------------------------------------------------------------------


class Csv:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.rows = []

    @property
    def expensive(self):
        raise AssertionError("properties must not be read in search of hooks")

    @hookimpl
    def artkit_log(self, values, step):
        self.rows.append((step, values))


def test_a_reporter_is_given_only_what_it_asks_for():
    csv = Csv()
    events = find_event_hooks(csv, "reporter 'csv' (mine.py)")
    assert list(events) == ["artkit_log"]
    events["artkit_log"](run=None, step=3, epoch=0, split="train", values={"loss": 1.0})
    assert csv.rows == [(3, {"loss": 1.0})]


def test_a_reporter_with_mistakes_is_told_of_all_of_them():
    class Broken:
        @hookimpl
        def artkit_epoch_end(self, epoch, value): ...

        @hookimpl
        def artkit_run_ends(self, run): ...

        @hookimpl
        def artkit_models(self, register): ...

        def artkit_log(self, values): ...

    with pytest.raises(PluginError) as caught:
        find_event_hooks(Broken(), "reporter 'broken' (mine.py)")
    problems = [line.rpartition(" (")[0] for line in str(caught.value).splitlines()]
    assert problems == [
        "artkit_epoch_end takes 'value', but is given run, epoch, values",
        "artkit_models registers components; put it in the plugin's module, not on a reporter",
        "there is no hook artkit_run_ends. Did you mean 'artkit_run_end'?",
        "artkit_log is not marked with @hookimpl",
    ]
    assert caught.value.plugin == "reporter 'broken' (mine.py)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("register(f)", "TypeError: register() missing 1 required positional argument: 'factory'"),
        ("register('a', f, preset={})", "TypeError: register() got an unexpected keyword argument 'preset'"),
        ("register('a', f, renamed=['b'])", "model 'a' (mine.py): renamed=['b'] is no dict from names of options."),
        ("register('a', f, presets={1: 2})", "model 'a' (mine.py): presets={1: 2} is no dict from names of options."),
        (
            "register('a', f, examples={})",
            "model 'a' (mine.py): examples={} is no list of dicts from names of options.",
        ),
        (
            "register('a', f, examples=[None])",
            "model 'a' (mine.py): examples=[None] is no list of dicts from names of options.",
        ),
    ],
)
def test_what_register_does_not_take_is_told(write_plugin, call, message):
    source = f"""
        from artkit import hookimpl

        def f(ctx): ...

        @hookimpl
        def artkit_models(register):
            {call}
    """
    with pytest.raises(PluginError) as caught:
        load_registry([write_plugin(source)], entry_points=False)
    assert f"mine.py could not be loaded: {message}\n" in str(caught.value)


def test_the_package_of_an_id_is_named_if_it_is_not_there(load_file):
    registry = load_file(VIT)
    for word, advice in (("artkit-gone/net", "pip install artkit-gone"), ("yours.py/net", "--plugin FOLDER/yours.py")):
        with pytest.raises(RecipeError, match=f"\n  the plugin {word.split('/')[0]} is not there: {advice}$"):
            registry.component("model", word)
    with pytest.raises(RecipeError, match=r"Did you mean 'mine.py/vit-tiny'\?\n  there are: [^\n]*$"):
        registry.component("model", "mne.py/vit-tiny")


def test_a_kind_has_its_article(load_file):
    with pytest.raises(RecipeError, match=r"There is an optimizer of that name\."):
        load_file(VIT.replace("artkit_models", "artkit_optimizers")).component("model", "vit-tiny")


def test_a_plugin_file_that_needs_another_one_beside_it_is_told_how(write_plugin, tmp_path):
    (tmp_path / "helper_of_mine.py").touch()
    path = write_plugin("import helper_of_mine")
    with pytest.raises(PluginError) as caught:
        load_registry([path], entry_points=False)
    assert str(caught.value) == (
        "the plugin mine.py could not be loaded: ModuleNotFoundError: No module named 'helper_of_mine', since a plugin "
        "file is loaded without what is beside it; put helper_of_mine.py into mine.py, or make a package of both, or "
        f"set PYTHONPATH={tmp_path}\n  at {path}:1"
    )


@pytest.mark.parametrize(
    ("hook", "returned", "message"),
    [
        ("augmenters", "3", "returned int; its factory returns a function that takes images_BCHW and draws"),
        (
            "samplers",
            "print",
            "returned builtin_function_or_method; its factory returns an object with a method counts",
        ),
        ("losses", "0.5", "returned float; its factory returns a function that takes logits_BK and labels_B"),
        ("schedules", "1.0", "returned float; its factory returns a function that takes the progress"),
        ("sources", "5", "returned int; its factory returns what yields artkit_shards.Record, such as a generator"),
    ],
)
def test_what_is_no_component_of_its_kind_is_refused_when_it_is_built(load_file, hook, returned, message):
    registry = load_file(f"""
        from artkit import hookimpl

        @hookimpl
        def artkit_{hook}(register):
            register("odd", lambda ctx: {returned})
    """)
    (component,) = registry.components()
    with pytest.raises(ComponentError, match=rf"^{component.kind} 'odd' \(mine.py\) {message}"):
        component.build(None)
