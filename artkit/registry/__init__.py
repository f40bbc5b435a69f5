"""The registry: which plugins there are, what they provide, and how a component is looked up and built.

    info.py       who a plugin is: name, version, origin, where to report
    discovery.py  finds plugins without importing them; decides which are left out, and why
    switches.py   which installed plugins the user wants
    hooks.py      finds the hook implementations of an object and checks them against the specs
    scratch.py    what one plugin registers, checked piece by piece
    failure.py    why a plugin failed: the cause, and the line of the author's file
    loading.py    imports one plugin and collects all it registers, or says why not; never half
    component.py  one component: its options, how it is built, and whose fault an error is
    registry.py   all plugins and components; lookup by name
    shared.py     options that every component of a kind has

One broken plugin never stops the others.
"""

from artkit.registry.component import Component
from artkit.registry.discovery import FoundPlugin, discover
from artkit.registry.hooks import HookImpl, find_event_hooks
from artkit.registry.info import PluginInfo
from artkit.registry.loading import Plugin, load_object
from artkit.registry.registry import Registry, load_all, load_registry, plural
from artkit.registry.shared import shared_options

__all__ = [
    "Component",
    "FoundPlugin",
    "HookImpl",
    "Plugin",
    "PluginInfo",
    "Registry",
    "discover",
    "find_event_hooks",
    "load_all",
    "load_object",
    "load_registry",
    "plural",
    "shared_options",
]
