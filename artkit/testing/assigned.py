"""Options for what is checked as a command line gives them: `--set KIND.OPTION=VALUE`, as for runs.

A run has one model; what is checked may have several. An option goes to each component of the kind that knows it, or,
with a name in front, to that one: `--set model.vit-tiny.depth=2`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from artkit.contracts import KINDS, Kind
from artkit.errors import RecipeError
from artkit.options import CommandLineText
from artkit.recipe.assignments import meant_options, read_assignment
from artkit.registry import Component
from artkit.suggest import suggest
from artkit.testing.plan import Cases
from artkit.testing.subject import lacking_options, name_of, settled


def assigned_cases(components: Sequence[Component], assignments: Sequence[str]) -> Cases:
    """A case for each component that is given an option.

    Args:
        components: What is checked.
        assignments: The values of `--set`.

    Raises:
        RecipeError: if one cannot be read, no component has that option, or a value cannot be used.
    """
    given: dict[str, dict[str, Any]] = {}
    owners = {f"{component.kind}/{name_of(component)}": component for component in components}
    for assignment in assignments:
        section, parts, text = read_assignment(assignment)
        for name, option in _meant(assignment, _read_kind(assignment, section), parts, owners):
            given.setdefault(name, {})[option] = CommandLineText(text)
    return {name: [_case(owners[name], values)] for name, values in given.items()}


def _read_kind(assignment: str, section: str) -> Kind:
    for kind in KINDS:
        if section == kind:
            return kind
    raise RecipeError(f"--set {assignment}: there is no kind '{section}'. {suggest(section, KINDS)}".rstrip())


def _meant(assignment: str, kind: Kind, parts: Sequence[str], owners: Mapping[str, Component]) -> list[tuple[str, str]]:
    """Name of each component that an assignment is for, and its option."""
    there = {name: component for name, component in owners.items() if component.kind == kind}
    if not there:
        raise RecipeError(f"--set {assignment}: there is no {kind} among what is checked: {', '.join(owners)}")
    possible = [(name, option) for name, component in there.items() for option in meant_options(component, parts)]
    known = [(name, option) for name, option in possible if owners[name].options.knows(option)]
    if not known and len(possible) == 1:
        owners[possible[0][0]].resolve({possible[0][1]: ""})  # raises, and tells which options there are
    if not known:
        options = {option for component in there.values() for option in component.options.leaves}
        close = f"Write {kind}.NAME.{parts[-1]}." if parts[-1] in options else suggest(parts[-1], options)
        names = ", ".join(map(name_of, there.values()))
        raise RecipeError(f"--set {assignment}: no {kind} that is checked ({names}) has that option. {close}".rstrip())
    return known


def _case(component: Component, values: dict[str, Any]) -> dict[str, Any]:
    """The values, over those of the first example; as they are typed, where others lack and so nothing can be built."""
    given = component.options.lay_over(next(iter(component.examples), {}), values)
    return given if lacking_options(component, given) else settled(component, given)
