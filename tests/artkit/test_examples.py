"""Options that an author names as examples: what is checked with them, and how users see them."""

from textwrap import dedent

import pytest
from typer.testing import CliRunner

from artkit.cli.plugins import plugins_app
from artkit.testing import check_plugin, contract, load_plugin
from artkit.testing.assigned import assigned_cases

PLUGIN = """
    from typing import Annotated
    from artkit import hookimpl

    @hookimpl
    def artkit_schedules(register):
        register("drop", drop, examples=[{"at": 0.5}, {"at": 0.9, "words": "a b"}])

    @hookimpl
    def artkit_augmenters(register):
        register("tint", tint, examples=[{"rgb": [0.1, 0.2, 0.3]}, {}])

    def drop(ctx, *, at: Annotated[float, "progress"], words: Annotated[str, "nothing"] = "none"):
        '''1, then 0.'''
        return lambda progress: float(progress < at)

    def tint(ctx, *, rgb: Annotated[tuple[float, float, float], "added"] = (0.0, 0.0, 0.0)):
        '''Another colour.'''
        return lambda images, draws: images
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(dedent(PLUGIN))
    return path


def test_a_component_is_checked_with_each_example_though_an_option_has_no_default(file):
    results = list(check_plugin(file, kinds=["schedule"]))
    passed = {result.id for result in results if result.outcome == "passed"}
    assert {"schedule/drop[at=0.5]::multipliers", "schedule/drop[at=0.9,words='a b']::spawns"} <= passed
    assert not any(result.outcome == "failed" for result in results)


def test_cases_of_a_test_stand_in_place_of_examples(file):
    (mark,) = contract(file, cases={"drop": [{"at": 0.1}]}).pytestmark
    subjects = {parameter.id.partition("::")[0] for parameter in mark.args[1]}
    assert {subject for subject in subjects if "drop" in subject} == {"schedule/drop[at=0.1]"}


def test_options_of_the_command_line_are_laid_over_the_first_example(file):
    components = load_plugin(file).components()
    assert assigned_cases(components, ["schedule.words=c"]) == {"schedule/drop": [{"at": 0.5, "words": "c"}]}
    assert assigned_cases(components, ["schedule.at=0.7"]) == {"schedule/drop": [{"at": 0.7}]}


def test_examples_are_shown_as_they_are_typed_for_a_run(file):
    def shown(kind, name):
        output = CliRunner().invoke(plugins_app, ["show", kind, name, "--plugin", str(file)]).stdout
        return output.partition("For example:\n")[2].splitlines()

    assert shown("schedule", "drop") == [
        "  --set schedule.at=0.5",
        "  --set schedule.at=0.9 --set 'schedule.words=a b'",
    ]
    assert shown("augmenter", "tint") == ["  --set 'augmenter.tint.rgb=[0.1, 0.2, 0.3]'", "  with its defaults"]
