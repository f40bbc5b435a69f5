"""The checks of the contract outside of a test runner, as `artkit plugins check` carries them out."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from artkit.contracts import Kind
from artkit.errors import RecipeError
from artkit.testing.assigned import assigned_cases
from artkit.testing.plan import CheckResult, plan_checks, summary_of
from artkit.testing.target import open_targets

__all__ = ["CheckResult", "check_plugin", "summary_of"]


def check_plugin(
    target: str | Path, kinds: Collection[Kind] | None = None, assignments: Sequence[str] = ()
) -> Iterator[CheckResult]:
    """Check a plugin, one rule after the other.

    Components are built with their authors' examples, or else their defaults, but for what is assigned; what cannot be
    checked so, such as a component with a required option, is "not applicable" and says why. Nothing is left in the
    folder that the user is in.

    Args:
        target: A distribution, an entry point or a module, or the path of a Python file.
        kinds: Kinds of component to check; None: all, and the plugin as a whole.
        assignments: Options such as "model.depth=2" or, of one of several models, "model.vit-tiny.depth=2"; they are
            laid over the first example.

    Yields:
        The result of each check: `id`, `outcome` ("passed", "failed", "expected" or "not applicable") and `reason`.

    Raises:
        RecipeError: if there is no plugin of that name, it has no component of these kinds, or an option cannot be
            used.
        PluginError: if it must not be imported, such as one that needs another artkit.
    """
    targets = open_targets(target)
    checked = [each for one in targets for each in one.plugin.components if kinds is None or each.kind in kinds]
    cases = assigned_cases(checked, assignments)
    planned = [check for one in targets for check in plan_checks(one, kinds=kinds, cases=cases)]
    if not planned:
        there = dict.fromkeys(kind for one in targets for kind in one.plugin.kinds)
        raise RecipeError(f"{target} has no {' or '.join(kinds or ())} to check; it has: {', '.join(there)}")
    for check in planned:
        yield check.run()
