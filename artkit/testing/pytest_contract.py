"""The contract as one pytest function: a test for each rule, component and case, and a summary that counts them."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from artkit.errors import ArtkitError
from artkit.suggest import suggest
from artkit.testing.check import LEVEL
from artkit.testing.plan import Cases, CheckResult, PlannedCheck, plan_checks, summary_of
from artkit.testing.subject import Roots, name_of
from artkit.testing.target import Target, open_targets


class NewCheckWarning(UserWarning):
    """A check that is newer than the level which the author asked for, and fails."""


def contract(
    name_or_path: str | Path,
    *,
    checks: str = LEVEL,
    cases: Cases = MappingProxyType({}),
    expected_failures: Mapping[str, str] = MappingProxyType({}),
    roots: Roots = MappingProxyType({}),
    marks: Mapping[str, pytest.MarkDecorator] = MappingProxyType({}),
) -> Callable[..., None]:
    """Make a pytest function that checks a plugin against the whole contract.

    Each test is one rule for one component with one case of options: `model/vit-tiny[depth=2]::backward`. What does
    not apply is skipped and says why. The last one, `summary`, counts: "84 of 86 checks ran, 1 expected failure, 1 not
    applicable (no GPU)"; it fails if fewer than half ran.

    Args:
        name_or_path: A distribution, an entry point or a module, or the path of a Python file.
        checks: The level of checks to be held to, as of artkit at the time of writing. Failures of newer ones only
            warn, so that a new artkit turns no tests red.
        cases: Component -> options to check it with, a table for each case, such as `{"vit-tiny": [{}, {"depth": 2}]}`.
            Without cases, a component is checked with its examples, or else its defaults. Classes are named class-0 to
            class-4.
        expected_failures: "component:check" -> why it fails, such as `{"vit-tiny:amp_forward": "overflows"}`. One that
            passes, or does not apply, is a failure, so that the list is never out of date.
        roots: Source -> function that fills an empty folder and returns SRC; class folders of PNGs by default.
        marks: Component -> mark of its tests, such as `{"vit-huge": pytest.mark.slow}`.

    Returns:
        The function; assign it to a name that begins with `test_`.

    Raises:
        ArtkitError: if there is no such plugin, or a component or check that is named is not there.
    """
    pin = _read_level(checks)
    planned: list[PlannedCheck] = []
    targets = open_targets(name_or_path)
    _check_names(targets, cases=cases, roots=roots, marks=marks)
    for target in targets:
        planned += plan_checks(target, cases=cases, roots=roots)
    if all(target.plugin.components for target in targets):
        known = [name for one in planned for name in one.names]
        _check_known("expected_failures", expected_failures, known, "check", name_or_path)
    results: list[CheckResult] = []
    parameters = [pytest.param(one, id=one.id, marks=_marks_of(one, marks)) for one in planned]

    @pytest.mark.parametrize("planned_check", [*parameters, pytest.param(None, id="summary")])
    def test_contract(planned_check: PlannedCheck | None, request: pytest.FixtureRequest) -> None:
        if planned_check is None:
            _summarise(results, request)
            return
        result = planned_check.run()
        reasons = [expected_failures[name] for name in planned_check.names if name in expected_failures]
        if reasons and result.outcome == "failed":
            result = replace(result, outcome="expected", reason=reasons[0])
        results.append(result)
        if result.outcome == "passed" and result.reason:
            request.node.user_properties.append(("contract", result.reason))
        _tell(result, is_expected=bool(reasons), is_newer=_read_level(planned_check.check.since) > pin)

    return test_contract


def _tell(result: CheckResult, *, is_expected: bool, is_newer: bool) -> None:
    """Pass on to pytest what came of a check."""
    if result.outcome == "expected":
        pytest.xfail(result.reason)
    if is_expected:
        how = "passes" if result.outcome == "passed" else f"is not applicable ({result.reason})"
        pytest.fail(f"{result.id} {how}: take it out of expected_failures", pytrace=False)
    if result.outcome == "not applicable":
        pytest.skip(result.reason)
    if result.outcome == "failed" and is_newer:
        with warnings.catch_warnings():
            warnings.simplefilter("always")  # a warning it stays, also where warnings are errors
            warnings.warn(f"{result.reason}\nThis check is new; it counts with checks={LEVEL!r}.", NewCheckWarning)  # noqa: B028 # the line is of no interest
    elif result.outcome == "failed":
        pytest.fail(result.reason, pytrace=False)


def _summarise(results: Sequence[CheckResult], request: pytest.FixtureRequest) -> None:
    """Say how many checks ran, past the capture of output, and fail if they were too few."""
    if not results:
        pytest.skip("no check ran in this process before the summary")
    line = summary_of(results)
    request.node.user_properties.append(("contract", line))
    with request.getfixturevalue("capsys").disabled():
        print(f"\n{line}")  # noqa: T201 # people are meant to see it
    ran = sum(result.outcome != "not applicable" for result in results)
    if 2 * ran < len(results):
        pytest.fail(f"fewer than half of the checks ran: {line}", pytrace=False)


def _read_level(text: str) -> tuple[int, int]:
    major, dot, minor = text.partition(".")
    if not (dot and major.isdecimal() and minor.isdecimal()):
        raise ArtkitError(f"checks={text!r} is no level; write it as checks={LEVEL!r}")
    level, newest = (int(major), int(minor)), tuple(map(int, LEVEL.split(".")))
    if level > newest:
        raise ArtkitError(f"checks={text!r} is newer than this artkit, which has {LEVEL}; update artkit, or lower it")
    return level


def _check_names(targets: Sequence[Target], **named: Mapping[str, Any]) -> None:
    """Raise ArtkitError for what is said of components that are not there."""
    if not all(target.plugin.components for target in targets):
        return  # that is what the only test says then
    components = [component for target in targets for component in target.plugin.components]
    known = [text for one in components for text in (name_of(one), f"{one.kind}/{name_of(one)}")]
    label = targets[0].plugin.info.label
    for argument, names in named.items():
        _check_known(argument, names, known, "component", label)
    for name, given in named["cases"].items():
        if isinstance(given, Mapping) or not given:
            raise ArtkitError(f"cases[{name!r}] is {given!r}; write a list of tables of options, such as [{{}}]")


def _check_known(argument: str, names: Iterable[str], known: Sequence[str], what: str, label: object) -> None:
    for name in names:
        if name not in known:
            raise ArtkitError(
                f"{argument} names {name!r}, but {label} has no such {what}. {suggest(name, known)}".strip()
            )


def _marks_of(planned: PlannedCheck, marks: Mapping[str, pytest.MarkDecorator]) -> list[pytest.MarkDecorator]:
    return [mark for name, mark in marks.items() if name in planned.subject.names]
