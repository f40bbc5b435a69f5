"""The sections of a recipe, and how a component's table is laid over another.

Naming another component drops the options of the one before: they were meant for that one.
"""

from collections.abc import Mapping
from typing import Any, Final

from artkit.contracts import Kind
from artkit.registry import Registry

SETTINGS: Final = ("data", "train", "unknown", "retrain")
PLUGINS: Final = "plugins"

Layer = dict[str, Any]
"""Section name -> table, or list of tables for augmenters and reporters; "plugins" -> see `PluginSettings`."""


def lay_component(kind: Kind, base: Mapping[str, Any], value: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    """The table of a component with what another one says replaced; all of it, if that names another component."""
    if "name" in value and not _is_same(kind, value["name"], base.get("name"), registry):
        return dict(value)
    component = registry.component(kind, value.get("name") or base["name"])
    return component.options.lay_over(base, value)


def _is_same(kind: Kind, name: str, other: str | None, registry: Registry) -> bool:
    """Whether two names mean one component. Another version is another one: its options may differ."""
    if other is None:
        return False
    return registry.component(kind, name).full_name == registry.component(kind, other).full_name
