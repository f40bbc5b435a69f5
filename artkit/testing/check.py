"""One check of the contract: a small function whose docstring is the rule that it checks.

A check gets a *subject*, does something with it, and raises `CheckFailure` with what went wrong, or `NotApplicable`
with why the rule does not concern the subject. Anything else that it raises is a failure too. It may return a note for
people, such as a time that it measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

from artkit.contracts import Kind

LEVEL: Final = "1.0"
"""The newest level of the checks."""

Scope = Literal["plugin", "component", "case"]


class CheckFailure(AssertionError):  # noqa: N818 # named as what it is to people; an error it is to pytest
    """A rule of the contract that is broken; the message says how."""


class NotApplicable(Exception):  # noqa: N818 # no error at all
    """A rule that does not concern a subject; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of the contract, and how it is looked after."""

    function: Callable[[Any], str | None]
    kind: Kind | None
    """The kind of component that it is for; None: every kind."""
    scope: Scope
    """What it is run for once: a plugin, a component, or each case of options of a component."""
    since: str
    """The level that it came with."""
    needs_build: bool
    """Whether it means nothing for a component that cannot be built."""
    is_basic: bool = False
    """Whether those after it, of the same kind, mean nothing where it fails: one fault is told once."""

    @property
    def name(self) -> str:
        """As it is called in ids: "backward"."""
        return self.function.__name__

    @property
    def rule(self) -> str:
        """The rule in one sentence."""
        return " ".join((self.function.__doc__ or "").split("\n\n")[0].split())


def check(
    kind: Kind | None, *, scope: Scope = "case", since: str = "1.0", needs_build: bool = True, is_basic: bool = False
) -> Callable[[Callable[[Any], str | None]], Check]:
    """Make a check of a function; its name becomes the check's, its docstring the rule.

    Args:
        kind: The kind of component that it is for; None: every kind.
        scope: What it is run for once.
        since: The level that it comes with.
        needs_build: Whether it means nothing for a component that cannot be built.
        is_basic: Whether those after it, of the same kind, mean nothing where it fails.
    """
    return lambda function: Check(function, kind, scope, since, needs_build and scope == "case", is_basic)


def fail(problem: str) -> NoReturn:
    """Raise `CheckFailure`."""
    raise CheckFailure(problem)


def require(condition: object, problem: str) -> None:
    """Raise `CheckFailure` unless the condition holds."""
    if not condition:
        raise CheckFailure(problem)
