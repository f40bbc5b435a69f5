"""Which plugins are imported: the gate of versions, what the user blocks, requires and prefers."""

import sys
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from artkit.cli import app
from artkit.cli.plugin_options import plugin_settings
from artkit.errors import PluginError, RecipeError
from artkit.recipe import CommandLine, read_recipe_file, resolve_recipe
from artkit.recipe.schema import recipe_schema
from artkit.registry import Plugin, PluginSettings, Registry, clash_notes, load_registry, plugin_notes

VIT = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("vit-tiny", vit)

    def vit(ctx):
        return "vit"
"""


def plugin_of(registry: Registry, name: str) -> Plugin:
    (plugin,) = [plugin for plugin in registry.plugins if plugin.info.namespace == name]
    return plugin


@pytest.fixture
def mine(tmp_path) -> Path:
    """A plugin file."""
    path = tmp_path / "mine.py"
    path.write_text(VIT.replace("\n    ", "\n"))
    return path


# --- the gate of versions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requirement", "status"),
    [
        ("artkit<0.0.1", "incompatible"),
        ("Artkit>=99", "incompatible"),
        ("artkit>=0.1,<1", "ok"),
        ("artkit>=0.1.0rc1", "ok"),
        ('artkit>=99; extra == "later"', "ok"),
        ('artkit>=99; python_version < "3"', "ok"),
        ('artkit>=99; python_version >= "3"', "incompatible"),
        ("artkit @ https://example.org/artkit.whl", "ok"),
        ("artkit (((", "ok"),
    ],
)
def test_a_plugin_for_another_artkit_is_not_imported(plugin_site, requirement, status):
    plugin_site.add("artkit-vit", VIT, requires=["numpy", requirement])
    row = plugin_of(load_registry(), "artkit-vit")
    assert row.status == status
    assert ("artkit_vit" in sys.modules) == (status == "ok")


@pytest.mark.parametrize(
    ("requirement", "note"),
    [
        (
            "artkit<0.0.1",
            "artkit-vit 0.3 was left out: needs artkit <0.0.1 (have 0.1.0); "
            "mend that with `pip install --upgrade artkit-vit`",
        ),
        (
            "artkit>=99,<100",
            "artkit-vit 0.3 was left out: needs artkit <100,>=99 (have 0.1.0); "
            "mend that with `pip install 'artkit<100,>=99'`",
        ),
        (
            "artkit==0.1.*,!=0.1.0",
            "artkit-vit 0.3 was left out: needs artkit !=0.1.0,==0.1.* (have 0.1.0); "
            "mend that with `pip install 'artkit!=0.1.0,==0.1.*'`",
        ),
    ],
)
def test_an_incompatible_plugin_is_told_with_the_command_that_mends_it(plugin_site, requirement, note):
    plugin_site.add("artkit-vit", VIT, version="0.3", requires=[requirement])
    assert list(plugin_notes(load_registry())) == [note]


def test_a_package_without_metadata_is_loaded_and_that_is_told(plugin_site):
    plugin_site.add("artkit-vit", VIT, entry_point="vit")
    (plugin_site.folder / "artkit_vit-1.0.dist-info" / "METADATA").unlink()
    registry = load_registry()
    assert registry.component("model", "vit-tiny").plugin.label == "vit"
    assert list(plugin_notes(registry)) == ["vit has no metadata, so nobody knows whether it is made for this artkit"]


# --- what the user blocks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "used"),
    [
        ("", {"artkit", "artkit-one", "artkit-two"}),
        ("no:artkit-one", {"artkit", "artkit-two"}),
        ("no: Artkit_One , first", {"artkit", "artkit-two"}),
        ("no:second,not-installed", {"artkit", "artkit-one"}),
        ("no:artkit", {"artkit-one", "artkit-two"}),
        ("only:artkit-two", {"artkit", "artkit-two"}),
        ("only:first,second", {"artkit", "artkit-one", "artkit-two"}),
        ("only:", {"artkit"}),
        ("off", {"artkit"}),
    ],
)
def test_the_environment_blocks_plugins_by_package_or_entry_point(plugin_site, monkeypatch, value, used):
    plugin_site.add("artkit-one", VIT, entry_point="first")
    plugin_site.add("artkit-two", VIT, entry_point="second")
    monkeypatch.setenv("ARTKIT_PLUGINS", value)
    registry = load_registry()
    own = {"artkit", "artkit-one", "artkit-two"}  # and not what else is installed where tests run
    assert {row.info.dist for row in registry.plugins if row.status != "blocked"} & own == used
    assert {row.left_out.reason for row in registry.plugins if row.left_out} <= {"blocked by ARTKIT_PLUGINS"}
    assert ("artkit_one" in sys.modules) == ("artkit-one" in used)


def test_settings_block_plugins_but_a_file_that_was_asked_for_stays(plugin_site, mine):
    plugin_site.add("artkit-one", VIT)
    settings = PluginSettings(files=(str(mine),), block=("Artkit_One", "artkit", "mine.py"))
    registry = load_registry(settings)
    rows = [plugin_of(registry, name) for name in ("artkit", "artkit-one", "mine.py")]
    assert [row.status for row in rows] == ["blocked", "blocked", "ok"]
    assert "artkit_one" not in sys.modules


def test_no_plugins_leaves_the_built_in_ones_and_files(plugin_site, mine):
    plugin_site.add("artkit-one", VIT)
    registry = load_registry(PluginSettings(files=(str(mine),), installed=False))
    rows = [plugin_of(registry, name) for name in ("artkit", "artkit-one", "mine.py")]
    assert [row.status for row in rows] == ["ok", "blocked", "ok"]
    assert rows[1].left_out.reason == "blocked by --no-plugins"


def test_unknown_names_to_block_and_prefer_are_notes_with_near_matches(plugin_site, monkeypatch):
    plugin_site.add("artkit-vit", VIT)
    monkeypatch.setenv("ARTKIT_PLUGINS", "no:zzz")
    settings = PluginSettings(block=("artkit-vti",), prefer={"vit-tiny": "artkit-vit2", "vit-tny": "Artkit_Vit"})
    assert list(plugin_notes(load_registry(settings))) == [
        "no plugin 'artkit-vti' is there, which was to be blocked. Did you mean 'artkit-vit'?",
        "no plugin 'zzz' is there, which was to be blocked.",
        "no plugin 'artkit-vit2' is there, which was to provide vit-tiny. Did you mean 'artkit-vit'?",
        "artkit-vit 1.0 has no 'vit-tny', which it was to provide. Did you mean 'vit-tiny'?",
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("artkit-vit", "ARTKIT_PLUGINS='artkit-vit' is not understood; write off, only:NAME,NAME or no:NAME,NAME"),
        ("not:artkit-vit", "is not understood; write off, only:NAME"),
        ("only:artkit-vti", "asks for 'artkit-vti', which is not installed. Did you mean 'artkit-vit'\\?"),
    ],
)
def test_a_switch_that_cannot_be_followed_is_an_error(plugin_site, monkeypatch, value, message):
    plugin_site.add("artkit-vit", VIT)
    monkeypatch.setenv("ARTKIT_PLUGINS", value)
    with pytest.raises(RecipeError, match=message):
        load_registry()


# --- what a recipe requires and prefers -----------------------------------------------------------------------------


def test_what_a_recipe_requires_is_there_or_told_with_the_command_that_installs_it(plugin_site):
    plugin_site.add("artkit-vit", VIT, version="0.2")
    assert load_registry({"require": ["artkit-vit>=0.2", 'gone; python_version < "3"']}).component("model", "vit-tiny")
    with pytest.raises(RecipeError) as caught:
        load_registry({"require": ["artkit-vit>=0.3", "artkit-gone"]})
    assert str(caught.value).splitlines() == [
        "the recipe requires:",
        "  artkit-vit>=0.3 (have 0.2)",
        f"  artkit-gone (not installed for {sys.executable})",
        "install what is missing: pip install 'artkit-vit>=0.3' 'artkit-gone'",
    ]


def test_a_required_plugin_that_fails_or_is_blocked_or_incompatible_is_an_error(plugin_site):
    plugin_site.add("artkit-bad", "1 / 0")
    plugin_site.add("artkit-old", VIT, requires=["artkit<0.0.1"])
    assert load_registry().plugins
    with pytest.raises(PluginError, match=r"^the plugin artkit-bad 1.0 could not be loaded: ZeroDivisionError"):
        load_registry({"require": ["Artkit_Bad"]})
    with pytest.raises(RecipeError, match=r"artkit-old 1.0, which is left out: needs artkit <0.0.1 \(have 0.1.0"):
        load_registry({"require": ["artkit-old"]})
    with pytest.raises(RecipeError, match=r"artkit-bad 1.0, which is left out: blocked by --block or the re"):
        load_registry({"require": ["artkit-bad"], "block": ["artkit-bad"]})


def test_a_preference_says_whose_component_a_name_means(plugin_site):
    plugin_site.add("artkit-one", VIT, entry_point="vit")
    plugin_site.add("artkit-two", VIT, entry_point="vit")
    registry = load_registry({"prefer": {"vit-tiny": "Artkit_Two"}})
    assert registry.component("model", "vit-tiny").id == "artkit-two/vit-tiny"
    assert registry.component("model", "artkit-one/vit-tiny").id == "artkit-one/vit-tiny"
    assert list(plugin_notes(registry)) == []
    with pytest.raises(RecipeError, match=r"^several plugins have a model 'vit-tiny'"):
        load_registry({"prefer": {"vit-tiny": "artkit"}}).component("model", "vit-tiny")


def test_no_plugin_takes_a_name_from_a_built_in_one(plugin_site, mine):
    plugin_site.add("aaa-first", VIT.replace("vit-tiny", "small-resnet"))
    mine.write_text(mine.read_text().replace("vit-tiny", "small-resnet"))
    registry = load_registry([mine])
    assert registry.component("model", "artkit/small-resnet").plugin.is_builtin
    with pytest.raises(RecipeError, match=r"(?s)aaa-first/small-resnet@1 .*artkit/small-resnet@1 .*mine.py/small-res"):
        registry.component("model", "small-resnet")


SHARED = (
    "artkit-two 1.0 has a model 'vit-tiny', as artkit-one 1.0 has: write artkit-two/vit-tiny or artkit-one/vit-tiny, "
    "or choose with --prefer vit-tiny=artkit-two"
)


@pytest.fixture
def shared_name(plugin_site):
    """Two packages with a model of one name; the second one has it in two versions."""
    registered = 'register("vit-tiny", vit'
    plugin_site.add("artkit-one", VIT)
    plugin_site.add("artkit-two", VIT.replace(f"{registered})", f"{registered}); {registered}, version=2)"))


def test_runs_hear_nothing_of_a_name_that_several_plugins_have(shared_name):
    assert list(plugin_notes(load_registry())) == []


def test_a_name_that_several_plugins_have_is_told_once_with_both_ways_out(shared_name):
    registry = load_registry()
    assert list(clash_notes(registry.plugins)) == [SHARED]
    assert list(clash_notes(registry.plugins, kind="loss")) == []
    assert list(clash_notes(registry.plugins, name="vit-large")) == []
    assert list(clash_notes(registry.plugins, {"vit-tiny": "artkit-one"})) == []


def test_the_commands_that_show_what_is_there_tell_of_names_that_several_plugins_have(shared_name):
    def said(*command):
        result = CliRunner().invoke(app, ["plugins", *command])
        assert result.exit_code == 0, result.output
        return result

    assert f"\n\n{SHARED}\n" in said("list", "--check").stdout
    assert SHARED not in said("list").output, "nothing is imported, so nobody knows"
    assert f"note: {SHARED}\n" in said("show", "models").stderr
    assert f"note: {SHARED}\n" in said("show", "model", "artkit-one/vit-tiny").stderr
    assert said("show", "model", "vit-tiny", "--prefer", "vit-tiny=artkit-one").stderr == ""
    assert said("show", "model", "small-resnet").stderr == said("show", "losses").stderr == ""


def test_a_file_takes_the_place_of_one_of_the_same_name_in_a_recipe():
    recipe = PluginSettings(files=("/old/mine.py", "/old/other.py"))
    assert recipe.joined(PluginSettings(files=("new/mine.py",))).files == ("/old/other.py", "new/mine.py")


def test_files_of_one_name_whose_components_clash_are_told_to_be_renamed(plugin_site, mine, tmp_path):
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "mine.py"
    copy.write_text(mine.read_text())
    registry = load_registry([mine, copy])
    with pytest.raises(RecipeError, match=r"a model 'mine.py/vit-tiny'; their ids are the same, so rename one of"):
        registry.component("model", "mine.py/vit-tiny")
    (note,) = clash_notes(registry.plugins)
    assert note.startswith("mine.py has a model 'vit-tiny', as mine.py has: their ids are the same, so rename one of")


# --- how recipes and command lines say it ---------------------------------------------------------------------------


def test_a_recipe_says_all_of_it_in_a_table_and_a_resolved_one_says_it_again(tmp_path, mine):
    path = tmp_path / "recipe.toml"
    lines = [
        'files = ["mine.py"]',
        'block = ["artkit-slow"]',
        'prefer = { vit-tiny = "mine.py" }',
        'require = ["torch"]',
    ]
    path.write_text("\n".join(["[plugins]", *lines]))
    layer = read_recipe_file(path)
    recipe = resolve_recipe(layer, CommandLine(), load_registry(layer["plugins"]))
    said = {"files": [str(mine)], "block": ["artkit-slow"], "prefer": {"vit-tiny": "mine.py"}, "require": ["torch"]}
    assert recipe.to_plain()["plugins"] == said
    again = tmp_path / "elsewhere.toml"
    again.write_text(recipe.to_toml())
    assert read_recipe_file(again)["plugins"] == said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plugins = 3", r"'plugins' is a list of files, such as plugins = \[\"mine.py\"\], or a table"),
        (
            "[plugins]\nblok = []",
            r"\[plugins\] has no 'blok'. Did you mean 'block'\?\n  It has: files, block, prefer, re",
        ),
        ('[plugins]\nblock = "x"', "with lists of text; block = 'x' is neither"),
        ('[plugins]\nprefer = ["x"]', r"prefer = \['x'\] is no table of names"),
        ('[plugins]\nrequire = ["a b"]', r'require = "a b" cannot be read; write it as for pip'),
    ],
)
def test_what_a_recipe_cannot_say_about_plugins_is_refused(tmp_path, text, message):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=f"{path}: .*{message}"):
        read_recipe_file(path)


def test_the_schema_for_editors_knows_the_list_and_the_table():
    validator = jsonschema.Draft202012Validator(recipe_schema(load_registry()))
    table = {"files": ["mine.py"], "block": ["a"], "prefer": {"vit": "artkit-vit"}, "require": ["artkit-vit>=1"]}
    assert all(validator.is_valid({"plugins": said}) for said in ([], ["mine.py"], {}, table))
    assert not any(validator.is_valid({"plugins": said}) for said in (3, [3], {"blok": []}, {"prefer": {"vit": 3}}))


@pytest.mark.parametrize("command", [["list", "--check"], ["show", "models"]])
def test_the_commands_for_plugins_block_too(plugin_site, command):
    plugin_site.add("artkit-loud", "raise SystemExit('imported')", entry_point="loud")
    for block in (["--block", "loud"], ["--no-plugins"]):
        assert CliRunner().invoke(app, ["plugins", *command, *block]).exit_code == 0
    assert "artkit_loud" not in sys.modules


def test_the_command_line_adds_to_the_recipe_and_wins_over_its_preferences():
    recipe = PluginSettings(block=("a",), prefer={"x": "one", "y": "one"})
    line = plugin_settings(["mine.py", "no:b"], ["a", "c"], ["x=two"], no_plugins=True)
    joined = recipe.joined(line)
    assert (joined.files, joined.block, joined.installed) == (("mine.py",), ("a", "b", "c"), False)
    assert joined.prefer == {"x": "two", "y": "one"}


@pytest.mark.parametrize("text", ["vit", "=artkit-vit", "vit="])
def test_a_preference_that_cannot_be_read_is_refused(text):
    with pytest.raises(RecipeError, match=f"--prefer {text} cannot be read; write it as NAME=PACKAGE"):
        plugin_settings(prefer=[text])


# --- metadata that cannot be read -----------------------------------------------------------------------------------


def test_a_package_whose_entry_points_cannot_be_read_harms_no_other_and_is_told(plugin_site):
    plugin_site.add("artkit-vit", VIT)
    for name, text in {"artkit-torn": "[artkit]\nfoo\n", "stranger": "[console_scripts]\nfoo\n"}.items():
        plugin_site.add(name, "")
        (plugin_site.folder / f"{name.replace('-', '_')}-1.0.dist-info" / "entry_points.txt").write_text(text)
    registry = load_registry()
    assert registry.component("model", "vit-tiny").plugin.label == "artkit-vit 1.0"
    assert list(plugin_notes(registry)) == [
        "artkit-torn was left out: its entry_points.txt cannot be read; mend that with "
        "`pip install --force-reinstall artkit-torn`"
    ]
    assert plugin_of(registry, "artkit-torn").status == "damaged"


def test_metadata_in_an_unknown_encoding_counts_as_missing(plugin_site):
    plugin_site.add("artkit-vit", VIT, entry_point="vit")
    (plugin_site.folder / "artkit_vit-1.0.dist-info" / "METADATA").write_bytes(b"Name: artkit-vit\xff\n")
    registry = load_registry()
    assert registry.component("model", "vit-tiny").plugin.label == "vit"
    assert list(plugin_notes(registry)) == ["vit has no metadata, so nobody knows whether it is made for this artkit"]


@pytest.mark.parametrize("entry", ["artkit_odd:does.not.exist [extra]", "", "artkit_odd:", "no such module"])
def test_an_entry_point_that_leads_nowhere_is_a_failure_of_its_package_alone(plugin_site, entry):
    plugin_site.add("artkit-vit", VIT)
    plugin_site.add("artkit-odd", "")
    (plugin_site.folder / "artkit_odd-1.0.dist-info" / "entry_points.txt").write_text(f"[artkit]\nmain = {entry}\n")
    registry = load_registry()
    assert registry.component("model", "vit-tiny").plugin.label == "artkit-vit 1.0"
    assert plugin_of(registry, "artkit-odd").status.startswith(("failed", "registers nothing"))


def test_an_error_outside_of_pythons_usual_ones_is_a_failure_too(plugin_site):
    plugin_site.add("artkit-rust", "class PanicException(BaseException): ...\nraise PanicException('panicked')")
    assert plugin_of(load_registry(), "artkit-rust").failure.cause == "PanicException: panicked"


def test_an_entry_point_that_leads_nowhere_is_shown(plugin_site):
    plugin_site.add("artkit-odd", VIT)
    points = plugin_site.folder / "artkit_odd-1.0.dist-info" / "entry_points.txt"
    points.write_text("[artkit]\nodd = artkit_odd:::\n")
    cause = plugin_of(load_registry(), "artkit-odd").failure.cause
    assert cause == "ImportError: its entry point odd = 'artkit_odd:::' is neither a module nor module:object"
