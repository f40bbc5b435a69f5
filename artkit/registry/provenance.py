"""What the record of a run says of each component in use, so that a later run can tell what has changed since."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from artkit.errors import RecipeError
from artkit.registry.component import Component
from artkit.registry.info import EDITABLE
from artkit.registry.installed import installed_version
from artkit.registry.source import source_digest


def provenance_of(component: Component, options: Mapping[str, Any]) -> dict[str, Any]:
    """Where a component comes from, and what it was built with, as plain values for JSON.

    Args:
        component: One in use.
        options: Its options, plain.

    Returns:
        "sha256" is that of the plugin's file, or of its whole package in an editable installation, whose source changes
        without its version; else None. "commit" is then that of the repository it lies in.
    """
    plugin = component.plugin
    return {
        "kind": component.kind,
        "component": component.full_name,
        "distribution": plugin.dist,
        "version": plugin.version,
        "commit": plugin.commit,
        "editable": plugin.editable,
        "from": plugin.origin,
        "sha256": source_digest(_file(component)) if plugin.editable else plugin.sha256,
        "options": dict(options),
    }


def check_present(rows: Iterable[Mapping[str, Any]], run: str) -> None:
    """Check that the packages of a run's components are still installed.

    Args:
        rows: What `provenance_of` said of them.
        run: The run, for the message.

    Raises:
        RecipeError: if one is not, with the command that installs what the run had.
    """
    for row in rows:
        dist = row["distribution"]
        if dist is not None and not installed_version(dist):
            raise RecipeError(
                f"{run} has its {row['kind']} from {dist} {row['version']}, which is not installed any more; "
                f"pip install {_wanted(row)}"
            )


def _file(component: Component) -> Path:
    """The file of the module that registers it; factories may come from elsewhere."""
    module = sys.modules.get(component.plugin.module or "")
    return Path(getattr(module, "__file__", None) or component.place.rpartition(":")[0])


def _wanted(row: Mapping[str, Any]) -> str:
    """What to install to have what a run had, as pip takes it."""
    if row["editable"]:
        return f"--editable {quote(row['from'].removesuffix(EDITABLE))}"
    return f"'git+{row['from']}@{row['commit']}'" if row["commit"] else f"{row['distribution']}=={row['version']}"
