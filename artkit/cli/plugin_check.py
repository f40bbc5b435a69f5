"""`artkit plugins check`: the checks of the contract, one after another, with what is wrong and why."""

import json
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from artkit.contracts import Kind
    from artkit.testing.checking import CheckResult


def check(target: str, kinds: "Sequence[Kind]", assignments: "Sequence[str]", *, as_json: bool) -> None:
    """Check a plugin and leave with code 1 if it breaks a rule.

    Args:
        target: A distribution, an entry point or a module, or the path of a Python file.
        kinds: Kinds of component to check; none: all.
        assignments: Options to check them with.
        as_json: Whether to print the results for programs.

    Raises:
        RecipeError: if there is no plugin of that name, or an option cannot be used.
        PluginError: if it must not be imported.
    """
    from artkit.testing.checking import check_plugin, summary_of

    results = check_plugin(target, kinds or None, assignments)
    if as_json:
        done = list(results)
        plain = [{"id": one.id, "outcome": one.outcome, "reason": one.reason} for one in done]
        typer.echo(json.dumps(plain, indent=2))
    else:
        done = _tell(results)
        typer.echo(summary_of(done))
    if any(result.outcome == "failed" for result in done):
        raise typer.Exit(1)


def _tell(results: "Iterable[CheckResult]") -> "list[CheckResult]":
    """Print a line for each component as soon as it is checked, and failures in full."""
    from rich.console import Console

    console = Console(stderr=True, markup=False, highlight=False)
    told: list[CheckResult] = []
    for subject, group in groupby(_live(results, console), key=lambda result: result.id.partition("::")[0]):
        done = list(group)
        typer.echo(f"{subject}: {_count(done)}")
        for result in (result for result in done if result.outcome == "failed"):
            typer.secho(f"  {result.id.rpartition('::')[2]} failed", fg="red", bold=True)
            typer.echo("\n".join(f"    {line}" for line in result.reason.splitlines()))
        told += done
    return told


def _count(results: "Sequence[CheckResult]") -> str:
    """What came of the checks of one component: "9 passed, 1 not applicable"."""
    outcomes = Counter(result.outcome for result in results)
    return ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())


def _live(results: "Iterable[CheckResult]", console: "Console") -> "Iterator[CheckResult]":
    """The results as they come; on a terminal, a line that shows the last one meanwhile."""
    with console.status("loading") as line:
        for number, result in enumerate(results, start=1):
            line.update(f"{number} checks, the last one {result.id}")
            yield result
