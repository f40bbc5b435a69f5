"""`contract(...)` as authors meet it: what it makes of a plugin, and of what they say about it."""

import subprocess
import sys
from textwrap import dedent
from types import SimpleNamespace

import pytest

from artkit.errors import ArtkitError, PluginError, RecipeError
from artkit.testing import contract
from artkit.testing import pytest_contract as front
from artkit.testing.check import check, fail
from artkit.testing.plan import CheckResult, summary_of

SCHEDULES = """
    from typing import Annotated
    from artkit import Ge, hookimpl

    @hookimpl
    def artkit_schedules(register):
        register("falling", falling)
        register("broken", broken)

    def falling(ctx, *, power: Annotated[float, Ge(0), "of what is left"] = 1.0):
        '''Down to 0.'''
        return lambda progress: (1 - progress) ** power

    def broken(ctx):
        '''Below 0.'''
        return lambda progress: 0.5 - progress
"""


@pytest.fixture
def schedules(tmp_path):
    file = tmp_path / "schedules.py"
    file.write_text(dedent(SCHEDULES))
    return file


def parameters(test_function):
    (mark,) = test_function.pytestmark
    return {parameter.id: parameter for parameter in mark.args[1]}


def outcome_of(test_function, name):
    """What a test of the function comes to, and the reason."""
    (planned,) = parameters(test_function)[name].values
    request = SimpleNamespace(node=SimpleNamespace(user_properties=[]))
    try:
        test_function(planned, request)
    except (pytest.skip.Exception, pytest.fail.Exception, pytest.xfail.Exception) as error:
        return type(error).__name__.lower(), str(error)
    return "passed", ""


def test_there_is_a_test_for_each_rule_component_and_case_and_one_that_counts(schedules):
    ids = list(parameters(contract(schedules, cases={"falling": [{}, {"power": 2.0}]})))
    assert {"plugin/schedules.py::light_import", "schedule/falling::pure"} <= set(ids)
    assert "schedule/falling[power=2.0]::multipliers" in ids
    assert "schedule/falling[power=2.0]::documented" not in ids
    assert ids[-1] == "summary"


def test_a_broken_rule_fails_with_what_is_wrong_and_the_rule(schedules):
    how, said = outcome_of(contract(schedules), "schedule/broken::multipliers")
    assert how == "failed"
    assert said == (
        "schedule/broken: it gives -0.014285714285714235 at 0.514286.\n"
        "The rule: A schedule gives a finite number from 0 up for all progress from 0 to 1, both included."
    )


def test_what_stands_on_a_broken_rule_waits_for_it(schedules):
    assert outcome_of(contract(schedules), "schedule/broken::pure") == ("skipped", "see multipliers first")


def test_a_failure_that_is_expected_is_one_with_its_reason(schedules):
    test = contract(schedules, expected_failures={"broken:multipliers": "is meant so"})
    assert outcome_of(test, "schedule/broken::multipliers") == ("xfailed", "is meant so")


@pytest.mark.parametrize("name", ["falling:pure", "schedule/falling:pure", "falling[power=2.0]:pure"])
def test_a_failure_that_is_expected_and_does_not_come_is_a_failure(schedules, name):
    test = contract(schedules, cases={"falling": [{"power": 2.0}]}, expected_failures={name: "once"})
    how, said = outcome_of(test, "schedule/falling[power=2.0]::pure")
    assert (how, "passes: take it out of expected_failures" in said) == ("failed", True)


def test_a_failure_that_is_expected_of_what_does_not_apply_is_a_failure(schedules):
    test = contract(schedules, expected_failures={"broken:pure": "once"})
    how, said = outcome_of(test, "schedule/broken::pure")
    assert how == "failed"
    assert said == "schedule/broken::pure is not applicable (see multipliers first): take it out of expected_failures"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (
            {"cases": {"faling": [{}]}},
            r"^cases names 'faling', but schedules\.py has no such component\. .*'falling'\?$",
        ),
        (
            {"cases": {"falling": []}},
            r"^cases\['falling'\] is \[\]; write a list of tables of options, such as \[\{\}\]",
        ),
        ({"cases": {"falling": {"power": 1.0}}}, r"^cases\['falling'\] is \{'power': 1\.0\}; write a list of tables"),
        ({"roots": {"fold": len}}, r"^roots names 'fold', but schedules\.py has no such component"),
        ({"expected_failures": {"falling:puer": "x"}}, r"^expected_failures names 'falling:puer', .*'falling:pure'\?$"),
        ({"checks": "9.0"}, r"^checks='9\.0' is newer than this artkit, which has 1\.0; update artkit, or lower it$"),
        ({"checks": "new"}, r"^checks='new' is no level; write it as checks='1\.0'$"),
    ],
)
def test_what_is_said_of_things_that_are_not_there_is_an_error(schedules, said, error):
    with pytest.raises(ArtkitError, match=error):
        contract(schedules, **said)


def test_an_option_of_a_case_that_is_not_there_fails_with_a_suggestion(schedules):
    test = contract(schedules, cases={"falling": [{"powr": 2.0}]})
    how, said = outcome_of(test, "schedule/falling[powr=2.0]::builds")
    assert how == "failed"
    assert "has no option 'powr'. Did you mean 'power'?" in said


def test_a_plugin_that_does_not_load_has_one_test_that_says_why(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("from artkit import hookimpl\n\n@hookimpl\ndef artkit_modles(register): ...\n")
    test = contract(file, cases={"unknown": [{}]})
    assert list(parameters(test)) == ["plugin/bad.py::loads", "summary"]
    assert (
        "there is no hook artkit_modles. Did you mean 'artkit_models'?" in outcome_of(test, "plugin/bad.py::loads")[1]
    )


def test_a_plugin_that_is_not_there_is_an_error_with_near_matches():
    with pytest.raises(RecipeError, match=r"^there is no plugin 'artkitt'\. Did you mean 'artkit'\? Give the name of"):
        contract("artkitt")


def test_a_package_for_another_artkit_is_not_checked(plugin_site):
    plugin_site.add("artkit-old", SCHEDULES, requires=["artkit<0.0.1"])
    with pytest.raises(PluginError, match=r"^artkit-old 1\.0 cannot be checked: needs artkit <0\.0\.1"):
        contract("artkit-old")


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        (["artkit>=0.1,<9"], None),
        (["artkit>=0.1,<9", "torch>=2.5", "numpy<9"], None),
        (["artkit>=0.1,<9", "torch==2.5"], "it pins torch==2.5"),
        (["artkit>=0.1"], "'artkit>=0.1' would take any later artkit too"),
        (["numpy"], "it does not require artkit"),
    ],
)
def test_a_package_bounds_artkit_from_above_and_leaves_torch_alone(plugin_site, requires, said):
    plugin_site.add("artkit-falling", SCHEDULES, requires=requires)
    how, reason = outcome_of(contract("artkit-falling"), "plugin/main::requirements")
    assert how == ("passed" if said is None else "failed"), reason
    assert (said or "") in reason


def test_a_module_of_a_package_that_is_not_installed_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "artkit_falling_uninstalled.py").write_text(dedent(SCHEDULES))
    test = contract("artkit-falling-uninstalled")
    assert outcome_of(test, "plugin/artkit_falling_uninstalled::registers_again") == ("passed", "")
    assert outcome_of(test, "schedule/falling::spawns") == ("passed", "")


def test_a_check_that_is_newer_than_the_level_only_warns(schedules, monkeypatch):
    @check("schedule", since="1.1")
    def rising(subject):
        """A schedule rises."""
        fail("it falls")

    from artkit.testing import checks, plan

    monkeypatch.setattr(front, "LEVEL", "1.1")
    newer = [*checks.all_checks(), rising]
    monkeypatch.setattr(plan, "all_checks", lambda: newer)
    with pytest.warns(front.NewCheckWarning, match=r"it falls\.\nThe rule: A schedule rises\.\nThis check is new"):
        assert outcome_of(contract(schedules, checks="1.0"), "schedule/falling::rising")[0] == "passed"
    assert outcome_of(contract(schedules, checks="1.1"), "schedule/falling::rising")[0] == "failed"


def test_the_summary_counts_and_names_the_reasons():
    results = [CheckResult(str(n), "passed") for n in range(83)]
    results += [CheckResult("x", "expected", "see #12"), CheckResult("y", "not applicable", "no GPU")]
    assert summary_of(results) == "84 of 85 checks ran, 1 expected failure, 1 not applicable (no GPU)"
    assert summary_of([CheckResult("x", "failed")]) == "1 of 1 checks ran, 1 failed"


CONTRACT_FILE = """
    from artkit.testing import contract

    test_contract = contract("schedules.py", checks="1.0", expected_failures={"broken:multipliers": "is meant so"})
"""


@pytest.mark.slow
def test_three_lines_are_a_test_file_wherever_they_stand(schedules, tmp_path):
    (tmp_path / "test_schedules.py").write_text(dedent(CONTRACT_FILE))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "\n21 of 26 checks ran, 1 expected failure, 5 not applicable (it is no installed package; " in done.stdout
    assert "1 xfailed" in done.stdout


def test_a_contract_of_which_less_than_half_ran_fails(tmp_path, request):
    file = tmp_path / "needy.py"
    file.write_text(dedent(SCHEDULES).replace("] = 1.0", "]").replace('register("broken", broken)', "pass"))
    test = contract(file)
    for name in parameters(test):
        if name.startswith("schedule"):
            outcome_of(test, name)
    with pytest.raises(
        pytest.fail.Exception, match=r"^fewer than half of the checks ran: 1 of 10 checks ran, 9 not app"
    ):
        test(None, request)
