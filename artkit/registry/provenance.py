"""What the record of a run says of each component in use, so that a later run can tell what has changed since."""

import hashlib
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from artkit.errors import RecipeError
from artkit.registry.component import Component


def provenance_of(component: Component, options: Mapping[str, Any]) -> dict[str, Any]:
    """Where a component comes from, and what it was built with, as plain values for JSON.

    Args:
        component: One in use.
        options: Its options, plain.

    Returns:
        "sha256" is that of the plugin's file, or of the component's file in an editable installation, whose source
        changes without its version; else None.
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
        "sha256": _digest(component) if plugin.editable else plugin.sha256,
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
        if dist is not None and not _is_installed(dist):
            wanted = f"'git+{row['from']}@{row['commit']}'" if row["commit"] else f"{dist}=={row['version']}"
            raise RecipeError(
                f"{run} has its {row['kind']} from {dist} {row['version']}, which is not installed any more; "
                f"pip install {wanted}"
            )


def _is_installed(dist: str) -> bool:
    try:
        return bool(version(dist))
    except PackageNotFoundError:
        return False


def _digest(component: Component) -> str | None:
    path = Path(component.place.rpartition(":")[0])
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
