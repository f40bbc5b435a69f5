"""What is checked of a plugin: every check for each subject that it is for, and what comes of it."""

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from types import MappingProxyType
from typing import Any, Literal

from artkit.contracts import Kind
from artkit.registry.failure import author_line, raised_text
from artkit.testing.apart import working_in
from artkit.testing.check import Check, CheckFailure, NotApplicable
from artkit.testing.checks import all_checks
from artkit.testing.checks.every import build_error
from artkit.testing.observing import fixed_generators
from artkit.testing.subject import PluginSubject, Roots, Subject, name_of
from artkit.testing.target import Target

Cases = Mapping[str, Sequence[Mapping[str, Any]]]
"""Name of a component, with or without its kind -> options of each case."""

Outcome = Literal["passed", "failed", "expected", "not applicable"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of a check."""

    id: str
    """Such as "model/vit-tiny[depth=2]::backward"."""
    outcome: Outcome
    """"passed", "failed", "expected" to fail, or "not applicable"."""
    reason: str = ""
    """How the rule is broken, and the rule; or why it does not apply; or what was measured; or ""."""


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check and what it is for."""

    check: Check
    subject: PluginSubject | Subject
    basics: tuple[Check, ...] = ()
    """Checks of the kind that must pass before this one means anything."""
    is_last: bool = False
    """Whether no other check of the same component and case comes after it."""

    @property
    def id(self) -> str:
        """Such as "model/vit-tiny[depth=2]::backward"."""
        return f"{self.subject.id}::{self.check.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """What expected failures may call it."""
        return tuple(f"{name}:{self.check.name}" for name in self.subject.names)

    def run(self) -> CheckResult:
        """Carry it out. Nothing that the plugin raises gets out."""
        error = self._look()
        if self.is_last:
            self.subject.forget()
        if error is None:
            return CheckResult(self.id, "passed", self.subject.notes.get(self.check.name, ""))
        if isinstance(error, NotApplicable):
            return CheckResult(self.id, "not applicable", str(error))
        if isinstance(error, CheckFailure):
            return CheckResult(self.id, "failed", self._with_rule(str(error)))
        problem, line = raised_text(error), author_line(error)
        place = f" at {line}" if line and line not in problem else ""
        return CheckResult(self.id, "failed", self._with_rule(f"{problem}{place}"))

    def _look(self) -> BaseException | None:
        """What the check raised, which is kept: others want to know of it too."""
        verdicts = self.subject.verdicts
        if self.check.name not in verdicts:
            verdicts[self.check.name] = None
            try:
                with working_in(self.subject.new_folder()):
                    note = self._carry_out()
                if note:
                    self.subject.notes[self.check.name] = note
            except (Exception, SystemExit) as error:
                verdicts[self.check.name] = error
        return verdicts[self.check.name]

    def _carry_out(self) -> str | None:
        """What the check notes; raises what it does."""
        self._check_basics()
        # One check looks for warnings and one for what is printed; the others find other faults.
        with fixed_generators(), warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            return self.check.function(self.subject)

    def _check_basics(self) -> None:
        """Raise NotApplicable where another fault must be mended first."""
        subject = self.subject
        if not self.check.needs_build or not isinstance(subject, Subject):
            return
        if subject.lack:
            raise NotApplicable(subject.lack)
        if subject.share(build_error) is not None:
            raise NotApplicable("it cannot be built; see builds")
        for basic in self.basics:
            error = PlannedCheck(basic, subject)._look()
            if error is not None:
                raise error if isinstance(error, NotApplicable) else NotApplicable(f"see {basic.name} first")

    def _with_rule(self, problem: str) -> str:
        return f"{self.subject.id}: {problem}.\nThe rule: {self.check.rule}".replace("..\n", ".\n")


def plan_checks(
    target: Target,
    *,
    kinds: Collection[Kind] | None = None,
    cases: Cases = MappingProxyType({}),
    roots: Roots = MappingProxyType({}),
) -> list[PlannedCheck]:
    """All checks of a plugin; of one that does not load, only that.

    Args:
        target: The plugin.
        kinds: Kinds of component to check; None: all, and the plugin as a whole.
        cases: Options to check components with; those that are not named have their author's examples, or else one
            case of defaults.
        roots: What sources read.
    """
    plugin = PluginSubject(target, roots)
    for component in target.plugin.components:
        if kinds is None or component.kind in kinds:
            name = name_of(component)
            given = cases.get(name) or cases.get(f"{component.kind}/{name}") or component.examples or [{}]
            plugin.subjects += [Subject(component, options, plugin) for options in given]
    checks = all_checks()
    loads = [PlannedCheck(check, plugin) for check in checks if check.scope == "plugin"]
    if target.plugin.failure or not target.plugin.components:
        return loads[:1]
    found = [*loads] if kinds is None else []
    for subject in plugin.subjects:
        basics: tuple[Check, ...] = ()
        for check in _checks_of(checks, subject, plugin):
            found.append(PlannedCheck(check, subject, basics))
            basics += (check,) if check.is_basic else ()
        found[-1] = replace(found[-1], is_last=True)
    return found


def _checks_of(checks: Sequence[Check], subject: Subject, plugin: PluginSubject) -> Iterator[Check]:
    is_first = next(one for one in plugin.subjects if one.component is subject.component) is subject
    for check in checks:
        if check.scope == "plugin" or check.kind not in (None, subject.kind):
            continue
        if check.scope == "case" or is_first:
            yield check


def summary_of(results: Sequence[CheckResult]) -> str:
    """One line: "84 of 86 checks ran, 1 expected failure, 1 not applicable (no GPU)"."""
    count = {outcome: sum(result.outcome == outcome for result in results) for outcome in _OUTCOMES}
    words = [f"{len(results) - count['not applicable']} of {len(results)} checks ran"]
    words += [f"{count['failed']} failed"] if count["failed"] else []
    if count["expected"]:
        words.append(f"{count['expected']} expected failure{'s' if count['expected'] > 1 else ''}")
    if count["not applicable"]:
        words.append(f"{count['not applicable']} not applicable ({_reasons(results)})")
    return ", ".join(words)


_OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "expected", "not applicable")


def _reasons(results: Sequence[CheckResult]) -> str:
    reasons = [result.reason for result in results if result.outcome == "not applicable"]
    return "; ".join(f"{reason}" for reason in dict.fromkeys(reasons))
