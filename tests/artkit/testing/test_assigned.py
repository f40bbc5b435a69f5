"""`--set` for checks: which components an option goes to, and what is told if it goes to none."""

from textwrap import dedent

import pytest

from artkit.errors import RecipeError
from artkit.testing import check_plugin, load_plugin
from artkit.testing.assigned import assigned_cases

SCHEDULES = """
    from dataclasses import dataclass
    from pathlib import Path
    from artkit import hookimpl

    @dataclass(frozen=True)
    class Warmup:
        share: float = 0.0
        floor: float = 0.1

    @hookimpl
    def artkit_schedules(register):
        register("falling", falling, renamed={"exponent": "power"})
        register("v1.rising", rising)
        register("v1.rising", rising, version=2)

    def falling(ctx, *, power: float = 1.0, table: Path | None = None, warmup: Warmup = Warmup()):
        '''Down to 0.'''
        if table:
            power *= float(table.read_text())
        return lambda progress: (1 - progress) ** power

    def rising(ctx, *, start: float, power: float = 1.0):
        '''Up to 1.'''
        return lambda progress: start + (1 - start) * progress ** power
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(dedent(SCHEDULES))
    return path


@pytest.fixture
def cases(file):
    components = load_plugin(file).components()
    return lambda *assignments: assigned_cases(components, assignments)


def test_an_option_goes_to_each_component_that_knows_it_or_to_the_one_that_is_named(cases):
    assert cases("schedule.falling.power=2") == {"schedule/falling": [{"power": 2.0}]}
    assert cases("schedule.start=0.5") == {
        "schedule/v1.rising": [{"start": 0.5}],
        "schedule/v1.rising@2": [{"start": 0.5}],
    }
    assert cases("schedule.v1.rising@2.start=0.5", "schedule.v1.rising@2.power=2") == {
        "schedule/v1.rising@2": [{"start": 0.5, "power": 2.0}]
    }


def test_who_lacks_another_option_still_is_left_out_and_keeps_nobody_from_being_checked(file):
    results = {result.id: result for result in check_plugin(file, assignments=["schedule.power=2"])}
    assert results["schedule/falling[power=2.0]::multipliers"].outcome == "passed"
    left_out = results["schedule/v1.rising[power='2']::multipliers"]
    assert (left_out.outcome, left_out.reason) == (
        "not applicable",
        "schedule/v1.rising[power='2'] needs start: give it with --set schedule.v1.rising.start=VALUE, or as its "
        "author in examples or cases",
    )


def test_options_in_groups_and_under_old_names_are_known(cases):
    assert cases("schedule.warmup.share=0.2") == {"schedule/falling": [{"warmup": {"share": 0.2, "floor": 0.1}}]}
    assert cases("schedule.exponent=3") == {"schedule/falling": [{"power": 3.0}]}


def test_paths_are_relative_to_where_the_user_is_and_not_to_where_checks_work(cases, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.txt").write_text("2")
    assert cases("schedule.table=table.txt") == {"schedule/falling": [{"table": str(tmp_path / "table.txt")}]}
    failed = [each.id for each in check_plugin("mine.py", assignments=["schedule.table=table.txt"]) if is_fault(each)]
    assert failed == []


def is_fault(result):
    """Whether a check of the schedule that works fails."""
    return result.id.startswith("schedule/falling") and result.outcome == "failed" and "documented" not in result.id


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("schedule.power", r"^--set schedule\.power cannot be read; write it as kind\.option=value"),
        ("schedul.power=1", r"^--set schedul\.power=1: there is no kind 'schedul'\. Did you mean 'schedule'\?$"),
        ("model.depth=1", r"^--set model\.depth=1: there is no model among what is checked: schedule/falling, sch"),
        (
            "schedule.powr=1",
            r"^--set schedule\.powr=1: no schedule that is checked \(falling, v1\.rising, v1\.rising@2\) has that "
            r"option\. Did you mean 'power'\?$",
        ),
        ("schedule.faling.power=1", r"has that option\. Write schedule\.NAME\.power\.$"),
        ("schedule.falling.powr=1", r"^schedule 'falling' \(mine\.py\) has no option 'powr'\. Did you mean 'power'"),
        ("schedule.falling.power=x", r"^schedule 'falling' \(mine\.py\): power='x' is of the wrong type"),
    ],
)
def test_what_is_for_nobody_or_cannot_be_used_is_an_error(cases, assignment, message):
    with pytest.raises(RecipeError, match=message):
        cases(assignment)
