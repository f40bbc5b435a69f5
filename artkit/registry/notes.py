"""What users should know of the plugins that are there, one note a plugin, by name and version."""

from collections.abc import Iterator

from packaging.utils import canonicalize_name

from artkit.registry.registry import Registry
from artkit.suggest import suggest


def plugin_notes(registry: Registry) -> Iterator[str]:
    """A line for each plugin that failed, is incompatible, slow or misbehaved.

    Plugins that the user blocked are not told of, names to block or prefer that nobody has are. Of names that several
    plugins have nothing is said here: see `clashes`.
    """
    yield from registry.unknown
    yield from _idle_preferences(registry)
    for plugin in registry.plugins:
        remarks = list(plugin.remarks)
        if remarks:
            is_at_fault = plugin.failure or plugin.side_effects
            report = f"; report it at {plugin.info.issues_url}" if is_at_fault and plugin.info.issues_url else ""
            yield f"{plugin.info.label} {'; it '.join(remarks)}{report}"


def _idle_preferences(registry: Registry) -> Iterator[str]:
    """Preferences that choose nothing: perhaps a slip of the finger."""
    packages = {canonicalize_name(plugin.info.namespace): plugin for plugin in registry.plugins}
    for name, package in registry.prefer.items():
        plugin = packages.get(canonicalize_name(package))
        components = plugin.components if plugin else ()
        names = [word for component in components for word in (component.name, *component.aliases)]
        if plugin is None:
            yield f"no plugin '{package}' is there, which was to provide {name}. {suggest(package, packages)}".rstrip()
        elif names and name not in names:
            yield f"{plugin.info.label} has no '{name}', which it was to provide. {suggest(name, names)}".rstrip()
