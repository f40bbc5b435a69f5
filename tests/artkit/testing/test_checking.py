"""The checks outside of a test runner, and what `artkit.testing` is to those that import it."""

import subprocess
import sys
from textwrap import dedent

import pytest

import artkit.testing
from artkit.errors import RecipeError
from artkit.testing import check_plugin
from artkit.testing.checking import summary_of
from artkit.testing.checks import all_checks

TWO_KINDS = """
    from artkit import hookimpl

    @hookimpl
    def artkit_schedules(register):
        register("flat", flat)

    @hookimpl
    def artkit_reporters(register):
        register("mute", Mute)

    def flat(ctx):
        '''The same all along.'''
        return lambda progress: 1.0

    class Mute:
        def __init__(self, ctx): pass

        @hookimpl
        def artkit_log(self): pass
"""


@pytest.fixture(scope="module")
def two_kinds(tmp_path_factory):
    file = tmp_path_factory.mktemp("plugin") / "two.py"
    file.write_text(dedent(TWO_KINDS))
    return file


def test_all_rules_are_checked_and_counted(two_kinds):
    results = {result.id: result for result in check_plugin(two_kinds)}
    assert {result.outcome for result in results.values()} == {"passed", "failed", "not applicable"}
    failed = [id for id, result in results.items() if result.outcome == "failed"]
    assert failed == ["reporter/mute::documented"]
    assert results[failed[0]].reason.startswith("reporter/mute: the factory at ")
    assert results["plugin/two.py::requirements"].reason == "it is no installed package"
    summary = (
        f"{len(results) - 4} of {len(results)} checks ran, 1 failed, 4 not applicable (it is no installed package; "
    )
    assert summary_of(list(results.values())).startswith(summary)


def test_what_was_measured_is_told(two_kinds):
    told = {result.id: result.reason for result in check_plugin(two_kinds) if result.outcome == "passed"}
    assert told["plugin/two.py::fast_import"].endswith(" ms")
    assert told["reporter/mute::quick"].startswith("artkit_log: ")


LITTERING = """
    from artkit import hookimpl

    @hookimpl
    def artkit_schedules(register):
        register("littering", littering)

    @hookimpl
    def artkit_reporters(register):
        register("scribbling", Scribbling)

    def littering(ctx):
        '''Leaves a file where one is.'''
        open("left.txt", "w").close()
        return lambda progress: 1.0

    class Scribbling:
        '''Writes down the end of a run, where one is.'''
        def __init__(self, ctx): pass

        @hookimpl
        def artkit_run_end(self):
            open("end.txt", "w").close()
"""


def test_what_components_write_where_one_is_is_found_and_not_left_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(dedent(LITTERING))
    failed = {result.id: result.reason for result in check_plugin("mine.py") if result.outcome == "failed"}
    assert set(failed) == {"schedule/littering::process_untouched", "reporter/scribbling::own_folder"}
    assert "it writes into the working directory: left.txt." in failed["schedule/littering::process_untouched"]
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["mine.py"]


def test_one_kind_alone_is_checked_where_that_is_asked_for(two_kinds):
    ids = [result.id for result in check_plugin(str(two_kinds), kinds=["schedule"])]
    assert ids
    assert all(id.startswith("schedule/flat::") for id in ids)


def test_a_kind_that_a_plugin_does_not_have_is_no_success(two_kinds):
    with pytest.raises(RecipeError, match=r"two\.py has no model or loss to check; it has: schedule, reporter$"):
        list(check_plugin(two_kinds, kinds=["model", "loss"]))


def test_a_plugin_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(RecipeError, match=r"the plugin file .*nowhere\.py is not there"):
        list(check_plugin(tmp_path / "nowhere.py"))


@pytest.mark.parametrize("each", all_checks(), ids=lambda each: f"{each.kind or 'every'}-{each.name}")
def test_every_check_says_its_rule_in_a_sentence(each):
    assert each.rule.endswith(".")
    assert each.rule[0].isupper()


@pytest.mark.parametrize("name", artkit.testing.__all__)
def test_every_public_name_is_there(name):
    assert getattr(artkit.testing, name).__doc__


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'artkit\.testing' has no attribute 'nothing'$"):
        _ = artkit.testing.nothing


def test_checks_need_no_test_runner_and_their_package_is_light():
    code = """
        import sys, artkit.testing
        print(sorted({"torch", "numpy", "pytest"} & set(sys.modules)))
        import artkit.testing.checking, artkit.testing.fake_run, artkit.testing.tiny_run
        print("pytest" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "False"], done.stderr
