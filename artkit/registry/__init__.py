"""The registry: which plugins there are, what they provide, and how a component is looked up and built.

    info.py       who a plugin is: name, version, origin, where to report
    repository.py the commit that a folder's source is at
    entry_points.py  the entry points of plugins, also where some package is damaged
    settings.py   what a recipe or a command line says about plugins
    switches.py   which installed plugins the user blocked
    installed.py  what is installed
    gate.py       which need another artkit than this one; which are required
    discovery.py  finds plugins without importing them; decides which are left out, and why
    hooks.py      finds the hook implementations of an object and checks them against the specs
    scratch.py    what one plugin registers, checked piece by piece
    failure.py    why a plugin failed: the cause, and the line of the author's file
    import_watch.py  how long a plugin takes to import, and what it does beside
    process_state.py  what all of a process shares, put back after a plugin was imported
    plugin.py     one plugin and what became of it
    loading.py    imports one plugin and collects all it registers, or says why not; never half
    component.py  one component: its options, how it is built, and whose fault an error is
    registry.py   all plugins and components; lookup by name
    notes.py      what users should know of the plugins that are there
    clashes.py    names that several of them have
    provenance.py what the record of a run says of each component in use
    source.py     the digest of a plugin's source
    shared.py     options that every component of a kind has

One broken plugin never stops the others. Modules are imported when a name of theirs is first asked for, so that the
list of plugins does without what only loading them needs.
"""

from typing import TYPE_CHECKING, Final

from artkit.lazy import lazy_names

if TYPE_CHECKING:
    from artkit.registry.clashes import clash_notes
    from artkit.registry.component import Component
    from artkit.registry.discovery import FoundPlugin, discover
    from artkit.registry.gate import LeftOut
    from artkit.registry.hooks import HookImpl, find_event_hooks
    from artkit.registry.info import PluginInfo
    from artkit.registry.loading import load_object
    from artkit.registry.notes import plugin_notes
    from artkit.registry.plugin import Plugin
    from artkit.registry.provenance import check_present, provenance_of
    from artkit.registry.registry import Registry, load_all, load_registry, plural, with_article
    from artkit.registry.settings import PluginSettings
    from artkit.registry.shared import shared_options

__all__ = [
    "Component",
    "FoundPlugin",
    "HookImpl",
    "LeftOut",
    "Plugin",
    "PluginInfo",
    "PluginSettings",
    "Registry",
    "check_present",
    "clash_notes",
    "discover",
    "find_event_hooks",
    "load_all",
    "load_object",
    "load_registry",
    "plugin_notes",
    "plural",
    "provenance_of",
    "shared_options",
    "with_article",
]

_HOMES: Final = {
    "clash_notes": "clashes",
    "Component": "component",
    "FoundPlugin": "discovery",
    "discover": "discovery",
    "LeftOut": "gate",
    "HookImpl": "hooks",
    "find_event_hooks": "hooks",
    "PluginInfo": "info",
    "load_object": "loading",
    "plugin_notes": "notes",
    "Plugin": "plugin",
    "check_present": "provenance",
    "provenance_of": "provenance",
    "Registry": "registry",
    "load_all": "registry",
    "load_registry": "registry",
    "plural": "registry",
    "with_article": "registry",
    "PluginSettings": "settings",
    "shared_options": "shared",
}
"""Public name -> the module here that has it."""

__getattr__ = lazy_names(__name__, _HOMES)
