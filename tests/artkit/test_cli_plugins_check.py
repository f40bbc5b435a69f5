"""`artkit plugins check`: what it says of a plugin that keeps the rules, and of one that does not."""

import json
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from artkit.cli.plugins import plugins_app
from artkit.errors import PluginError, RecipeError

STEADY = """
    from typing import Annotated

    from artkit import Gt, ScheduleContext, hookimpl


    @hookimpl
    def artkit_schedules(register):
        register("steady", steady)


    def steady(ctx: ScheduleContext, *, rate: Annotated[float, Gt(0), "multiplier"] = 1.0):
        '''The same all along.'''
        return lambda progress: rate
"""

LACKING = """
    from artkit import hookimpl


    @hookimpl
    def artkit_schedules(register):
        register("lacking", lacking)


    @hookimpl
    def artkit_losses(register):
        register("broken", broken)


    def lacking(ctx, *, rate: float):
        return lambda progress: rate


    def broken(ctx):
        '''Cannot be built.'''
        raise ValueError("no such file")
"""


@pytest.fixture
def check(plugin_site):
    """Runs `artkit plugins check ...` in this process; errors are raised."""
    return lambda *arguments: CliRunner().invoke(plugins_app, ["check", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.slow
def test_a_plugin_that_keeps_the_rules_is_told_so_component_by_component(check, plugin_site):
    plugin_site.add("artkit-steady", STEADY, requires=["artkit<1"])
    result = check("artkit-steady")
    assert result.exit_code == 0, result.output
    *subjects, last = result.stdout.splitlines()
    assert [line.partition(": ")[0] for line in subjects] == ["plugin/main", "schedule/steady"]
    assert subjects[1].endswith(" passed, 1 not applicable")
    assert " checks ran, 1 not applicable (it does not observe validation)" in last


def test_failures_are_told_in_full_and_end_with_1(check, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(dedent(LACKING))
    result = check(file)
    assert result.exit_code == 1
    assert "loss/broken: " in result.stdout
    rest = result.stdout.partition("  builds failed\n")[2].splitlines()
    assert "ValueError: no such file" in rest[0]
    assert any(line.startswith("    The rule: ") for line in rest)
    assert "  documented failed\n" in result.stdout
    said = "schedule/lacking needs rate: give it with --set schedule.lacking.rate=VALUE, or as its author in examples"
    assert said in result.stdout.splitlines()[-1]


def test_an_option_without_a_default_is_given_on_the_command_line(check, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(dedent(LACKING))
    arguments = (file, "--kind", "schedule", "--json")
    without, given = (
        {row["id"]: row["outcome"] for row in json.loads(check(*arguments, *more).stdout)}
        for more in ((), ("--set", "schedule.lacking.rate=0.5"))
    )
    assert without["schedule/lacking::multipliers"] == "not applicable"
    assert given["schedule/lacking[rate=0.5]::multipliers"] == "passed"
    assert given["schedule/lacking[rate=0.5]::spawns"] == "passed"


def test_an_error_of_artkits_own_is_told_in_its_words(check, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(dedent(LACKING))
    output = check(file).stdout
    assert "    loss/broken: loss 'broken' (mine.py) could not be built: ValueError: no such file\n" in output
    assert "ComponentError" not in output


def test_results_come_as_json_and_of_chosen_kinds(check, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(dedent(LACKING))
    result = check(file, "--kind", "losses", "--json")
    rows = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {row["id"].partition("::")[0] for row in rows} == {"loss/broken"}
    assert {row["outcome"] for row in rows} <= {"passed", "failed", "expected", "not applicable"}
    assert all(row["reason"] for row in rows if row["outcome"] != "passed")


def test_what_a_plugin_prints_is_kept_out_of_the_results(check, tmp_path):
    file = tmp_path / "loud.py"
    file.write_text(dedent(STEADY).replace("    return lambda", "    print('built')\n    return lambda"))
    result = check(file, "--kind", "schedule", "--json")
    failed = [row["id"] for row in json.loads(result.stdout) if row["outcome"] == "failed"]
    assert failed == ["schedule/steady::prints_nothing"]


def test_a_plugin_that_does_not_load_fails_with_its_line(check, tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("import os\n1 / 0")
    result = check(file)
    assert result.exit_code == 1
    assert "ZeroDivisionError: division by zero" in result.stdout
    assert f"{file}:2" in result.stdout


def test_what_cannot_be_checked_is_an_error(check, plugin_site, monkeypatch):
    plugin_site.add("artkit-old", STEADY, requires=["artkit<0.0.1"])
    with pytest.raises(PluginError, match=r"cannot be checked: needs artkit <0\.0\.1 \(have .*; mend that with `pip"):
        check("artkit-old")
    with pytest.raises(RecipeError, match=r"^there is no plugin 'artkit-odl'\. Did you mean 'artkit-old'\?"):
        check("artkit-odl")
    with pytest.raises(RecipeError, match=r"^the plugin file gone\.py is not there"):
        check("gone.py")
